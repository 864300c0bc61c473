// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <algorithm>

namespace newtape::table {
namespace {

/// Element k of a diagonal is in row k + max(-offset, 0) and column k + max(offset, 0).
Dims on_diagonal(Dims i, std::int64_t offset) {
  const auto k = i.back();
  i[i.size() - 1] = k + std::max<std::int64_t>(-offset, 0);
  i.push_back(k + std::max<std::int64_t>(offset, 0));
  return i;
}
Sample diagonal_of(Shape before, std::int64_t offset, Shape after) {
  return {{before}, [=](Args& x) { return diagonal(x[0], offset, -2, -1); }, picks(after, [=](const Dims& i) {
            return on_diagonal(i, offset);
          })};
}
Sample embedding(Shape before, std::int64_t offset, Shape after) {
  return {{before}, [=](Args& x) { return diag_embed(x[0], offset); }, adds(after, [=](const Dims& i) {
            return on_diagonal(i, offset);
          })};
}
Sample triangle(Shape shape, Tensor (*f)(In, std::int64_t), std::int64_t offset, bool lower) {
  return {{shape},
          [=](Args& x) { return f(x[0], offset); },
          [=](const std::vector<Values>& x) {
            Values y(shape);
            for_each_index(shape, [&](const Dims& i) {
              const auto from = i.back() - i[i.size() - 2] - offset;
              if (lower ? from <= 0 : from >= 0) y[i] = x[0][i];
            });
            return y;
          }};
}
/// The elements of a [3, 4] matrix at the rows and columns that a function of (3, offset, 4) returns.
Sample elements_at(std::array<Tensor, 2> (*f)(std::int64_t, std::int64_t, std::int64_t), std::int64_t offset,
                   std::vector<Dims> meant) {
  return {{{3, 4}},
          [=](Args& x) {
            const auto [rows, columns] = f(3, offset, 4);
            return x[0].tensor()[{rows, columns}];
          },
          picks({static_cast<std::int64_t>(meant.size())},
                [=](const Dims& i) { return meant[static_cast<std::size_t>(i[0])]; })};
}

const Rows triangles{{
    {.name = "diagonal",
     .samples = {diagonal_of({3, 3}, 0, {3}), diagonal_of({2, 4}, 1, {2}), diagonal_of({2, 4}, 3, {1}),
                 diagonal_of({4, 2}, -1, {2}), diagonal_of({2, 3, 2}, 0, {2, 2}), diagonal_of({2, 3}, 3, {0}),
                 diagonal_of({2, 3}, -100, {0}), diagonal_of({0, 3}, 0, {0}), diagonal_of({0, 2, 2}, 0, {0, 2}),
                 {{{3, 2, 4}},
                  [](Args& x) { return diagonal(x[0]); },
                  picks({4, 2}, [](const Dims& i) { return Dims{i[1], i[1], i[0]}; })},
                 {{{3, 2, 4}},
                  [](Args& x) { return diagonal(x[0], -1, 2, 0); },
                  picks({2, 3}, [](const Dims& i) { return Dims{i[1], i[0], i[1] + 1}; })}},
     .rejects = {{Error::shape, "diagonal", [] { diagonal(zeros({3})); }},
                 {Error::shape, "diagonal", [] { diagonal(matrix(), 0, 0, 2); }},
                 {Error::value, "diagonal", [] { diagonal(matrix(), 0, 1, -1); }}},
     .integers = true},
    {.name = "diag_embed",
     .samples = {embedding({3}, 0, {3, 3}), embedding({2, 2}, 1, {2, 3, 3}), embedding({2}, -2, {4, 4}),
                 embedding({0}, 0, {0, 0}), embedding({0}, 2, {2, 2}), embedding({0, 2}, 0, {0, 2, 2})},
     .rejects = {{Error::shape, "diag_embed", [] { diag_embed(tensor(1.0)); }}},
     .integers = true},
    {.name = "diag",
     .samples = {{{{3}}, [](Args& x) { return diag(x[0], -1); }, embedding({3}, -1, {4, 4}).reference},
                 {{{2, 3}}, [](Args& x) { return diag(x[0], 1); }, diagonal_of({2, 3}, 1, {2}).reference},
                 {{{0}}, [](Args& x) { return diag(x[0]); }, embedding({0}, 0, {0, 0}).reference}},
     .rejects = {{Error::shape, "diag", [] { diag(tensor(1.0)); }},
                 {Error::shape, "diag", [] { diag(zeros({2, 2, 2})); }}},
     .composite = true,
     .integers = true},
    {.name = "tril",
     .samples = {triangle({3, 3}, tril, 0, true), triangle({2, 4}, tril, 1, true), triangle({3, 2}, tril, -1, true),
                 triangle({2, 2, 3}, tril, 0, true), triangle({2, 3}, tril, -5, true), triangle({2, 3}, tril, 9, true),
                 triangle({0, 3}, tril, 0, true)},
     .rejects = {{Error::shape, "tril", [] { tril(zeros({3})); }}},
     .composite = true,
     .integers = true},
    {.name = "triu",
     .samples = {triangle({3, 3}, triu, 0, false), triangle({2, 4}, triu, 2, false), triangle({3, 2}, triu, -1, false),
                 triangle({2, 2, 3}, triu, 0, false), triangle({2, 3}, triu, -5, false),
                 triangle({2, 3}, triu, 9, false),
                 triangle({3, 0}, triu, 0, false)},
     .rejects = {{Error::shape, "triu", [] { triu(zeros({3})); }}},
     .composite = true,
     .integers = true},
    {.name = "tril_indices",
     .samples = {elements_at(tril_indices, 0, {{0, 0}, {1, 0}, {1, 1}, {2, 0}, {2, 1}, {2, 2}}),
                 elements_at(tril_indices, -2, {{2, 0}}), elements_at(tril_indices, -3, {}),
                 {{{0, 0}},
                  [](Args& x) {
                    const auto [rows, columns] = tril_indices(0);
                    return x[0].tensor()[{rows, columns}];
                  },
                  picks({0}, [](const Dims& i) { return i; })}},
     .composite = true,
     .integers = true},
    {.name = "triu_indices",
     .samples = {elements_at(triu_indices, 1, {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}),
                 elements_at(triu_indices, 3, {{0, 3}}), elements_at(triu_indices, 4, {}),
                 {{{0, 0}},
                  [](Args& x) {
                    const auto [rows, columns] = triu_indices(0);
                    return x[0].tensor()[{rows, columns}];
                  },
                  picks({0}, [](const Dims& i) { return i; })}},
     .composite = true,
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
