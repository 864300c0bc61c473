// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/xtensor.hpp>
#include <newtape/data/loading/loader.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

using namespace newtape;
using data::Dataset;
using data::Loader;
using data::LoaderOptions;
using data::Sampler;

using I = std::vector<std::int64_t>;

namespace {

/// shares[c] of the n labels are c, in blocks.
Array blocks(const I& counts) {
  I all;
  std::int64_t label = 7;  // classes need not start at 0
  for (const auto n : counts) all.insert(all.end(), static_cast<std::size_t>(n), label++);
  Array y = Array::empty({static_cast<std::int64_t>(all.size())}, i64);
  std::copy(all.begin(), all.end(), y.data<std::int64_t>());
  return y;
}

I draw(const Sampler& sampler, std::uint64_t seed = 1) {
  Generator g(seed);
  return values<std::int64_t>(sampler.draw(g));
}

}  // namespace

TEST_CASE("a weighted sampler draws in proportion to the weights") {
  const Array weights(xt::xarray<double>{1, 0, 3, 6, 0});
  const double n = 100000;
  const auto sampler = data::weighted_sampler(weights, 100000);
  CHECK(sampler.size == 100000);
  std::map<std::int64_t, double> count;
  for (const auto i : draw(sampler)) ++count[i];
  CHECK(count.size() == 3);
  // Five standard deviations of a binomial count.
  for (const auto& [i, share] : std::map<std::int64_t, double>{{0, 0.1}, {2, 0.3}, {3, 0.6}}) {
    CHECK(std::abs(count[i] - share * n) < 5 * std::sqrt(n * share * (1 - share)));
  }
  CHECK(draw(sampler) == draw(sampler));
  CHECK(draw(sampler) != draw(sampler, 2));
  CHECK(draw(data::weighted_sampler(weights, 0)).empty());
  CHECK(draw(data::weighted_sampler(Array(xt::xarray<float>{0, 2, 0}), 3)) == I{1, 1, 1});
}

TEST_CASE("without replacement, a weighted sampler draws as if one by one") {
  const Array weights(xt::xarray<double>{1, 0, 3, 6});
  std::map<I, double> count;
  const double n = 20000;
  const auto sampler = data::weighted_sampler(weights, 2, {.replacement = false});
  Generator g(3);
  for (int i = 0; i < 20000; ++i) ++count[values<std::int64_t>(sampler.draw(g))];
  CHECK(count.size() == 6);
  // Probability of a, then of b among the remaining ones.
  const std::map<std::int64_t, double> w{{0, 0.1}, {2, 0.3}, {3, 0.6}};
  for (const auto& [a, wa] : w) {
    for (const auto& [b, wb] : w) {
      if (a == b) continue;
      const double p = wa * wb / (1 - wa);
      CAPTURE(a, b);
      CHECK(std::abs(count[I{a, b}] - p * n) < 5 * std::sqrt(n * p * (1 - p)));
    }
  }
  auto all = draw(data::weighted_sampler(weights, 3, {.replacement = false}));
  std::sort(all.begin(), all.end());
  CHECK(all == I{0, 2, 3});
}

TEST_CASE("invalid weights are rejected") {
  using data::weighted_sampler;
  CHECK_THROWS_WITH(weighted_sampler(Array(xt::xarray<double>{1, -1}), 1), contains("weight 1") && contains("-1"));
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<double>{1, std::nan("")}), 1), ValueError);
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<double>{1, HUGE_VAL}), 1), ValueError);
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<double>{0, 0}), 1), ValueError);
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<double>{1, 0}), 2, {.replacement = false}), ValueError);
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<double>{1, 1}), -1), ValueError);
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<double>{{1, 1}}), 1), ShapeError);
  CHECK_THROWS_AS(weighted_sampler(Array(xt::xarray<std::int64_t>{1, 1}), 1), DTypeError);
  CHECK_THROWS_AS(data::random_sampler(0, 1), ValueError);
  CHECK_THROWS_AS(data::stratified_sampler(Array(xt::xarray<double>{1, 1})), DTypeError);
  CHECK_THROWS_AS(data::subset_sampler(Array()), ValueError);
}

TEST_CASE("a stratified sampler preserves class fractions in every batch") {
  for (const auto& counts : std::vector<I>{{100, 100, 100, 100}, {900, 60, 40}, {7, 1, 2}, {1}}) {
    const Array labels = blocks(counts);
    const auto n = labels.size();
    const auto sampler = data::stratified_sampler(labels);
    CHECK(sampler.size == n);
    const auto order = draw(sampler);
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::int64_t i = 0; i < n; ++i) REQUIRE(sorted[static_cast<std::size_t>(i)] == i);
    const auto classes = static_cast<double>(counts.size());
    for (const std::int64_t batch : {8, 32}) {
      for (std::int64_t start = 0; start + batch <= n; start += batch) {
        std::int64_t label = 7;
        for (const auto m : counts) {
          std::int64_t found = 0;
          for (auto i = start; i < start + batch; ++i) {
            found += labels.view<std::int64_t>()(order[static_cast<std::size_t>(i)]) == label ? 1 : 0;
          }
          ++label;
          // In any prefix, a class deviates from its fraction by half an example, plus the deviations of the other
          // classes.
          const double share = static_cast<double>(m) / static_cast<double>(n);
          CHECK(std::abs(static_cast<double>(found) - share * static_cast<double>(batch)) <= 1 + classes * share);
        }
      }
    }
    if (n > 1) CHECK(draw(sampler, 2) != order);
  }
  CHECK(draw(data::stratified_sampler(Array::empty({0}, i64))).empty());
}

TEST_CASE("random and subset samplers stay within their examples") {
  const auto some = draw(data::random_sampler(5, 1000));
  CHECK(some.size() == 1000);
  CHECK(std::set<std::int64_t>(some.begin(), some.end()) == std::set<std::int64_t>{0, 1, 2, 3, 4});
  auto subset = draw(data::subset_sampler(Array(xt::xarray<std::int64_t>{9, 4, 4, 2})));
  std::sort(subset.begin(), subset.end());
  CHECK(subset == I{2, 4, 4, 9});
}

TEST_CASE("balanced weights make classes equally frequent") {
  const Array weights = data::balanced_weights(blocks({1, 4, 2}));
  CHECK(values<double>(weights) == std::vector<double>{1, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5});
}

TEST_CASE("a loader takes its examples from a sampler, for any number of workers, and resumes") {
  const Dataset set{blocks({20, 5})};
  const auto run = [](Loader& loader) {
    I seen;
    for (const auto& batch : loader) {
      const auto part = values<std::int64_t>(batch[0]);
      seen.insert(seen.end(), part.begin(), part.end());
    }
    return seen;
  };
  LoaderOptions options{.batch_size = 8, .seed = 4, .sampler = data::random_sampler(25, 60)};
  options.workers = 0;
  Loader reference(set, options);
  CHECK(reference.examples() == 60);
  CHECK(reference.size() == 8);
  const auto first = run(reference);
  const auto second = run(reference);
  CHECK(first.size() == 60);
  CHECK(first != second);
  options.workers = 3;
  Loader other(set, options);
  CHECK(run(other) == first);
  CHECK(run(other) == second);

  Loader resumed(set, options);
  {
    Loader begun(set, options);
    auto at = begun.begin();
    ++at;
    resumed.load_state_dict(begun.state_dict());
  }
  CHECK(run(resumed) == I(first.begin() + 16, first.end()));
  CHECK_THROWS_AS(Loader(set, {.batch_size = 8, .seed = 4}).load_state_dict(other.state_dict()), ValueError);
}

TEST_CASE("a loader rejects invalid indices of a sampler") {
  const Dataset set{blocks({3})};
  CHECK_THROWS_AS(Loader(set, {.shuffle = true, .sampler = data::random_sampler(3, 3)}), ValueError);
  Loader beyond(set, {.workers = 0, .sampler = data::random_sampler(100, 50)});
  CHECK_THROWS_WITH(beyond.begin(), contains("out of range"));
  Loader shorter(set, {.sampler = {3, [](Generator&) { return Array::empty({2}, i64); }}});
  CHECK_THROWS_WITH(shorter.begin(), contains("i64 [3]") && contains("i64 [2]"));
  Loader nothing(set, {.sampler = {3, [](Generator&) { return Array(); }}});
  CHECK_THROWS_AS(nothing.begin(), ValueError);
}
