// SPDX-License-Identifier: BSD-3-Clause
// Functions that write slices, segments and masked elements, composed of scatter_reduce and index_copy.
#include <newtape/autograd/ops/index.hpp>

#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <limits>
#include <string>

namespace newtape {

namespace {

/// Indices [n] along an axis, expanded to an array of this shape.
Array along(const Array& indices, std::size_t axis, const Shape& shape) {
  Shape line(shape.size(), 1);
  line[axis] = shape[axis];
  return core::expand(core::reshape(indices, line), shape);
}

double identity_of(ScatterReduce reduce) {
  switch (reduce) {
    case ScatterReduce::prod: return 1;
    case ScatterReduce::mean: return std::numeric_limits<double>::quiet_NaN();
    case ScatterReduce::amax: return -std::numeric_limits<double>::infinity();
    case ScatterReduce::amin: return std::numeric_limits<double>::infinity();
    default: return 0;
  }
}

}  // namespace

Tensor index_reduce(In x, std::int64_t axis, const Tensor& indices, In src, ScatterReduce reduce,
                    const ScatterReduceOptions& options) {
  const CallSite here(x.location());
  const auto at = normalize_axis("index_reduce", axis, x.ndim());
  Shape wanted = x.shape();
  wanted[at] = indices.size();
  if (indices.ndim() != 1 || (!src.is_number() && src.shape() != wanted)) {
    raise<ShapeError>("index_reduce: the source needs a slice for each index",
                      "indices [n], src of x's shape but for n along the axis",
                      "x " + to_string(x.shape()) + ", indices " + to_string(indices.shape()) + ", src " +
                          (src.is_number() ? std::string("a number") : to_string(src.shape())));
  }
  const Array positions = along(core::as_indices("index_reduce", indices.value()), at, wanted);
  return scatter_reduce(x, static_cast<std::int64_t>(at), positions, src, reduce, options);
}

Tensor segment_reduce(In x, ScatterReduce reduce, const Tensor& lengths, std::int64_t axis) {
  const CallSite here(x.location());
  expect_floating("segment_reduce", x.value());
  const auto at = normalize_axis("segment_reduce", axis, x.ndim());
  const Array counts = core::contiguous(core::as_indices("segment_reduce", lengths.value()));
  if (counts.ndim() != 1) {
    raise<ShapeError>("segment_reduce: the lengths must be a vector", "lengths [k]", to_string(counts.shape()));
  }
  const auto* first = counts.data<std::int64_t>();
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < counts.size() && total >= 0; ++i) total = first[i] < 0 ? -1 : total + first[i];
  if (total != x.shape()[at]) {
    raise<ValueError>("segment_reduce: the lengths must add up to that of the axis",
                      "lengths of at least 0 that add up to " + std::to_string(x.shape()[at]),
                      total < 0 ? std::string("a negative length") : std::to_string(total));
  }
  const Array segment = repeat_interleave(Tensor(core::arange(counts.size(), i64)), counts, 0).value();
  Shape shape = x.shape();
  shape[at] = counts.size();
  return scatter_reduce(full(shape, identity_of(reduce), x.dtype()), static_cast<std::int64_t>(at),
                        along(segment, at, x.shape()), x, reduce, {.include_self = false});
}

Tensor masked_scatter(In x, const Tensor& mask, In src) {
  const CallSite here(x.location());
  if (mask.dtype() != boolean) {
    raise<DTypeError>("masked_scatter: the mask must be boolean", "boolean", name(mask.dtype()));
  }
  if (broadcast_shapes("masked_scatter", x.shape(), mask.shape()) != x.shape()) {
    raise<ShapeError>("masked_scatter: the mask must broadcast to the operand", to_string(x.shape()),
                      to_string(mask.shape()));
  }
  const Array at = core::flatnonzero(core::expand(mask.value(), x.shape()));
  if (src.is_number()) return reshape(index_copy(ravel(x), 0, at, src), x.shape());
  if (src.size() < at.size()) {
    raise<ValueError>("masked_scatter: the source has too few elements", "at least " + std::to_string(at.size()),
                      to_string(src.shape()));
  }
  return reshape(index_copy(ravel(x), 0, at, slice(ravel(src), 0, 0, at.size())), x.shape());
}

Tensor diagonal_scatter(In x, In src, std::int64_t offset, std::int64_t axis0, std::int64_t axis1) {
  const CallSite here(x.location());
  const Array places = core::reshape(core::arange(x.size(), i64), x.shape());
  const Tensor at = diagonal(In(Tensor(places), x.location()), offset, axis0, axis1);
  if (!src.is_number() && src.shape() != at.shape()) {
    raise<ShapeError>("diagonal_scatter: the source must have the shape of the diagonal", to_string(at.shape()),
                      to_string(src.shape()));
  }
  const In values = src.is_number() ? src : In(ravel(src), src.location());
  return reshape(index_copy(ravel(x), 0, ravel(at), values), x.shape());
}

}  // namespace newtape
