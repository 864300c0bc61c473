// SPDX-License-Identifier: BSD-3-Clause
#include "../table.hpp"

namespace newtape::table {
namespace {

/// Same elements in the same order.
Reference as(Shape out) {
  return [out](const std::vector<Values>& x) {
    Values y(out);
    y.data = x[0].data;
    return y;
  };
}

Tensor matrix() { return zeros({2, 3}); }

Sample reshaping(Shape before, Shape asked, Shape after) {
  return {{before}, [asked](Args& x) { return reshape(x[0], asked); }, as(after)};
}
Sample permuting(Shape before, Dims order) {
  Shape after;
  for (const auto a : order) after.push_back(before[normalize_axis("test", a, before.size())]);
  const std::size_t n = before.size();
  return {{before}, [order](Args& x) { return permute(x[0], order); }, picks(after, [order, n](const Dims& i) {
            Dims from(n);
            for (std::size_t a = 0; a < n; ++a) from[normalize_axis("test", order[a], n)] = i[a];
            return from;
          })};
}
Sample transposing(Shape before, std::int64_t axis0, std::int64_t axis1, std::size_t meant0, std::size_t meant1) {
  Shape after = before;
  std::swap(after[meant0], after[meant1]);
  return {{before}, [=](Args& x) { return transpose(x[0], axis0, axis1); }, picks(after, [=](Dims i) {
            std::swap(i[meant0], i[meant1]);
            return i;
          })};
}
/// Values broadcast by ignoring leading indices, as expand does.
Sample expanding(Shape before, Shape after) {
  return {{before}, [after](Args& x) { return expand(x[0], after); }, picks(after, [](const Dims& i) { return i; })};
}
/// `first` and `count` say in plain numbers which elements Python's x[start:stop:step] has.
Sample slicing(Shape before, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step,
               std::size_t meant, std::int64_t first, std::int64_t count) {
  Shape after = before;
  after[meant] = count;
  return {{before}, [=](Args& x) { return slice(x[0], axis, start, stop, step); }, picks(after, [=](Dims i) {
            i[meant] = first + step * i[meant];
            return i;
          })};
}
Sample selecting(Shape before, std::int64_t axis, std::int64_t index, std::size_t meant, std::int64_t at) {
  Shape after = before;
  after.erase(meant);
  return {{before}, [=](Args& x) { return select(x[0], axis, index); }, picks(after, [=](Dims i) {
            i.insert(meant, at);
            return i;
          })};
}
/// The pullback of slice as a function of the cotangent.
Sample unslicing(Shape before, Shape after, std::int64_t axis, std::int64_t start, std::int64_t stop,
                 std::int64_t step) {
  return {{before},
          [=](Args& x) {
            const Tensor g = x[0];
            const Tensor z = variable(zeros(after, g.dtype()));
            const GradMode on(true);
            return grad(slice(z, axis, start, stop, step), z, {.create_graph = true, .grad_outputs = {g}});
          },
          adds(after, [=](Dims i) {
            i[static_cast<std::size_t>(axis)] = start + step * i[static_cast<std::size_t>(axis)];
            return i;
          })};
}

const Rows shapes{{
    {.name = "reshape",
     .samples = {reshaping({}, {1, 1}, {1, 1}), reshaping({6}, {2, 3}, {2, 3}), reshaping({2, 3}, {-1}, {6}),
                 reshaping({2, 3, 2}, {3, -1}, {3, 4}), reshaping({0, 3}, {3, 0, 2}, {3, 0, 2}), reshaping({1}, {}, {}),
                 reshaping({0, 3}, {-1, 3}, {0, 3})},
     .rejects = {{Error::shape, "reshape", [] { reshape(matrix(), {4}); }},
                 {Error::shape, "[2, 3]",
                  [] {
                    reshape(matrix(), {4, -1});
                  }},
                 {Error::shape, "reshape",
                  [] {
                    reshape(matrix(), {-1, -1});
                  }},
                 {Error::shape, "reshape",
                  [] {
                    reshape(matrix(), {-2, -3});
                  }}},
     .integers = true},
    {.name = "squeeze",
     .samples = {{{{1, 3, 1}}, [](Args& x) { return squeeze(x[0]); }, as({3})},
                 {{{1, 3, 1}}, [](Args& x) { return squeeze(x[0], -1); }, as({1, 3})},
                 {{{1, 0, 1}},
                  [](Args& x) {
                    return squeeze(x[0], {0, 2});
                  },
                  as({0})},
                 {{{}}, [](Args& x) { return squeeze(x[0]); }, as({})}},
     .rejects = {{Error::shape, "squeeze", [] { squeeze(matrix(), 1); }},
                 {Error::shape, "squeeze", [] { squeeze(matrix(), 2); }}},
     .composite = true,
     .integers = true},
    {.name = "unsqueeze",
     .samples = {{{{}}, [](Args& x) { return unsqueeze(x[0], 0); }, as({1})},
                 {{{2, 3}}, [](Args& x) { return unsqueeze(x[0], -1); }, as({2, 3, 1})},
                 {{{2, 3}}, [](Args& x) { return unsqueeze(x[0], -3); }, as({1, 2, 3})},
                 {{{0, 3}}, [](Args& x) { return unsqueeze(x[0], 1); }, as({0, 1, 3})}},
     .rejects = {{Error::shape, "unsqueeze", [] { unsqueeze(matrix(), 3); }},
                 {Error::shape, "unsqueeze", [] { unsqueeze(matrix(), -4); }}},
     .composite = true,
     .integers = true},
    {.name = "permute",
     .samples = {permuting({}, {}), permuting({2, 3}, {1, 0}), permuting({2, 3, 4}, {2, 0, 1}),
                 permuting({2, 3, 4}, {-1, 0, -2}), permuting({2, 0, 3}, {1, 2, 0}), permuting({4}, {0})},
     .rejects = {{Error::shape, "permute", [] { permute(matrix(), {0}); }},
                 {Error::shape, "permute", [] { permute(matrix(), {0, 2}); }},
                 {Error::value, "permute", [] { permute(matrix(), {1, -1}); }}},
     .integers = true},
    {.name = "transpose",
     .samples = {transposing({2, 3}, -2, -1, 0, 1), transposing({2, 3, 4}, 0, -1, 0, 2),
                 transposing({2, 0, 3}, 1, 1, 1, 1), transposing({3}, 0, -1, 0, 0)},
     .rejects = {{Error::shape, "transpose", [] { transpose(matrix(), 0, 2); }},
                 {Error::shape, "transpose", [] { transpose(zeros({3})); }}},
     .composite = true,
     .integers = true},
    {.name = "expand",
     .samples = {expanding({}, {2, 3}), expanding({3}, {2, 3}), expanding({2, 1}, {2, 3}),
                 expanding({2, 1, 2}, {3, 2, 2, 2}), expanding({1}, {0}), expanding({0, 1}, {2, 0, 3}),
                 expanding({2, 3}, {2, 3})},
     .rejects = {{Error::shape, "expand", [] { expand(matrix(), {3}); }},
                 {Error::shape, "[2, 3]", [] { expand(matrix(), {3, 3}); }},
                 {Error::shape, "expand", [] { expand(matrix(), {2, -1}); }}},
     .integers = true},
    {.name = "slice",
     .samples = {slicing({5}, 0, 1, 4, 1, 0, 1, 3), slicing({5}, 0, 0, 5, 2, 0, 0, 3),
                 slicing({2, 7}, -1, 1, -1, 2, 1, 1, 3), slicing({2, 7}, 1, -4, 100, 3, 1, 3, 2),
                 slicing({3, 2}, 0, -100, 1, 1, 0, 0, 1), slicing({3, 2}, 0, 2, 1, 1, 0, 2, 0),
                 slicing({0, 3}, 0, 0, 2, 1, 0, 0, 0), slicing({2, 5, 2}, 1, 4, 5, 3, 1, 4, 1),
                 slicing({5}, 0, 7, 9, 1, 0, 5, 0)},
     .rejects = {{Error::shape, "slice", [] { slice(matrix(), 2, 0, 1); }},
                 {Error::value, "slice", [] { slice(matrix(), 0, 0, 1, 0); }},
                 {Error::value, "slice", [] { slice(matrix(), 0, 1, 0, -1); }}},
     .integers = true},
    {.name = "unslice",
     .samples = {unslicing({3}, {5}, 0, 1, 4, 1), unslicing({2, 3}, {2, 6}, 1, 1, 6, 2),
                 unslicing({0, 2}, {3, 2}, 0, 1, 1, 1), unslicing({2, 2}, {6, 2}, 0, 0, 6, 4)}},
    {.name = "select",
     .samples = {selecting({3}, 0, 1, 0, 1), selecting({2, 3}, -1, -1, 1, 2), selecting({2, 3, 2}, 1, 0, 1, 0),
                 selecting({2, 0}, 0, -2, 0, 0)},
     .rejects = {{Error::shape, "select", [] { select(matrix(), 2, 0); }},
                 {Error::value, "select", [] { select(matrix(), 1, 3); }},
                 {Error::value, "-3", [] { select(matrix(), 0, -3); }}},
     .composite = true,
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
