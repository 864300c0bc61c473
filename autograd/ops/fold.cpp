// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/fold.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/fold.hpp>
#include <newtape/core/ops/index.hpp>

#include <memory>
#include <string>

namespace newtape {

static const Op unfold_op{"unfold"};
static const Op fold_op{"fold"};

namespace {

using Geometry = std::shared_ptr<const core::ConvGeometry>;

/// f(x) with the leading axes of x merged into one, so that it has `ndim` axes, and restored in the result.
template <class F>
Array over_batch(const Array& x, std::size_t ndim, const F& f) {
  Shape flat(x.shape().end() - (ndim - 1), x.shape().end());
  Shape result(x.shape().begin(), x.shape().end() - (ndim - 1));
  flat.insert(0, element_count(result));
  const Array y = f(core::reshape(x, flat));
  for (std::size_t i = 1; i < y.ndim(); ++i) result.push_back(y.shape()[i]);
  return core::reshape(y, result);
}

Tensor folded(const In& x, const Geometry& g);

// All leading axes, including extra ones of cotangents, are batch axes.
Tensor unfolded(const In& x, const Geometry& g) {
  return unfold_op(over_batch(x.value(), g->input.size() + 2, [&](const Array& v) { return core::unfold(v, *g); }),
                   wrt(x, [g](const Tensor& y) { return folded(y, g); }));
}
Tensor folded(const In& x, const Geometry& g) {
  return fold_op(over_batch(x.value(), 3, [&](const Array& v) { return core::fold(v, *g); }),
                 wrt(x, [g](const Tensor& y) { return unfolded(y, g); }));
}

Geometry geometry(const char* op, const Shape& input, const Dims& kernel_size, const FoldOptions& o) {
  const std::size_t axes = input.size();
  auto g = std::make_shared<core::ConvGeometry>();
  g->input = input;
  g->kernel = PerAxis(kernel_size).over(op, "kernel_size", axes, 1);
  g->stride = o.stride.over(op, "stride", axes, 1);
  g->padding = o.padding.over(op, "padding", axes, 0);
  g->dilation = o.dilation.over(op, "dilation", axes, 1);
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t room = input[a] + 2 * g->padding[a] - g->dilation[a] * (g->kernel[a] - 1) - 1;
    if (room < 0) {
      raise<ShapeError>(std::string(op) + ": the kernel must fit into the padded image",
                        "an image longer than dilation (k - 1) - 2 padding along every axis",
                        to_string(input) + ", kernel_size " + to_string(g->kernel));
    }
    g->output.push_back(room / g->stride[a] + 1);
  }
  return g;
}

}  // namespace

Tensor unfold(In x, const Dims& kernel_size, const FoldOptions& options) {
  const CallSite here(x.location());
  expect_floating("unfold", x.value());
  const std::size_t axes = kernel_size.size();
  if (axes < 1 || axes > 3 || (x.ndim() != axes + 1 && x.ndim() != axes + 2)) {
    raise<ShapeError>("unfold: kernel_size must have a number for each spatial axis",
                      "x [n, c, spatial..] or [c, spatial..], one to three spatial axes",
                      "x " + to_string(x.shape()) + ", kernel_size " + to_string(kernel_size));
  }
  if (x.ndim() == axes + 1) return squeeze(unfold(In(unsqueeze(x, 0), x.location()), kernel_size, options), 0);
  return unfolded(x, geometry("unfold", Shape(x.shape().end() - axes, x.shape().end()), kernel_size, options));
}

Tensor fold(In x, const Dims& output_size, const Dims& kernel_size, const FoldOptions& options) {
  const CallSite here(x.location());
  expect_floating("fold", x.value());
  const std::size_t axes = output_size.size();
  if (axes < 1 || axes > 3 || kernel_size.size() != axes || (x.ndim() != 2 && x.ndim() != 3)) {
    raise<ShapeError>("fold: output_size and kernel_size must have a number for each spatial axis",
                      "x [n, c * kernel, patches] or [c * kernel, patches], one to three spatial axes",
                      "x " + to_string(x.shape()) + ", output_size " + to_string(output_size) + ", kernel_size " +
                          to_string(kernel_size));
  }
  const Geometry g = geometry("fold", output_size, kernel_size, options);
  const std::int64_t kernel_elements = element_count(g->kernel);
  const std::int64_t patches = element_count(g->output);
  if (x.shape()[x.ndim() - 2] % kernel_elements != 0 || x.shape().back() != patches) {
    raise<ShapeError>("fold: the columns must match output_size",
                      "x [.., c * " + std::to_string(kernel_elements) + ", " + std::to_string(patches) + "]",
                      "x " + to_string(x.shape()));
  }
  if (x.ndim() == 2) return squeeze(folded(In(unsqueeze(x, 0), x.location()), g), 0);
  return folded(x, g);
}

Tensor sliding_window_view(In x, std::int64_t window, std::int64_t axis, std::int64_t step) {
  const auto a = normalize_axis("sliding_window_view", axis, x.ndim());
  const std::int64_t length = x.shape()[a];
  if (window < 1 || step < 1 || window > length) {
    raise<ValueError>("sliding_window_view: invalid window or step",
                      "1 <= window <= " + std::to_string(length) + " and 1 <= step",
                      "window " + std::to_string(window) + ", step " + std::to_string(step));
  }
  const std::int64_t count = (length - window) / step + 1;
  Array at = Array::empty({count, window}, i64);
  auto* to = at.data<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < window; ++k) *to++ = i * step + k;
  }
  // take replaces the axis by the two axes of the indices; the second is moved to the end.
  Dims order;
  for (std::size_t i = 0; i <= x.ndim(); ++i) {
    if (i != a + 1) order.push_back(static_cast<std::int64_t>(i));
  }
  order.push_back(static_cast<std::int64_t>(a) + 1);
  return permute(take(x, at, static_cast<std::int64_t>(a)), order);
}

}  // namespace newtape
