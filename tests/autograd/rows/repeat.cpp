// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/repeat.hpp>

namespace newtape::table {
namespace {

Tensor counts(std::initializer_list<double> list) { return tensor(list, i64); }

/// Missing leading axes count as 1.
Sample tiling(Shape before, Dims repeats, Shape after) {
  Shape full(after.size() - before.size(), 1);
  for (const auto d : before) full.push_back(d);
  return {{before}, [=](Args& x) { return tile(x[0], repeats); }, picks(after, [=](Dims i) {
            for (std::size_t a = 0; a < i.size(); ++a) i[a] %= full[a];
            return Dims(i.begin() + static_cast<std::ptrdiff_t>(full.size() - before.size()), i.end());
          })};
}
/// Element k along `axis` of the result is element from[k] of x.
Sample repeating(Shape before, std::function<Tensor(In)> f, std::size_t axis, Dims from) {
  Shape after = before;
  after[axis] = static_cast<std::int64_t>(from.size());
  return {{before}, [f](Args& x) { return f(x[0]); }, picks(after, [=](Dims i) {
            i[axis] = from[static_cast<std::size_t>(i[axis])];
            return i;
          })};
}
/// `to[a]` is the shift along axis a.
Sample rolling(Shape shape, std::function<Tensor(In)> f, Dims to) {
  return {{shape}, [f](Args& x) { return f(x[0]); }, picks(shape, [=](Dims i) {
            for (std::size_t a = 0; a < i.size(); ++a) i[a] = (i[a] + 100 * shape[a] - to[a]) % shape[a];
            return i;
          })};
}
Sample turning(Shape before, std::int64_t times, Shape after, std::function<Dims(const Dims&)> from) {
  return {{before}, [times](Args& x) { return rot90(x[0], times); }, picks(after, std::move(from))};
}

const Rows repeats{{
    {.name = "tile",
     .samples = {tiling({3}, {2}, {6}), tiling({2, 3}, {2, 1}, {4, 3}), tiling({2, 3}, {2}, {2, 6}),
                 tiling({2}, {2, 3}, {2, 6}), tiling({}, {3}, {3}), tiling({}, {}, {}), tiling({2, 3}, {0, 2}, {0, 6}),
                 tiling({0, 2}, {2, 2}, {0, 4})},
     .rejects = {{Error::value, "tile", [] { tile(matrix(), {-1}); }}},
     .composite = true,
     .integers = true},
    {.name = "repeat_interleave",
     .samples = {repeating({3}, [](In x) { return repeat_interleave(x, 2, 0); }, 0, {0, 0, 1, 1, 2, 2}),
                 repeating({2, 3}, [](In x) { return repeat_interleave(x, 2, -1); }, 1, {0, 0, 1, 1, 2, 2}),
                 repeating({2, 3}, [](In x) { return repeat_interleave(x, 0, 0); }, 0, {}),
                 repeating({0, 3}, [](In x) { return repeat_interleave(x, 2, 0); }, 0, {}),
                 repeating({3, 2},
                           [](In x) {
                             return repeat_interleave(x, counts({1, 0, 3}), 0);
                           },
                           0, {0, 2, 2, 2}),
                 repeating({2, 2}, [](In x) { return repeat_interleave(x, counts({2}), 1); }, 1, {0, 0, 1, 1}),
                 repeating({3},
                           [](In x) {
                             return repeat_interleave(x, counts({0, 1, 1}));
                           },
                           0, {1, 2}),
                 {{{2, 2}},
                  [](Args& x) { return repeat_interleave(x[0], 2); },
                  picks({8},
                        [](const Dims& i) {
                          return Dims{i[0] / 4, i[0] / 2 % 2};
                        })}},
     .rejects = {{Error::value, "repeat_interleave", [] { repeat_interleave(matrix(), -1, 0); }},
                 {Error::shape, "repeat_interleave", [] { repeat_interleave(matrix(), 2, 2); }},
                 {Error::shape, "[3]", [] { repeat_interleave(matrix(), counts({1, 2}), 1); }},
                 {Error::value, "-2", [] { repeat_interleave(matrix(), counts({1, -2}), 0); }},
                 {Error::dtype, "repeat_interleave", [] { repeat_interleave(matrix(), ones({2}), 0); }}},
     .composite = true,
     .integers = true},
    {.name = "roll",
     .samples = {rolling({5}, [](In x) { return roll(x, 2, 0); }, {2}),
                 rolling({2, 3}, [](In x) { return roll(x, -1, -1); }, {0, -1}),
                 rolling({3, 2, 2}, [](In x) { return roll(x, 7, 0); }, {7, 0, 0}),
                 rolling({3, 4},
                         [](In x) {
                           return roll(x, {1, -6}, {0, 1});
                         },
                         {1, -6}),
                 rolling({3, 2}, [](In x) { return roll(x, 6, 0); }, {0, 0}),
                 rolling({0, 3}, [](In x) { return roll(x, 2, 0); }, {0, 0}),
                 {{{2, 3}},
                  [](Args& x) { return roll(x[0], 1); },
                  picks({2, 3},
                        [](const Dims& i) {
                          const auto k = (3 * i[0] + i[1] + 5) % 6;
                          return Dims{k / 3, k % 3};
                        })}},
     .rejects = {{Error::shape, "roll", [] { roll(matrix(), 1, 2); }},
                 {Error::value, "roll", [] { roll(matrix(), {1, 2}, Dims{0}); }}},
     .integers = true},
    {.name = "rot90",
     .samples = {turning({2, 3}, 1, {3, 2},
                         [](const Dims& i) {
                           return Dims{i[1], 2 - i[0]};
                         }),
                 turning({2, 3}, 2, {2, 3},
                         [](const Dims& i) {
                           return Dims{1 - i[0], 2 - i[1]};
                         }),
                 turning({2, 3}, -1, {3, 2},
                         [](const Dims& i) {
                           return Dims{1 - i[1], i[0]};
                         }),
                 turning({2, 3}, 4, {2, 3}, [](const Dims& i) { return i; }),
                 turning({0, 2}, 1, {2, 0}, [](const Dims& i) { return i; })},
     .rejects = {{Error::shape, "rot90", [] { rot90(matrix(), 1, 0, 2); }},
                 {Error::value, "rot90", [] { rot90(matrix(), 1, 1, -1); }}},
     .composite = true,
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
