// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>

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
/// Broadcast values, as by expand.
Sample expanding(Shape before, Shape after) {
  return {{before}, [after](Args& x) { return expand(x[0], after); }, picks(after, [](const Dims& i) { return i; })};
}
Sample moving(Shape before, Dims from, Dims to, Dims order) {
  Sample s = permuting(before, order);
  s.call = [from, to](Args& x) { return moveaxis(x[0], from, to); };
  return s;
}
std::pair<Tensor, Tensor> two(const std::vector<Tensor>& list) { return {list.at(0), list.at(1)}; }
/// All coordinates of the grid over vectors of these lengths, with distinct weights; those of vector k vary along axis
/// `along[k]`.
Sample gridding(Dims lengths, const char* indexing, Shape after, Dims along) {
  std::vector<Shape> vectors;
  for (const auto n : lengths) vectors.push_back({n});
  return {vectors,
          [=](Args& x) {
            const auto grids = meshgrid(x.list(), indexing);
            Tensor y = grids[0];
            for (std::size_t k = 1; k < grids.size(); ++k) y = 3 * y - grids[k];
            return y;
          },
          [=](const std::vector<Values>& x) {
            Values y(after);
            for_each_index(after, [&](const Dims& i) {
              for (std::size_t k = 0; k < x.size(); ++k) y[i] = (k == 0 ? 1 : -1) * x[k][{i[along[k]]}] + 3 * y[i];
            });
            return y;
          }};
}

const Rows shape_rows{{
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
                 {Error::shape, "permute", [] { permute(matrix(), {1, -1}); }}},
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
    {.name = "ravel",
     .samples = {{{{2, 3}}, [](Args& x) { return ravel(x[0]); }, as({6})},
                 {{{}}, [](Args& x) { return ravel(x[0]); }, as({1})},
                 {{{2, 0}}, [](Args& x) { return ravel(x[0]); }, as({0})}},
     .composite = true,
     .integers = true},
    {.name = "flatten",
     .samples = {{{{2, 3, 2}}, [](Args& x) { return flatten(x[0]); }, as({12})},
                 {{{2, 3, 2}}, [](Args& x) { return flatten(x[0], 1); }, as({2, 6})},
                 {{{2, 3, 2}}, [](Args& x) { return flatten(x[0], 0, -2); }, as({6, 2})},
                 {{{}}, [](Args& x) { return flatten(x[0]); }, as({1})},
                 {{{0, 3}}, [](Args& x) { return flatten(x[0]); }, as({0})}},
     .rejects = {{Error::shape, "flatten", [] { flatten(matrix(), 1, 0); }},
                 {Error::shape, "flatten", [] { flatten(matrix(), 0, 2); }}},
     .composite = true,
     .integers = true},
    {.name = "unflatten",
     .samples = {{{{2, 6}}, [](Args& x) { return unflatten(x[0], 1, {3, -1}); }, as({2, 3, 2})},
                 {{{6, 2}}, [](Args& x) { return unflatten(x[0], -2, {2, 3}); }, as({2, 3, 2})},
                 {{{0, 2}}, [](Args& x) { return unflatten(x[0], 0, {3, -1}); }, as({3, 0, 2})}},
     .rejects = {{Error::shape, "[2, 2]", [] { unflatten(matrix(), 1, {2, 2}); }},
                 {Error::shape, "unflatten", [] { unflatten(matrix(), 1, {-1, -1}); }},
                 {Error::shape, "unflatten", [] { unflatten(matrix(), 1, {}); }},
                 {Error::shape, "unflatten", [] { unflatten(matrix(), 2, {3}); }}},
     .composite = true,
     .integers = true},
    {.name = "atleast",
     .samples = {{{{}}, [](Args& x) { return atleast_1d(x[0]); }, as({1})},
                 {{{}}, [](Args& x) { return atleast_2d(x[0]); }, as({1, 1})},
                 {{{}}, [](Args& x) { return atleast_3d(x[0]); }, as({1, 1, 1})},
                 {{{3}}, [](Args& x) { return atleast_1d(x[0] * 1); }, as({3})},
                 {{{3}}, [](Args& x) { return atleast_2d(x[0]); }, as({1, 3})},
                 {{{3}}, [](Args& x) { return atleast_3d(x[0]); }, as({1, 3, 1})},
                 {{{2, 3}}, [](Args& x) { return atleast_3d(x[0]); }, as({2, 3, 1})},
                 {{{0, 3}}, [](Args& x) { return atleast_3d(x[0]); }, as({0, 3, 1})}},
     .composite = true,
     .integers = true},
    {.name = "moveaxis",
     .samples = {moving({2, 3, 4}, {0}, {2}, {1, 2, 0}), moving({2, 3, 4}, {-1}, {0}, {2, 0, 1}),
                 moving({2, 3, 4}, {0, 1}, {-1, -2}, {2, 1, 0}), moving({0, 3, 2}, {2, 0}, {0, 1}, {2, 0, 1}),
                 moving({2, 3}, {}, {}, {0, 1})},
     .rejects = {{Error::shape, "moveaxis", [] { moveaxis(matrix(), 2, 0); }},
                 {Error::value, "moveaxis", [] { moveaxis(matrix(), {0, 0}, {0, 1}); }},
                 {Error::value, "moveaxis", [] { moveaxis(matrix(), {0, 1}, {1, -1}); }},
                 {Error::value, "moveaxis", [] { moveaxis(matrix(), Dims{0, 1}, Dims{0}); }}},
     .composite = true,
     .integers = true},
    {.name = "broadcast_tensors",
     .samples = {{{{2, 1}, {3}},
                  [](Args& x) {
                    const auto [a, b] = two(broadcast_tensors(x.list()));
                    return a * b;
                  },
                  [](const std::vector<Values>& x) {
                    Values y({2, 3});
                    for_each_index(y.shape, [&](const Dims& i) { y[i] = x[0][i] * x[1][i]; });
                    return y;
                  }},
                 {{{0, 1}, {}},
                  [](Args& x) {
                    const auto [a, b] = two(broadcast_tensors(x.list()));
                    return a + b;
                  },
                  [](const std::vector<Values>&) {
                    return Values({0, 1});
                  }}},
     .rejects = {{Error::shape, "broadcast_tensors", [] { broadcast_tensors({matrix(), zeros({2})}); }}},
     .composite = true,
     .integers = true},
    {.name = "meshgrid",
     .samples = {gridding({3, 2}, "ij", {3, 2}, {0, 1}), gridding({3, 2}, "xy", {2, 3}, {1, 0}),
                 gridding({2, 3, 2}, "xy", {3, 2, 2}, {1, 0, 2}), gridding({0, 2}, "ij", {0, 2}, {0, 1}),
                 gridding({3}, "xy", {3}, {0})},
     .rejects = {{Error::shape, "meshgrid", [] { meshgrid({matrix()}); }},
                 {Error::value, "ij or xy", [] { meshgrid({zeros({2})}, "yx"); }}},
     .composite = true,
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
