// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>

namespace newtape {

namespace {

Dims unpooled_size(const char* op, const In& x, std::size_t axes, const PerAxis& kernel_size,
                   const MaxUnpoolOptions& o) {
  const Dims kernel = kernel_size.over(op, "kernel_size", axes, 1);
  const Dims stride = o.stride.empty() ? kernel : o.stride.over(op, "stride", axes, 1);
  const Dims padding = o.padding.over(op, "padding", axes, 0);
  if (!o.output_size.empty()) return o.output_size.over(op, "output_size", axes, 0);
  Dims size;
  for (std::size_t a = 0; a < axes; ++a) {
    const auto length = x.shape()[x.ndim() - axes + a];
    size.push_back(std::max<std::int64_t>((length - 1) * stride[a] - 2 * padding[a] + kernel[a], 0));
  }
  return size;
}

Tensor max_unpool(const char* op, const In& x, const Tensor& indices, std::size_t axes, const PerAxis& kernel_size,
                  const MaxUnpoolOptions& options) {
  const CallSite here(x.location());
  if (x.ndim() != axes + 1 && x.ndim() != axes + 2) {
    raise<ShapeError>(std::string(op) + ": the number of spatial axes must be " + std::to_string(axes),
                      "x [n, c, spatial..] or [c, spatial..]", "x " + to_string(x.shape()));
  }
  expect_floating(op, x.value());
  if (indices.shape() != x.shape()) {
    raise<ShapeError>(std::string(op) + ": each element needs one index", to_string(x.shape()),
                      to_string(indices.shape()));
  }
  const Dims size = unpooled_size(op, x, axes, kernel_size, options);
  Shape rows(x.shape().begin(), x.shape().end() - axes), result = rows;
  for (const auto d : size) result.push_back(d);
  Shape flat = rows, before = rows;
  flat.push_back(element_count(size));
  before.push_back(element_count(Shape(x.shape().end() - axes, x.shape().end())));
  const Array at = core::as_indices(op, indices.value());
  return reshape(scatter(zeros(flat, x.dtype()), -1, core::reshape(at, before), reshape(x, before)), result);
}

}  // namespace

Tensor max_unpool1d(In x, const Tensor& indices, const PerAxis& kernel_size, const MaxUnpoolOptions& options) {
  return max_unpool("max_unpool1d", x, indices, 1, kernel_size, options);
}
Tensor max_unpool2d(In x, const Tensor& indices, const PerAxis& kernel_size, const MaxUnpoolOptions& options) {
  return max_unpool("max_unpool2d", x, indices, 2, kernel_size, options);
}
Tensor max_unpool3d(In x, const Tensor& indices, const PerAxis& kernel_size, const MaxUnpoolOptions& options) {
  return max_unpool("max_unpool3d", x, indices, 3, kernel_size, options);
}

}  // namespace newtape
