// SPDX-License-Identifier: BSD-3-Clause
// Views only change shape and strides. They run once or twice per operation of a small graph, so each costs one
// allocation (the new body) and a short loop.
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace newtape::core {
namespace {

/// Replaces -1 by the inferred length; ShapeError if the number of elements differs.
Shape resolve(const Array& x, const Shape& shape) {
  Shape full = shape;
  std::int64_t known = 1;
  std::size_t open = shape.size();
  bool valid = true;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1 && open == shape.size()) {
      open = i;
    } else if (shape[i] < 0 || __builtin_mul_overflow(known, shape[i], &known)) {
      valid = false;
    }
  }
  if (valid && open != shape.size() && known != 0 && x.size() % known == 0) {
    full[open] = x.size() / known;
    known = x.size();
  } else if (open != shape.size()) {
    valid = false;
  }
  if (!valid || known != x.size()) {
    raise<ShapeError>("reshape: the number of elements must stay the same",
                      "lengths whose product is " + std::to_string(x.size()) + ", at most one of them -1",
                      to_string(x.shape()) + " to " + to_string(shape));
  }
  return full;
}

/// Strides that give `x` the new shape without a copy, if possible: every group of new axes must lie within old axes
/// that have one common stride.
std::optional<Strides> reshaped_strides(const Array& x, const Shape& shape) {
  if (x.size() == 0) return contiguous_strides(shape);
  Shape lengths;
  Strides steps;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (x.shape()[i] == 1) continue;
    if (!lengths.empty() && steps.back() == x.shape()[i] * x.strides()[i]) {
      lengths[lengths.size() - 1] *= x.shape()[i];
      steps[steps.size() - 1] = x.strides()[i];
    } else {
      lengths.push_back(x.shape()[i]);
      steps.push_back(x.strides()[i]);
    }
  }
  Strides strides(shape.size(), 1);
  std::size_t group = lengths.size();
  std::int64_t left = 1;  // elements of the current group not yet assigned to a new axis
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) {
      strides[i] = step;
      continue;
    }
    if (left == 1) {
      --group;
      left = lengths[group];
      step = steps[group];
    }
    if (left % shape[i] != 0) return std::nullopt;
    strides[i] = step;
    left /= shape[i];
    step *= shape[i];
  }
  return strides;
}

/// Number of elements of the diagonal that is `offset` right of the main one.
std::int64_t diagonal_length(std::int64_t rows, std::int64_t columns, std::int64_t offset) {
  return std::max<std::int64_t>(0, offset < 0 ? std::min(rows + offset, columns) : std::min(rows, columns - offset));
}

[[noreturn]] void raise_order(const Array& x, const Dims& order) {
  raise<ShapeError>("permute: the order must contain every axis once",
                    "a permutation of " + std::to_string(x.ndim()) + " axes",
                    to_string(order) + " for shape " + to_string(x.shape()));
}

}  // namespace

Array reshape(const Array& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  const Shape full = resolve(x, shape);
  if (x.is_contiguous()) return Array::view_of(x, full, contiguous_strides(full));
  if (const auto strides = reshaped_strides(x, full)) return Array::view_of(x, full, *strides);
  const Array y = contiguous(x);
  return Array::view_of(y, full, contiguous_strides(full));
}

Array permute(const Array& x, const Dims& order) {
  const std::size_t n = x.ndim();
  if (order.size() != n) raise_order(x, order);
  Shape shape(n);
  Strides strides(n);
  Dims seen(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto axis = normalize_axis("permute", order[i], n);
    if (seen[axis]++ != 0) raise_order(x, order);
    shape[i] = x.shape()[axis];
    strides[i] = x.strides()[axis];
  }
  return Array::view_of(x, shape, strides);
}

Array transpose(const Array& x, std::int64_t axis0, std::int64_t axis1) {
  if (x.ndim() == 0) return squeeze(transpose(unsqueeze(x, 0), axis0, axis1), 0);
  const auto i = normalize_axis("transpose", axis0, x.ndim());
  const auto j = normalize_axis("transpose", axis1, x.ndim());
  Shape shape = x.shape();
  Strides strides = x.strides();
  std::swap(shape[i], shape[j]);
  std::swap(strides[i], strides[j]);
  return Array::view_of(x, shape, strides);
}

Array squeeze(const Array& x, const Axes& axes) {
  Shape shape;
  Strides strides;
  const Dims dropped = axes.all() ? Dims() : axes.normalized("squeeze", x.ndim());
  std::size_t next = 0;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    bool drop = axes.all() && x.shape()[i] == 1;
    if (next < dropped.size() && dropped[next] == static_cast<std::int64_t>(i)) {
      if (x.shape()[i] != 1) {
        raise<ShapeError>("squeeze: only axes of length 1 can be removed", "length 1 along axis " + std::to_string(i),
                          "shape " + to_string(x.shape()));
      }
      drop = true;
      ++next;
    }
    if (drop) continue;
    shape.push_back(x.shape()[i]);
    strides.push_back(x.strides()[i]);
  }
  return Array::view_of(x, shape, strides);
}

Array unsqueeze(const Array& x, std::int64_t axis) {
  const auto at = normalize_axis("unsqueeze", axis, x.ndim() + 1);
  Shape shape = x.shape();
  Strides strides = x.strides();
  strides.insert(at, at < shape.size() ? shape[at] * strides[at] : 1);
  shape.insert(at, 1);
  return Array::view_of(x, shape, strides);
}

Array expand(const Array& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  const std::size_t n = shape.size();
  bool valid = n >= x.ndim();
  Strides strides(n);
  for (std::size_t i = 0; valid && i < n; ++i) {
    const std::size_t lead = n - x.ndim();
    if (shape[i] < 0) valid = false;
    if (i < lead) continue;
    const auto length = x.shape()[i - lead];
    if (length == shape[i]) {
      strides[i] = x.strides()[i - lead];
    } else if (length != 1) {
      valid = false;
    }
  }
  if (!valid) {
    raise<ShapeError>("expand: the shape does not broadcast to the requested shape",
                      "axes, counted from the last, of the requested length or of length 1",
                      to_string(x.shape()) + " to " + to_string(shape));
  }
  return Array::view_of(x, shape, strides);
}

Array diagonal(const Array& x, std::int64_t offset) {
  if (x.ndim() < 2) raise<ShapeError>("diagonal: at least two axes are required", "x [.., n, m]", to_string(x.shape()));
  const std::size_t i = x.ndim() - 2;
  Shape shape = x.shape();
  Strides strides = x.strides();
  const auto length = diagonal_length(shape[i], shape[i + 1], offset);
  std::int64_t first = 0;
  if (length > 0) first = offset < 0 ? -offset * strides[i] : offset * strides[i + 1];
  strides[i] += strides[i + 1];
  shape[i] = length;
  shape.erase(i + 1);
  strides.erase(i + 1);
  return Array::view_of(x, shape, strides, first);
}

}  // namespace newtape::core
