// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/repeat.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>

namespace newtape {

static const Op roll_op{"roll"};

namespace {

/// x repeated `repeats[i]` times along axis i, reshaped to `result`: expands a new axis before each axis.
Tensor repeated(In x, const Dims& repeats, const Shape& result) {
  const std::size_t n = x.ndim();
  Shape thin;
  Shape wide;
  for (std::size_t i = 0; i < n; ++i) {
    thin.push_back(1);
    thin.push_back(x.shape()[i]);
    wide.push_back(repeats[i]);
    wide.push_back(x.shape()[i]);
  }
  return reshape(expand(reshape(x, thin), wide), result);
}

void expect_repeats(const char* op, std::int64_t count) {
  if (count < 0) {
    raise<ValueError>(std::string(op) + ": the counts must not be negative", "counts of at least 0",
                      std::to_string(count));
  }
}

/// The length of an axis that is repeated.
std::int64_t repeated_length(const char* op, std::int64_t length, std::int64_t count) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(length, count, &result)) {
    raise<ShapeError>(std::string(op) + ": the result is too large", "fewer than 2^63 elements",
                      std::to_string(length) + " times " + std::to_string(count));
  }
  return result;
}

}  // namespace

Tensor tile(In x, const Dims& repeats) {
  for (const auto r : repeats) expect_repeats("tile", r);
  const std::size_t n = std::max(x.ndim(), repeats.size());
  Dims times(n - repeats.size(), 1);
  for (const auto r : repeats) times.push_back(r);
  Shape before(n - x.ndim(), 1);
  for (const auto d : x.shape()) before.push_back(d);
  Shape after = before;
  for (std::size_t i = 0; i < n; ++i) after[i] = repeated_length("tile", after[i], times[i]);
  return repeated(n == x.ndim() ? x.tensor() : reshape(x, before), times, after);
}

Tensor repeat_interleave(In x, std::int64_t repeats, std::optional<std::int64_t> axis) {
  expect_repeats("repeat_interleave", repeats);
  if (!axis) return repeat_interleave(ravel(x), repeats, 0);
  if (x.ndim() == 0) return repeat_interleave(unsqueeze(x, 0), repeats, axis);
  const auto a = normalize_axis("repeat_interleave", *axis, x.ndim());
  Shape result = x.shape();
  result[a] = repeated_length("repeat_interleave", result[a], repeats);
  Shape wide = x.shape();
  wide.insert(a + 1, repeats);
  return reshape(expand(unsqueeze(x, static_cast<std::int64_t>(a) + 1), wide), result);
}

Tensor repeat_interleave(In x, const Tensor& repeats, std::optional<std::int64_t> axis) {
  if (!axis) return repeat_interleave(ravel(x), repeats, 0);
  if (x.ndim() == 0) return repeat_interleave(unsqueeze(x, 0), repeats, axis);
  const auto length = x.shape()[normalize_axis("repeat_interleave", *axis, x.ndim())];
  if (repeats.dtype() != i64) {
    return repeat_interleave(std::move(x), core::as_indices("repeat_interleave", repeats.value()), axis);
  }
  if (repeats.ndim() > 1 || (repeats.size() != 1 && repeats.size() != length)) {
    raise<ShapeError>("repeat_interleave: each element needs one count", "[" + std::to_string(length) + "]",
                      to_string(repeats.shape()));
  }
  const Array counts = core::contiguous(core::expand(core::reshape(repeats.value(), {-1}), {length}));
  const auto* count = counts.data<std::int64_t>();
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    expect_repeats("repeat_interleave", count[i]);
    if (__builtin_add_overflow(total, count[i], &total)) {
      raise<ShapeError>("repeat_interleave: the result is too large", "fewer than 2^63 elements",
                        "counts " + to_string(repeats.shape()));
    }
  }
  Array indices = Array::empty({total}, i64);
  auto* p = indices.data<std::int64_t>();
  for (std::int64_t i = 0; i < length; ++i) p = std::fill_n(p, count[i], i);
  return take(x, indices, *axis);
}

Tensor roll(In x, std::int64_t shift, std::int64_t axis) {
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return roll(std::move(v), shift, axis); });
  axis = axis_from_last(roll_op, axis, x.ndim());
  const auto n = x.tensor().shape(axis);
  shift = n == 0 ? 0 : shift % n;
  if (detail::is_traced()) {
    return detail::trace_call(
        "roll", {x}, {{"shift", shift}, {"axis", axis}}, [&] { return roll(x, shift, axis); }, x.location());
  }
  return roll_op(core::roll(x.value(), shift, axis),
                 wrt(x, [shift, axis](const Tensor& g) { return roll(g, -shift, axis); }));
}

Tensor roll(In x, std::int64_t shift) { return reshape(roll(ravel(x), shift, 0), x.shape()); }

Tensor roll(In x, const Dims& shifts, const Dims& axes) {
  if (shifts.size() != axes.size()) {
    raise<ValueError>("roll: each axis needs one shift", std::to_string(axes.size()), std::to_string(shifts.size()));
  }
  for (const auto a : axes) normalize_axis("roll", a, std::max<std::size_t>(x.ndim(), 1));
  Tensor y = x;
  for (std::size_t i = 0; i < axes.size(); ++i) y = roll(In(y, x.location()), shifts[i], axes[i]);
  return y;
}

Tensor rot90(In x, std::int64_t times, std::int64_t axis0, std::int64_t axis1) {
  const auto i = static_cast<std::int64_t>(normalize_axis("rot90", axis0, x.ndim()));
  const auto j = static_cast<std::int64_t>(normalize_axis("rot90", axis1, x.ndim()));
  if (i == j) raise<ValueError>("rot90: the two axes must differ", "distinct axes", "axis " + std::to_string(i));
  switch ((times % 4 + 4) % 4) {
    case 1: return transpose(flip(x, j), i, j);
    case 2: return flip(x, {i, j});
    case 3: return flip(transpose(x, i, j), j);
    default: return reshape(x, x.shape());
  }
}

}  // namespace newtape
