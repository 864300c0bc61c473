// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/indices.hpp"
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/embedding.hpp>

#include <algorithm>
#include <limits>

namespace newtape::table {
namespace {

Sample lookup(Shape table, Shape index_shape, std::vector<std::int64_t> list, EmbeddingFuncOptions options = {}) {
  Shape result = index_shape;
  result.push_back(table[1]);
  Values at(index_shape);
  std::copy(list.begin(), list.end(), at.data.begin());
  return {{table},
          [=](Args& x) { return embedding(indices(index_shape, list), x[0], options); },
          picks(result, [at](const Dims& i) {
            const Dims which(i.begin(), i.end() - 1);
            return Dims{static_cast<std::int64_t>(at[which]), i.back()};
          })};
}

/// Bags of `list` that end at `ends`, by loops; `padding` is left out.
Reference bags(std::vector<std::int64_t> list, std::vector<std::int64_t> ends, BagMode mode,
               std::int64_t padding = -1) {
  return [=](const std::vector<Values>& x) {
    const auto d = x[0].shape[1];
    Values y({static_cast<std::int64_t>(ends.size()), d});
    std::int64_t begin = 0;
    for (std::size_t b = 0; b < ends.size(); begin = ends[b++]) {
      for (std::int64_t j = 0; j < d; ++j) {
        long double sum = 0, largest = -std::numeric_limits<long double>::infinity();
        std::int64_t count = 0;
        for (std::int64_t k = begin; k < ends[b]; ++k) {
          const auto row = list[static_cast<std::size_t>(k)];
          if (row == padding) continue;
          const long double value = x[0][Dims{row, j}] * (x.size() > 1 ? x[1].data[static_cast<std::size_t>(k)] : 1);
          sum += value;
          largest = std::max(largest, value);
          ++count;
        }
        const Dims at{static_cast<std::int64_t>(b), j};
        if (count > 0) y[at] = mode == BagMode::sum ? sum : mode == BagMode::mean ? sum / count : largest;
      }
    }
    return y;
  };
}

Sample square_bags(BagMode mode, std::optional<std::int64_t> padding = {}) {
  const std::vector<std::int64_t> list{0, 3, 3, 1, 4, 1};
  return {{{5, 2}},
          [=](Args& x) {
            return embedding_bag(indices({2, 3}, list), x[0], {.mode = mode, .padding_idx = padding});
          },
          bags(list, {3, 6}, mode, padding.value_or(-1))};
}

Sample ragged_bags(BagMode mode, bool last) {
  const std::vector<std::int64_t> list{2, 0, 3, 3};
  const Tensor offsets = last ? indices({4}, {0, 1, 1, 4}) : indices({3}, {0, 1, 1});
  return {{{4, 3}},
          [=](Args& x) {
            return embedding_bag(indices({4}, list), x[0],
                                 {.offsets = offsets, .mode = mode, .include_last_offset = last});
          },
          bags(list, {1, 1, 4}, mode)};
}

Sample weighted_bags() {
  const std::vector<std::int64_t> list{2, 0, 3, 3};
  return {{{4, 3}, {4}},
          [=](Args& x) {
            In table = x[0];
            return embedding_bag(indices({4}, list), table,
                                 {.offsets = indices({2}, {0, 3}), .mode = BagMode::sum, .per_sample_weights = x[1]});
          },
          bags(list, {3, 4}, BagMode::sum)};
}

/// Rows without elements.
Sample narrow_bags() {
  return {{{3, 0}},
          [](Args& x) {
            return embedding_bag(indices({2, 1}, {0, 2}), x[0]);
          },
          bags({0, 2}, {1, 2}, BagMode::mean)};
}

const Rows embedding_rows{{
    {.name = "embedding",
     .samples = {lookup({4, 3}, {2, 2}, {0, 3, 3, 1}), lookup({4, 3}, {3}, {2, 2, 2}, {.sparse = true}),
                 lookup({2, 1}, {}, {1}), lookup({3, 2}, {0}, {}), lookup({3, 0}, {2}, {0, 2}),
                 lookup({3, 2}, {2, 0}, {})},
     .rejects = {{Error::shape, "weight [n, d]", [] { embedding(pair(), three()); }},
                 {Error::value, "must not be negative", [] { embedding(indices({1}, {-1}), matrix()); }},
                 {Error::value, "index out of range", [] { embedding(indices({1}, {2}), matrix()); }},
                 {Error::value, "padding_idx", [] { embedding(indices({1}, {0}), matrix(), {.padding_idx = 2}); }},
                 {Error::dtype, "integers", [] { embedding(zeros({2}), matrix()); }}}},
    {.name = "embedding_bag",
     .samples = {square_bags(BagMode::sum), square_bags(BagMode::mean), square_bags(BagMode::max),
                 square_bags(BagMode::mean, 1), square_bags(BagMode::max, 3), ragged_bags(BagMode::sum, false),
                 ragged_bags(BagMode::mean, true), ragged_bags(BagMode::max, false), weighted_bags(), narrow_bags()},
     .rejects =
         {{Error::shape, "offsets say where",
           [] {
             embedding_bag(indices({2}, {0, 1}), matrix());
           }},
          {Error::value, "ascend from 0",
           [] {
             embedding_bag(indices({2}, {0, 1}), matrix(), {.offsets = indices({2}, {0, 3})});
           }},
          {Error::value, "offset 0 is 1",
           [] {
             embedding_bag(indices({2}, {0, 1}), matrix(), {.offsets = indices({1}, {1})});
           }},
          {Error::value, "the number of indices",
           [] {
             embedding_bag(indices({2}, {0, 1}), matrix(),
                           {.offsets = indices({2}, {0, 1}), .include_last_offset = true});
           }},
          {Error::value, "mode sum",
           [] {
             embedding_bag(indices({1, 2}, {0, 1}), matrix(), {.per_sample_weights = ones({1, 2})});
           }},
          {Error::shape, "per_sample_weights",
           [] {
             embedding_bag(indices({1, 2}, {0, 1}), matrix(), {.mode = BagMode::sum, .per_sample_weights = ones({2})});
           }},
          {Error::value, "no offsets",
           [] {
             embedding_bag(indices({1, 2}, {0, 1}), matrix(), {.offsets = indices({1}, {0})});
           }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
