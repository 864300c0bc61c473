// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>

namespace newtape {

static const Op reshape_op{"reshape"};
static const Op permute_op{"permute"};
static const Op expand_op{"expand"};
static const Op slice_op{"slice"};
static const Op unslice_op{"unslice"};

namespace {

/// A reshape whose result is known: squeeze, unsqueeze and reshape differ only in how they say what shape they want.
Tensor reshaped(In& x, Array value) {
  const std::size_t ndim = value.ndim();
  return reshape_op(std::move(value), wrt(x, [shape = x.shape(), ndim](const Tensor& g) {
                      return reshape(g, with_leading(g, ndim, shape));
                    }));
}

/// Zeros of length `length` along `axis`, with x at start, start + step, ...: the adjoint of slice.
Tensor unslice(In x, std::int64_t axis, std::int64_t start, std::int64_t step, std::int64_t length) {
  Shape shape = x.shape();
  const auto a = normalize_axis("unslice", axis, shape.size());
  const auto stop = start + step * shape[a];
  shape[a] = length;
  Array value = core::zeros(shape, x.dtype());
  Array part = core::slice(value, axis, start, std::min(stop, length), step);
  core::assign(part, x.value());
  part = Array();
  return unslice_op(std::move(value),
                    wrt(x, [=](const Tensor& g) { return slice(g, axis, start, std::min(stop, length), step); }));
}

}  // namespace

Tensor reshape(In x, const Shape& shape) { return reshaped(x, core::reshape(x.value(), shape)); }
Tensor squeeze(In x, const Axes& axes) { return reshaped(x, core::squeeze(x.value(), axes)); }
Tensor unsqueeze(In x, std::int64_t axis) { return reshaped(x, core::unsqueeze(x.value(), axis)); }

Tensor permute(In x, const Dims& order) {
  Array value = core::permute(x.value(), order);
  const std::size_t n = x.ndim();
  Dims inverse(n);
  for (std::size_t i = 0; i < n; ++i) inverse[normalize_axis("permute", order[i], n)] = static_cast<std::int64_t>(i);
  return permute_op(
      std::move(value), wrt(x, [inverse](const Tensor& g) {
        const std::size_t lead = g.ndim() - inverse.size();
        Dims back(g.ndim());
        for (std::size_t i = 0; i < g.ndim(); ++i) {
          back[i] = static_cast<std::int64_t>(i < lead ? i : static_cast<std::size_t>(inverse[i - lead]) + lead);
        }
        return permute(g, back);
      }));
}

Tensor transpose(In x, std::int64_t axis0, std::int64_t axis1) {
  Dims order;
  for (std::size_t i = 0; i < x.ndim(); ++i) order.push_back(static_cast<std::int64_t>(i));
  std::swap(order[normalize_axis("transpose", axis0, x.ndim())], order[normalize_axis("transpose", axis1, x.ndim())]);
  return permute(x, order);
}

Tensor expand(In x, const Shape& shape) {
  // Back: the sweep would sum the broadcast axes, but only here is it known where batch axes end and new axes begin.
  return expand_op(core::expand(x.value(), shape), wrt(x, [before = x.shape(), ndim = shape.size()](const Tensor& g) {
                     return sum_to(g, before, g.ndim() - ndim);
                   }));
}

Tensor slice(In x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  axis = axis_from_last(slice_op, axis, x.ndim());
  const auto length = x.shape()[x.ndim() - static_cast<std::size_t>(-axis)];
  Array value = core::slice(x.value(), axis, start, stop, step);
  // As Python does: negative bounds count from the end, then all is clipped.
  if (start < 0) start += length;
  start = std::clamp<std::int64_t>(start, 0, length);
  return slice_op(std::move(value), wrt(x, [=](const Tensor& g) { return unslice(g, axis, start, step, length); }));
}

Tensor select(In x, std::int64_t axis, std::int64_t index) {
  axis = static_cast<std::int64_t>(normalize_axis("select", axis, x.ndim())) - static_cast<std::int64_t>(x.ndim());
  const auto length = x.shape()[x.ndim() - static_cast<std::size_t>(-axis)];
  if (index < -length || index >= length) {
    raise<ValueError>("select: the index is out of range", "an index below " + std::to_string(length),
                      std::to_string(index));
  }
  if (index < 0) index += length;
  return squeeze(slice(x, axis, index, index + 1), axis);
}

}  // namespace newtape
