// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/sampler.hpp>
#include <newtape/data/sets/labels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <unordered_map>

namespace newtape::data {
namespace {

using Numbers = std::vector<std::int64_t>;
using Weights = std::vector<double>;

/// The first index whose cumulative weight exceeds a uniform fraction of the total.
Array draw_with_replacement(const Weights& cumulated, std::int64_t count, Generator& generator) {
  const Array u = random::uniform({count}, 0, 1, f64, generator);
  Array drawn = Array::empty({count}, i64);
  const auto* share = u.data<double>();
  auto* to = drawn.data<std::int64_t>();
  // If rounding yields the total itself, the last positive weight is selected.
  const auto last = std::lower_bound(cumulated.begin(), cumulated.end(), cumulated.back());
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = std::upper_bound(cumulated.begin(), last, share[i] * cumulated.back()) - cumulated.begin();
  }
  return drawn;
}

/// The `count` largest log(u) / w, equivalently the largest u^(1/w).
Array draw_without_replacement(const Weights& weights, std::int64_t count, Generator& generator) {
  const auto n = static_cast<std::int64_t>(weights.size());
  const Array u = random::uniform({n}, 0, 1, f64, generator);
  Weights key(weights.size(), -std::numeric_limits<double>::infinity());
  Numbers order;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    key[i] = std::log1p(-u.data<double>()[i]) / weights[i];  // 1 - u > 0
    order.push_back(static_cast<std::int64_t>(i));
  }
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](auto a, auto b) {
    return key[static_cast<std::size_t>(a)] > key[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(count));
  return detail::index_array(order);
}

}  // namespace

Sampler random_sampler(std::int64_t n, std::int64_t count) {
  if (n < 1 || count < 0) {
    raise<ValueError>("random_sampler: invalid size", "n >= 1, count >= 0", fmt::format("n {}, count {}", n, count));
  }
  return {count, [n, count](Generator& g) { return random::integers({count}, 0, n, g); }};
}

Sampler subset_sampler(const ArrayLike& indices) {
  const auto chosen = std::make_shared<const Numbers>(detail::read_labels("subset_sampler", indices));
  return {static_cast<std::int64_t>(chosen->size()), [chosen](Generator& g) {
            Array order = random::permutation(static_cast<std::int64_t>(chosen->size()), g);
            auto* i = order.data<std::int64_t>();
            std::transform(i, i + order.size(), i, [&](auto at) { return (*chosen)[static_cast<std::size_t>(at)]; });
            return order;
          }};
}

Sampler weighted_sampler(const ArrayLike& weights, std::int64_t count, const WeightedSamplerOptions& options) {
  if (!weights.defined() || weights.ndim() != 1) {
    raise<ShapeError>("weighted_sampler: the weights must be one-dimensional", "shape [n]",
                      weights.defined() ? to_string(weights.shape()) : "none");
  }
  expect_floating("weighted_sampler", weights);
  const Array dense = core::contiguous(core::cast(weights, f64));
  const auto* first = std::as_const(dense).data<double>();
  auto w = std::make_shared<Weights>(first, first + dense.size());
  std::int64_t positive = 0;
  for (std::size_t i = 0; i < w->size(); ++i) {
    if (!((*w)[i] >= 0) || std::isinf((*w)[i])) {
      raise<ValueError>(fmt::format("weighted_sampler: weight {} is invalid", i), "a finite number >= 0",
                        fmt::format("{}", (*w)[i]));
    }
    positive += (*w)[i] > 0 ? 1 : 0;
  }
  const auto min_positive = options.replacement ? std::min<std::int64_t>(count, 1) : count;
  if (count < 0 || positive < min_positive) {
    raise<ValueError>("weighted_sampler: too few positive weights",
                      count < 0 ? "count >= 0" : fmt::format("weights above 0: {} or more", min_positive),
                      count < 0 ? std::to_string(count) : std::to_string(positive));
  }
  if (!options.replacement) {
    return {count, [w, count](Generator& g) { return draw_without_replacement(*w, count, g); }};
  }
  if (count > 0) {
    // Scaled to keep the sum finite.
    const double largest = *std::max_element(w->begin(), w->end());
    for (auto& x : *w) x /= largest;
    std::partial_sum(w->begin(), w->end(), w->begin());
  }
  return {count, [w, count](Generator& g) {
            return count == 0 ? Array::empty({0}, i64) : draw_with_replacement(*w, count, g);
          }};
}

Sampler stratified_sampler(const ArrayLike& labels) {
  const auto known = std::make_shared<const Numbers>(detail::read_labels("stratified_sampler", labels));
  return {static_cast<std::int64_t>(known->size()), [known](Generator& g) {
            const auto order = detail::by_class(*known, g);
            const auto n = order.size();
            // The j-th of a class's m examples is placed at the fraction (j + 1/2) / m of the epoch; ties are broken at
            // random.
            struct Position {
              double at;
              std::uint64_t tie;
              std::int64_t example;
            };
            std::vector<Position> positions;
            positions.reserve(n);
            const auto label = [&](std::size_t i) { return (*known)[static_cast<std::size_t>(order[i])]; };
            for (std::size_t start = 0, stop = 0; start < n; start = stop) {
              while (stop < n && label(stop) == label(start)) ++stop;
              for (auto i = start; i < stop; ++i) {
                const double at = (static_cast<double>(i - start) + 0.5) / static_cast<double>(stop - start);
                positions.push_back({at, g.next(), order[i]});
              }
            }
            std::sort(positions.begin(), positions.end(),
                      [](const Position& a, const Position& b) { return a.at != b.at ? a.at < b.at : a.tie < b.tie; });
            Numbers spread;
            spread.reserve(n);
            for (const auto& p : positions) spread.push_back(p.example);
            return detail::index_array(spread);
          }};
}

Array balanced_weights(const ArrayLike& labels) {
  const auto known = detail::read_labels("balanced_weights", labels);
  std::unordered_map<std::int64_t, double> count;
  for (const auto label : known) ++count[label];
  Array weights = Array::empty({static_cast<std::int64_t>(known.size())}, f64);
  for (std::size_t i = 0; i < known.size(); ++i) weights.data<double>()[i] = 1 / count[known[i]];
  return weights;
}

}  // namespace newtape::data
