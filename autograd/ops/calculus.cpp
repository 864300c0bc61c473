// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/calculus.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <limits>
#include <string>

namespace newtape {

namespace {

constexpr std::int64_t to_end = std::numeric_limits<std::int64_t>::max();

/// All elements along the axis but the first, and all but the last.
Tensor after_first(const Tensor& x, std::int64_t axis) { return slice(x, axis, 1, to_end); }
Tensor before_last(const Tensor& x, std::int64_t axis) { return slice(x, axis, 0, -1); }

/// The axis counted from the last. ShapeError naming `op`.
std::int64_t from_last(const char* op, std::int64_t axis, std::size_t ndim) {
  return static_cast<std::int64_t>(normalize_axis(op, axis, ndim)) - static_cast<std::int64_t>(ndim);
}

/// What is joined to x along an axis; a 0-d tensor as one element.
Tensor joined_part(const In& x, const Tensor& part, std::int64_t axis) {
  if (part.ndim() != 0) return part;
  Shape shape = x.shape();
  shape[shape.size() - static_cast<std::size_t>(-axis)] = 1;
  return expand(part, shape);
}

/// Coordinates [n] as a column along the axis of an operand, which must have n elements there.
Tensor along_axis(const char* op, const In& of, const In& coordinates, std::int64_t axis) {
  const auto n = of.tensor().shape(axis);
  if (coordinates.ndim() != 1 || coordinates.size() != n) {
    raise<ShapeError>(std::string(op) + ": each sample needs one coordinate", "[" + std::to_string(n) + "]",
                      to_string(coordinates.shape()));
  }
  Shape shape(static_cast<std::size_t>(-axis), 1);
  shape[0] = n;
  return reshape(coordinates, shape);
}

Tensor as_floats(const In& x) { return is_floating(x.dtype()) ? x.tensor() : x.tensor().to(f32); }

std::int64_t expect_samples(const In& f, std::int64_t axis, int edge_order) {
  axis = from_last("gradient", axis, f.ndim());
  if (edge_order != 1 && edge_order != 2) {
    raise<ValueError>("gradient: unknown edge_order", "1 or 2", std::to_string(edge_order));
  }
  if (f.tensor().shape(axis) <= edge_order) {
    raise<ValueError>("gradient: too few samples", "at least " + std::to_string(edge_order + 1) + " along the axis",
                      to_string(f.shape()));
  }
  return axis;
}

/// Sample `i` of f, the axis kept; negative ones count from the end.
Tensor sample(const Tensor& f, std::int64_t axis, std::int64_t i) {
  return slice(f, axis, i, i == -1 ? to_end : i + 1);
}

/// The terms of the trapezoidal rule.
Tensor trapezoids(const Tensor& y, const Tensor& widths, std::int64_t axis) {
  const Tensor sums = after_first(y, axis) + before_last(y, axis);
  return (widths.defined() ? sums * widths : sums) * 0.5;
}

Tensor widths_of(const char* op, const In& y, const In& x, std::int64_t axis) {
  if (x.ndim() == 1) {
    const Tensor at = along_axis(op, y, x, axis);
    return after_first(at, axis) - before_last(at, axis);
  }
  if (x.shape() != y.shape()) {
    raise<ShapeError>(std::string(op) + ": the coordinates must be a vector or have the shape of y",
                      to_string(y.shape()), to_string(x.shape()));
  }
  return after_first(x, axis) - before_last(x, axis);
}

}  // namespace

Tensor diff(In x, std::int64_t n, std::int64_t axis, const Tensor& prepend, const Tensor& append) {
  const CallSite here(x.location());
  axis = from_last("diff", axis, x.ndim());
  if (n < 0) raise<ValueError>("diff: the order must not be negative", "n >= 0", std::to_string(n));
  Tensor y = x;
  if (n > 0 && (prepend.defined() || append.defined())) {
    std::vector<Tensor> parts{y};
    if (prepend.defined()) parts.insert(parts.begin(), joined_part(x, prepend, axis));
    if (append.defined()) parts.push_back(joined_part(x, append, axis));
    y = concatenate(parts, axis);
  }
  for (; n > 0 && y.shape(axis) > 0; --n) {
    const Tensor right = after_first(y, axis), left = before_last(y, axis);
    y = y.dtype() == boolean ? right != left : right - left;
  }
  return y;
}

Tensor gradient(In f, std::int64_t axis, double spacing, int edge_order) {
  const CallSite here(f.location());
  axis = expect_samples(f, axis, edge_order);
  const Tensor x = as_floats(f);
  const auto at = [&](std::int64_t i) { return sample(x, axis, i); };
  const bool linear = edge_order == 1;
  const Tensor first = linear ? at(1) - at(0) : 2.0 * at(1) - 1.5 * at(0) - 0.5 * at(2);
  const Tensor last = linear ? at(-1) - at(-2) : 1.5 * at(-1) - 2.0 * at(-2) + 0.5 * at(-3);
  const Tensor inside = (slice(x, axis, 2, to_end) - slice(x, axis, 0, -2)) * 0.5;
  return concatenate({first, inside, last}, axis) / spacing;
}

Tensor gradient(In f, std::int64_t axis, In coordinates, int edge_order) {
  const CallSite here(f.location());
  axis = expect_samples(f, axis, edge_order);
  const Tensor x = as_floats(f);
  const Tensor widths = diff(In(along_axis("gradient", f, coordinates, axis)), 1, axis);
  // With widths h left and k right of a sample: -k / (h (h + k)), (k - h) / (h k), h / (k (h + k)).
  const Tensor h = before_last(widths, axis), k = after_first(widths, axis);
  const Tensor slopes = diff(In(x), 1, axis) / widths;
  const Tensor inside = (before_last(slopes, axis) * k + after_first(slopes, axis) * h) / (h + k);
  const auto slope = [&](std::int64_t i) { return sample(slopes, axis, i); };
  if (edge_order == 1) return concatenate({slope(0), inside, slope(-1)}, axis);
  // The derivative of the parabola through the three samples at the end.
  const auto width = [&](std::int64_t i) { return sample(widths, axis, i); };
  const Tensor first = slope(0) - (slope(1) - slope(0)) * width(0) / (width(0) + width(1));
  const Tensor last = slope(-1) + (slope(-1) - slope(-2)) * width(-1) / (width(-1) + width(-2));
  return concatenate({first, inside, last}, axis);
}

std::vector<Tensor> gradient(In f) {
  std::vector<Tensor> all;
  for (std::size_t axis = 0; axis < f.ndim(); ++axis) all.push_back(gradient(In(f), static_cast<std::int64_t>(axis)));
  return all;
}

Tensor trapezoid(In y, double dx, std::int64_t axis) {
  const CallSite here(y.location());
  axis = from_last("trapezoid", axis, y.ndim());
  return sum(trapezoids(as_floats(y), {}, axis), axis) * dx;
}

Tensor trapezoid(In y, In x, std::int64_t axis) {
  const CallSite here(y.location());
  axis = from_last("trapezoid", axis, y.ndim());
  return sum(trapezoids(as_floats(y), widths_of("trapezoid", y, x, axis), axis), axis);
}

Tensor cumulative_trapezoid(In y, double dx, std::int64_t axis) {
  const CallSite here(y.location());
  axis = from_last("cumulative_trapezoid", axis, y.ndim());
  return cumsum(trapezoids(as_floats(y), {}, axis), axis) * dx;
}

Tensor cumulative_trapezoid(In y, In x, std::int64_t axis) {
  const CallSite here(y.location());
  axis = from_last("cumulative_trapezoid", axis, y.ndim());
  return cumsum(trapezoids(as_floats(y), widths_of("cumulative_trapezoid", y, x, axis), axis), axis);
}

}  // namespace newtape
