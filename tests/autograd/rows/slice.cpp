// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/slice.hpp>

namespace newtape::table {
namespace {

/// `first` and `count` are the first index and number of elements of Python's x[start:stop:step].
Sample slicing(Shape before, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step,
               std::size_t meant, std::int64_t first, std::int64_t count) {
  Shape after = before;
  after[meant] = count;
  return {{before}, [=](Args& x) { return slice(x[0], axis, start, stop, step); }, picks(after, [=](Dims i) {
            i[meant] = first + step * i[meant];
            return i;
          })};
}
/// start, step and count for each of the last axes.
using Ranges = std::vector<std::array<std::int64_t, 3>>;
core::Window window_of(const Shape& shape, const Ranges& ranges) {
  core::Window w(shape, ranges.size());
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    w.start[k] = ranges[k][0];
    w.step[k] = ranges[k][1];
    w.count[k] = ranges[k][2];
  }
  return w;
}
/// The index in the full array of the window element at `i`.
Dims behind_window(const Ranges& ranges, Dims i) {
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    auto& at = i[i.size() - ranges.size() + k];
    at = ranges[k][0] + ranges[k][1] * at;
  }
  return i;
}
Shape windowed(Shape shape, const Ranges& ranges) {
  for (std::size_t k = 0; k < ranges.size(); ++k) shape[shape.size() - ranges.size() + k] = ranges[k][2];
  return shape;
}
Sample windowing(Shape before, Ranges ranges) {
  return {{before},
          [=](Args& x) { return slice(x[0], window_of(before, ranges)); },
          picks(windowed(before, ranges), [=](const Dims& i) { return behind_window(ranges, i); })};
}
/// The source may be of any shape that broadcasts to the window.
Sample putting(Shape before, Ranges ranges, Shape source) {
  return {{before, source},
          [=](Args& x) { return slice_put(x[0], x[1], window_of(before, ranges)); },
          [=](const std::vector<Values>& x) {
            Values y = x[0];
            for_each_index(windowed(before, ranges), [&](const Dims& i) { y[behind_window(ranges, i)] = x[1][i]; });
            return y;
          }};
}
Sample flipping(Shape shape, Axes axes, Dims meant) {
  return {{shape}, [axes](Args& x) { return flip(x[0], axes); }, picks(shape, [=](Dims i) {
            for (const auto a : meant) i[a] = shape[a] - 1 - i[a];
            return i;
          })};
}
/// `at(i, n)` is the index, of n elements, of the padded axis's element i, where i = 0 is the first original element.
using Widths = std::vector<std::pair<std::int64_t, std::int64_t>>;
Sample padding(Shape before, Widths widths, PaddingMode mode, std::int64_t (*at)(std::int64_t, std::int64_t)) {
  Shape after = before;
  const std::size_t lead = before.size() - widths.size();
  for (std::size_t k = 0; k < widths.size(); ++k) after[lead + k] += widths[k].first + widths[k].second;
  return {{before},
          [=](Args& x) { return pad(x[0], widths, mode, 1.5); },
          [=](const std::vector<Values>& x) {
            Values y(after, 1.5L);
            for_each_index(after, [&](const Dims& i) {
              Dims from = i;
              bool inside = true;
              for (std::size_t k = 0; k < widths.size(); ++k) {
                auto& f = from[lead + k];
                f = at(f - widths[k].first, before[lead + k]);
                inside = inside && f >= 0 && f < before[lead + k];
              }
              if (inside) y[i] = x[0][from];
            });
            return y;
          }};
}
std::int64_t itself(std::int64_t i, std::int64_t) { return i; }
std::int64_t nearest(std::int64_t i, std::int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }
std::int64_t mirrored(std::int64_t i, std::int64_t n) {
  while (i < 0 || i >= n) i = n == 1 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
  return i;
}
std::int64_t around(std::int64_t i, std::int64_t n) {
  while (i < 0) i += n;
  while (i >= n) i -= n;
  return i;
}

Sample selecting(Shape before, std::int64_t axis, std::int64_t index, std::size_t meant, std::int64_t at) {
  Shape after = before;
  after.erase(meant);
  return {{before}, [=](Args& x) { return select(x[0], axis, index); }, picks(after, [=](Dims i) {
            i.insert(meant, at);
            return i;
          })};
}
Sample unslicing(Shape before, Shape after, std::int64_t axis, std::int64_t start, std::int64_t stop,
                 std::int64_t step) {
  return {{before},
          [=](Args& x) {
            return pulled_back([=](const Tensor& z) { return slice(z, axis, start, stop, step); }, after, x[0]);
          },
          adds(after, [=](Dims i) {
            i[static_cast<std::size_t>(axis)] = start + step * i[static_cast<std::size_t>(axis)];
            return i;
          })};
}

const Rows slices{{
    {.name = "slice",
     .samples = {slicing({5}, 0, 1, 4, 1, 0, 1, 3), slicing({5}, 0, 0, 5, 2, 0, 0, 3),
                 slicing({2, 7}, -1, 1, -1, 2, 1, 1, 3), slicing({2, 7}, 1, -4, 100, 3, 1, 3, 2),
                 slicing({3, 2}, 0, -100, 1, 1, 0, 0, 1), slicing({3, 2}, 0, 2, 1, 1, 0, 2, 0),
                 slicing({0, 3}, 0, 0, 2, 1, 0, 0, 0), slicing({2, 5, 2}, 1, 4, 5, 3, 1, 4, 1),
                 slicing({5}, 0, 7, 9, 1, 0, 5, 0), slicing({5}, 0, 3, 0, -1, 0, 3, 3),
                 slicing({2, 7}, 1, -1, -8, -3, 1, 6, 3), slicing({3, 2}, 0, -100, 100, -1, 0, 0, 0),
                 slicing({4}, 0, 1, 3, -2, 0, 1, 0), windowing({4, 5}, {{1, 2, 2}, {4, -2, 3}}),
                 windowing({2, 4}, {{3, -1, 4}}), windowing({2, 0, 3}, {{0, 1, 0}, {1, 1, 1}})},
     .rejects = {{Error::shape, "slice", [] { slice(matrix(), 2, 0, 1); }},
                 {Error::value, "slice", [] { slice(matrix(), 0, 0, 1, 0); }},
                 {Error::shape, "slice", [] { slice(zeros({4, 3}), core::Window({2, 3}, 2)); }}},
     .integers = true},
    {.name = "unslice",
     .samples = {unslicing({3}, {5}, 0, 1, 4, 1), unslicing({2, 3}, {2, 6}, 1, 1, 6, 2),
                 unslicing({0, 2}, {3, 2}, 0, 1, 1, 1), unslicing({2, 2}, {6, 2}, 0, 0, 6, 4),
                 unslicing({2, 2}, {2, 6}, 1, 4, 0, -2)},
     .rejects = {{Error::shape, "unslice", [] { unslice(zeros({3}), core::Window({2}, 1)); }}}},
    {.name = "select",
     .samples = {selecting({3}, 0, 1, 0, 1), selecting({2, 3}, -1, -1, 1, 2), selecting({2, 3, 2}, 1, 0, 1, 0),
                 selecting({2, 0}, 0, -2, 0, 0)},
     .rejects = {{Error::shape, "select", [] { select(matrix(), 2, 0); }},
                 {Error::value, "select", [] { select(matrix(), 1, 3); }},
                 {Error::value, "-3", [] { select(matrix(), 0, -3); }}},
     .composite = true,
     .integers = true},
    {.name = "slice_put",
     .samples = {putting({5}, {{1, 2, 2}}, {2}), putting({2, 4}, {{3, -1, 3}}, {2, 3}),
                 putting({3, 4}, {{0, 1, 2}, {1, 1, 3}}, {3}), putting({2, 3}, {{0, 1, 2}, {0, 1, 3}}, {}),
                 putting({3, 2}, {{1, 1, 0}, {0, 1, 2}}, {2}), putting({0, 2}, {{0, 1, 2}}, {0, 2}),
                 putting({}, {}, {})},
     .rejects = {{Error::shape, "slice_put", [] { slice_put(matrix(), zeros({4}), core::Window({2, 3}, 2)); }},
                 {Error::dtype, "slice_put", [] { slice_put(matrix(), zeros({3}, f64), core::Window({2, 3}, 2)); }},
                 {Error::shape, "slice_put", [] { slice_put(matrix(), 1, core::Window({2, 4}, 2)); }}},
     .integers = true},
    {.name = "flip",
     .samples = {flipping({4}, {}, {0}), flipping({2, 3}, 1, {1}), flipping({2, 3, 2}, {0, -1}, {0, 2}),
                 flipping({}, {}, {}), flipping({0, 2}, {}, {0, 1}), flipping({2, 70}, -1, {1})},
     .rejects = {{Error::shape, "flip", [] { flip(matrix(), 2); }},
                 {Error::value, "flip", [] { flip(matrix(), {0, -2}); }}},
     .composite = true,
     .integers = true},
    {.name = "pad",
     .samples = {padding({3}, {{1, 2}}, PaddingMode::constant, itself),
                 padding({2, 3}, {{1, 0}, {0, 2}}, PaddingMode::constant, itself),
                 padding({2, 3}, {{2, 1}}, PaddingMode::constant, itself),
                 padding({0, 2}, {{1, 1}, {0, 0}}, PaddingMode::constant, itself),
                 padding({}, {}, PaddingMode::constant, itself), padding({4}, {{2, 3}}, PaddingMode::reflect, mirrored),
                 padding({2, 3}, {{1, 1}, {5, 0}}, PaddingMode::reflect, mirrored),
                 padding({1}, {{2, 1}}, PaddingMode::reflect, mirrored),
                 padding({2, 2}, {{1, 2}}, PaddingMode::replicate, nearest),
                 padding({2, 3}, {{2, 0}, {0, 1}}, PaddingMode::replicate, nearest),
                 padding({3}, {{2, 4}}, PaddingMode::circular, around),
                 padding({2, 2, 3}, {{1, 1}, {0, 2}}, PaddingMode::circular, around),
                 padding({0, 3}, {{1, 1}}, PaddingMode::circular, around)},
     .rejects = {{Error::value, "pad", [] { pad(matrix(), {{-1, 0}}); }},
                 {Error::shape, "pad", [] { pad(zeros({2}), {{1, 1}, {1, 1}}); }},
                 {Error::value, "the axis must not be empty", [] { pad(zeros({0}), {{1, 0}}, PaddingMode::reflect); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
