// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/piecewise.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace newtape::core {
namespace {

/// A slice resolved against an axis length: first index, step and number of elements.
struct Steps {
  std::int64_t start, step, count;
};

/// Same result as Python's slice.indices.
Steps resolve(const char* op, const Slice& slice, std::int64_t length) {
  const auto step = std::max(slice.step.value_or(1), -std::numeric_limits<std::int64_t>::max());
  if (step == 0) raise<ValueError>(std::string(op) + ": the step must not be zero", "a step other than 0", "0");
  const std::int64_t low = step < 0 ? -1 : 0;
  const std::int64_t high = step < 0 ? length - 1 : length;
  const auto clip = [&](std::int64_t at) { return std::clamp(at < 0 ? at + length : at, low, high); };
  const auto start = slice.start ? clip(*slice.start) : (step < 0 ? high : low);
  const auto stop = slice.stop ? clip(*slice.stop) : (step < 0 ? low : high);
  const auto span = step < 0 ? start - stop : stop - start;
  const auto count = span > 0 ? (span - 1) / (step < 0 ? -step : step) + 1 : 0;
  return {count > 0 ? start : 0, count > 1 ? step : 1, count};
}

/// The window as a view; strides are negative where steps are.
Array view(const Array& x, const Window& w) {
  const std::size_t lead = x.ndim() - w.start.size();
  Shape shape = x.shape();
  Strides strides = x.strides();
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < w.start.size(); ++i) {
    shape[lead + i] = w.count[i];
    offset += w.start[i] * strides[lead + i];
    strides[lead + i] *= w.step[i];
  }
  return Array::view_of(x, shape, strides, element_count(shape) > 0 ? offset : 0);
}

void expect_lengths(const char* op, const Array& x, const Dims& lengths) {
  const std::size_t n = lengths.size();
  if (x.ndim() < n || !std::equal(lengths.begin(), lengths.end(), x.shape().end() - n)) {
    raise<ShapeError>(std::string(op) + ": the trailing axes must match the window", to_string(lengths),
                      to_string(x.shape()));
  }
}

}  // namespace

Window::Window(const Shape& shape, std::size_t axes)
    : start(axes), step(axes, 1), count(shape.end() - axes, shape.end()), length(count) {}

void Window::narrow(const char* op, std::size_t axis, const Slice& slice) {
  const Steps s = resolve(op, slice, length[axis]);
  start[axis] = s.start;
  step[axis] = s.step;
  count[axis] = s.count;
}

bool Window::whole() const noexcept {
  return count == length && std::all_of(step.begin(), step.end(), [](std::int64_t s) { return s == 1; });
}

Array slice(const Array& x, const Window& window) {
  expect_lengths("slice", x, window.length);
  Array y = view(x, window);
  const bool forward = std::all_of(window.step.begin(), window.step.end(), [](std::int64_t s) { return s > 0; });
  return forward ? y : copy(y);
}

Array unslice(const Array& x, const Window& window, double value) {
  if (recorder() != nullptr)
    return record_call(
        "unslice", [=](const Array& a) { return unslice(a, window, value); }, x);
  expect_lengths("unslice", x, window.count);
  Shape shape = x.shape();
  std::copy(window.length.begin(), window.length.end(), shape.end() - window.length.size());
  Array y = full(shape, value, x.dtype(), "unslice");
  Array inside = view(y, window);
  assign(inside, x);
  return y;
}

void slice_add(Array& x, const Array& src, const Window& window) {
  if (recorder() != nullptr) {
    return record_update(
        "slice_add", [window](Array& y, const Array& a) { slice_add(y, a, window); }, x, src);
  }
  expect_lengths("slice_add", x, window.length);
  Array inside = view(x, window);
  assign(inside, add(inside, src));
}

Array slice_put(Array x, const Array& src, const Window& window) {
  if (recorder() != nullptr) {
    const auto again = [window](const Array& a, const Array& b) { return slice_put(a, b, window); };
    return record_call("slice_put", again, x, src);
  }
  expect_lengths("slice_put", x, window.length);
  Shape inner(x.shape().begin(), x.shape().end() - window.count.size());
  for (const auto n : window.count) inner.push_back(n);
  if (src.ndim() > inner.size() || broadcast_shapes("slice_put", inner, src.shape()) != inner) {
    raise<ShapeError>("slice_put: the source must broadcast to the window", to_string(inner), to_string(src.shape()));
  }
  Array y = x.reusable() ? std::move(x) : copy(x);
  Array inside = view(y, window);
  assign(inside, src);
  return y;
}

Array slice(const Array& x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const auto i = normalize_axis("slice", axis, x.ndim());
  const auto n = x.shape()[i];
  const Steps s = resolve("slice", {start, stop, step}, n);
  if (s.count == n && s.step == 1) return x;
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[i] = s.count;
  strides[i] *= s.step;
  Array y = Array::view_of(x, shape, strides, x.size() > 0 ? s.start * x.strides()[i] : 0);
  return s.step < 0 ? copy(y) : y;
}

Array select(const Array& x, std::int64_t axis, std::int64_t index) {
  const auto i = normalize_axis("select", axis, x.ndim());
  const auto n = x.shape()[i];
  if (index < -n || index >= n) {
    raise<ValueError>(
        "select: index out of range", "an index from " + std::to_string(-n) + " to " + std::to_string(n - 1),
        "index " + std::to_string(index) + " along axis " + std::to_string(i) + " of shape " + to_string(x.shape()));
  }
  if (index < 0) index += n;
  const auto offset = x.size() > 0 ? index * x.strides()[i] : 0;
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape.erase(i);
  strides.erase(i);
  return Array::view_of(x, shape, strides, offset);
}

}  // namespace newtape::core
