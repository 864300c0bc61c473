// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/rearrange.hpp>

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <string>

namespace newtape {

namespace {

void expect_axes(const char* op, const In& x, std::size_t least) {
  if (x.ndim() >= least) return;
  raise<ShapeError>(std::string(op) + ": the tensor has too few axes", std::to_string(least) + " or more",
                    to_string(x.shape()));
}

/// NumPy's hsplit, vsplit and dsplit: equal parts only.
std::vector<Tensor> equal_parts(const char* op, const In& x, std::int64_t count, std::int64_t axis) {
  const CallSite here(x.location());
  expect_axes(op, x, static_cast<std::size_t>(axis) + 1);
  const auto length = x.tensor().shape(axis);
  if (count < 1 || length % count != 0) {
    raise<ValueError>(std::string(op) + ": the parts must have equal lengths", "a divisor of " + std::to_string(length),
                      std::to_string(count) + " parts");
  }
  return tensor_split(x, count, axis);
}
std::vector<Tensor> parts_before(const char* op, const In& x, const Dims& indices, std::int64_t axis) {
  const CallSite here(x.location());
  expect_axes(op, x, static_cast<std::size_t>(axis) + 1);
  return tensor_split(x, indices, axis);
}

/// x with the slices at `indices` replaced by src, which must have their shape.
Tensor replaced(const char* op, const In& x, const Shape& shape, const In& given, const In& src, std::int64_t axis,
                const Tensor& indices) {
  if (given.shape() != shape) {
    raise<ShapeError>(std::string(op) + ": src must have the shape of the part", to_string(shape),
                      to_string(given.shape()));
  }
  if (src.dtype() != x.dtype()) {
    raise<DTypeError>(std::string(op) + ": the operands must have the same dtype", name(x.dtype()), name(src.dtype()));
  }
  return index_copy(x, axis, indices, src);
}

}  // namespace

Tensor fliplr(In x) {
  const CallSite here(x.location());
  expect_axes("fliplr", x, 2);
  return flip(std::move(x), 1);
}
Tensor flipud(In x) {
  const CallSite here(x.location());
  expect_axes("flipud", x, 1);
  return flip(std::move(x), 0);
}

std::vector<Tensor> hsplit(In x, std::int64_t count) { return equal_parts("hsplit", x, count, x.ndim() == 1 ? 0 : 1); }
std::vector<Tensor> hsplit(In x, const Dims& indices) {
  return parts_before("hsplit", x, indices, x.ndim() == 1 ? 0 : 1);
}
std::vector<Tensor> vsplit(In x, std::int64_t count) {
  expect_axes("vsplit", x, 2);
  return equal_parts("vsplit", x, count, 0);
}
std::vector<Tensor> vsplit(In x, const Dims& indices) {
  expect_axes("vsplit", x, 2);
  return parts_before("vsplit", x, indices, 0);
}
std::vector<Tensor> dsplit(In x, std::int64_t count) { return equal_parts("dsplit", x, count, 2); }
std::vector<Tensor> dsplit(In x, const Dims& indices) { return parts_before("dsplit", x, indices, 2); }

Tensor dstack(const std::vector<Tensor>& parts, SourceLocation location) {
  const CallSite here(location);
  std::vector<Tensor> raised;
  raised.reserve(parts.size());
  for (const auto& part : parts) raised.push_back(atleast_3d(part));
  return concatenate(raised, 2, location);
}

Tensor diagflat(In x, std::int64_t offset) {
  const CallSite here(x.location());
  return diag_embed(ravel(std::move(x)), offset);
}

Tensor select_scatter(In x, In src, std::int64_t axis, std::int64_t index) {
  const CallSite here(x.location());
  const Shape part = select(x, axis, index).shape();
  const auto at = static_cast<std::int64_t>(normalize_axis("select_scatter", axis, x.ndim()));
  const Tensor row = src.ndim() == part.size() ? unsqueeze(src, at) : src.tensor();
  return replaced("select_scatter", x, part, src, row, at, tensor({index}));
}

Tensor slice_scatter(In x, In src, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const CallSite here(x.location());
  const auto at = static_cast<std::int64_t>(normalize_axis("slice_scatter", axis, x.ndim()));
  const Tensor indices = slice(arange(x.tensor().shape(at)), 0, start, stop, step);
  Shape part = x.shape();
  part[static_cast<std::size_t>(at)] = indices.size();
  return replaced("slice_scatter", x, part, src, src, at, indices);
}

Tensor channel_shuffle(In x, std::int64_t groups) {
  const CallSite here(x.location());
  expect_axes("channel_shuffle", x, 3);
  const auto channels = x.shape()[1];
  if (groups < 1 || channels % groups != 0) {
    raise<ShapeError>("channel_shuffle: the groups must divide the channels",
                      "a multiple of " + std::to_string(groups) + " channels", to_string(x.shape()));
  }
  const Shape shape = x.shape();
  return reshape(transpose(unflatten(std::move(x), 1, {groups, channels / groups}), 1, 2), shape);
}

}  // namespace newtape
