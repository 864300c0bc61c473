// SPDX-License-Identifier: BSD-3-Clause
// Draws at fixed seeds against distribution functions (Kolmogorov-Smirnov) and probabilities (chi-square), by formulas of
// their own.
#include "arrays.hpp"
#include "catch.hpp"
#include "core/array/layouts.hpp"
#include "special.hpp"

#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/random_distributions.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

namespace draws_test {

using namespace newtape;
using layouts::elements;

constexpr std::int64_t count = 20'000;

Array repeated(double x, std::int64_t n = count) { return core::full({n}, x, f64); }

/// The Kolmogorov-Smirnov statistic: above 1.95 in 1 of 1000 cases.
double ks(const Array& draws, const std::function<double(double)>& cdf) {
  auto x = elements(draws);
  std::sort(x.begin(), x.end());
  const auto n = static_cast<double>(x.size());
  double distance = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = cdf(x[i]);
    distance =
        std::max({distance, std::abs(p - static_cast<double>(i) / n), std::abs(p - static_cast<double>(i + 1) / n)});
  }
  return distance * std::sqrt(n);
}

/// Pearson's statistic of counts 0, 1, .., in units of standard deviations from its mean: the last cell holds all further
/// ones, and cells of less than 10 expected draws are joined.
double chi_square(const Array& draws, const std::function<double(int)>& probability) {
  const auto x = elements(draws);
  const auto n = static_cast<double>(x.size());
  double statistic = 0, cells = 0, expected = 0, found = 0, left = n, rest = n;
  for (int k = 0; rest > 10 && k < 10'000; ++k) {
    expected += n * probability(k);
    rest -= n * probability(k);
    found += static_cast<double>(std::count(x.begin(), x.end(), k));
    if (expected < 10) continue;
    statistic += (found - expected) * (found - expected) / expected;
    left -= found;
    ++cells;
    expected = found = 0;
  }
  expected += rest;
  if (expected > 0.5) {
    statistic += (left - expected) * (left - expected) / expected;
    ++cells;
  }
  return std::abs(statistic - (cells - 1)) / std::sqrt(2 * std::max(cells - 1, 1.0));
}

TEST_CASE("continuous draws have their distribution functions", "[random]") {
  Generator g(11);
  CHECK(ks(random::exponential({count}, 2, f64, g), [](double x) { return -std::expm1(-2 * x); }) < 1.95);
  for (const double a : {0.05, 0.7, 1.0, 3.5, 200.0}) {
    INFO(a);
    const auto cdf = [a](double x) { return static_cast<double>(special::igamma_of(a, x)); };
    CHECK(ks(random::standard_gamma(repeated(a), g), cdf) < 1.95);
    CHECK(ks(random::log_standard_gamma(repeated(a), g), [&](double y) { return cdf(std::exp(y)); }) < 1.95);
  }
  CHECK(ks(random::beta(repeated(0.4), repeated(2.5), g),
           [](double x) { return static_cast<double>(special::betainc_of(0.4L, 2.5L, x)); }) < 1.95);
  // Student's t for 2 degrees of freedom: 1/2 + x / (2 sqrt(2 + x^2))
  CHECK(ks(random::student_t(repeated(2), g), [](double x) { return 0.5 + x / (2 * std::sqrt(2 + x * x)); }) < 1.95);
  for (const double kappa : {0.0, 1e-6, 0.3, 4.0, 1e4}) {
    INFO(kappa);
    const auto density = [kappa](double t) { return std::exp(-2 * kappa * std::pow(std::sin(t / 2), 2)); };
    // By trapezoids over the part of the circle that has mass.
    constexpr int cells = 20'000;
    const double reach = std::min(std::numbers::pi, 12 / std::sqrt(std::max(kappa, 1e-9)));
    std::vector<double> mass(cells + 1);
    for (int i = 1; i <= cells; ++i) {
      const double t = reach * (2.0 * i / cells - 1);
      mass[static_cast<std::size_t>(i)] =
          mass[static_cast<std::size_t>(i - 1)] + density(t) + density(t - 2 * reach / cells);
    }
    CHECK(ks(random::von_mises(repeated(kappa), g), [&](double t) {
            const double at = std::clamp((t / reach + 1) / 2 * cells, 0.0, static_cast<double>(cells));
            const auto i = std::min(static_cast<std::size_t>(at), static_cast<std::size_t>(cells - 1));
            return (mass[i] + (at - static_cast<double>(i)) * (mass[i + 1] - mass[i])) / mass[cells];
          }) < 1.95);
  }
}

TEST_CASE("counts have their probabilities", "[random]") {
  Generator g(12);
  for (const double rate : {0.3, 4.0, 10.0, 60.0, 3e3}) {
    INFO(rate);
    CHECK(chi_square(random::poisson(repeated(rate), g),
                     [rate](int k) { return std::exp(k * std::log(rate) - rate - std::lgamma(k + 1.0)); }) < 4);
  }
  for (const auto& [trials, probability] :
       {std::pair(1, 0.3), std::pair(12, 0.2), std::pair(40, 0.9), std::pair(500, 0.4), std::pair(3000, 0.02)}) {
    const int n = trials;
    const double p = probability;
    INFO(n << " trials of " << p);
    CHECK(chi_square(random::binomial(repeated(n), repeated(p), g), [n, p](int k) {
            if (k > n) return 0.0;
            return std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) + k * std::log(p) +
                            (n - k) * std::log1p(-p));
          }) < 4);
  }
  const double weights[] = {0, 1, 3, 0, 4, 0};
  Array w = Array::empty({6}, f64);
  std::copy(weights, weights + 6, w.data<double>());
  CHECK(chi_square(core::cast(random::categorical(w, {count}, g), f64),
                   [&](int k) { return k < 6 ? weights[k] / 8 : 0; }) < 4);
  CHECK(chi_square(random::bernoulli(repeated(0.3), g), [](int k) { return k == 0 ? 0.7 : k == 1 ? 0.3 : 0; }) < 4);

  const auto counts = elements(random::multinomial(40, w, {count}, g));
  std::vector<double> third;
  bool whole = true;
  for (std::size_t i = 0; i < counts.size(); i += 6) {
    double total = 0;
    for (std::size_t k = 0; k < 6; ++k) total += counts[i + k];
    whole &= total == 40 && counts[i] == 0 && counts[i + 3] == 0 && counts[i + 5] == 0;
    third.push_back(counts[i + 2]);
  }
  CHECK(whole);
  Array column = Array::empty({count}, f64);
  std::copy(third.begin(), third.end(), column.data<double>());
  const double p = 3.0 / 8;  // each category alone is binomial
  CHECK(chi_square(column, [p](int k) {
          if (k > 40) return 0.0;
          return std::exp(std::lgamma(41.0) - std::lgamma(k + 1.0) - std::lgamma(41.0 - k) + k * std::log(p) +
                          (40 - k) * std::log1p(-p));
        }) < 4);
}

TEST_CASE("draws are the same bits for any number of threads", "[random]") {
  const int before = num_threads();
  const auto all = [] {
    Generator g(13);
    const Array a = core::full({3000, 2}, 0.8, f32);
    return std::vector<Array>{random::standard_gamma(a, g),   random::beta(a, a, g),
                              random::dirichlet(a, g),        random::student_t(a, g),
                              random::poisson(a, g),          random::von_mises(a, g),
                              random::bernoulli(a, g),        random::exponential({5000}, 1, f32, g),
                              random::categorical(a, {4}, g), random::multinomial(9, a, {2}, g)};
  };
  set_num_threads(1);
  const auto one = all();
  set_num_threads(4);
  const auto four = all();
  set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) {
    INFO(i);
    CHECK(same_bits(one[i], four[i]));
  }
}

TEST_CASE("draws refuse parameters out of range, before the generator moves", "[random]") {
  Generator g(14);
  CHECK_THROWS_AS(random::standard_gamma(repeated(0), g), ValueError);
  CHECK_THROWS_AS(random::poisson(repeated(-1), g), ValueError);
  CHECK_THROWS_AS(random::poisson(repeated(std::numeric_limits<double>::quiet_NaN()), g), ValueError);
  CHECK_THROWS_AS(random::binomial(repeated(2.5), repeated(0.5), g), ValueError);
  CHECK_THROWS_AS(random::binomial(repeated(2), repeated(1.5), g), ValueError);
  CHECK_THROWS_AS(random::categorical(repeated(0), {}, g), ValueError);
  CHECK_THROWS_AS(random::categorical(core::full({}, 1, f64), {}, g), ShapeError);
  CHECK_THROWS_AS(random::von_mises(core::full({2}, 1, i64), g), DTypeError);
  CHECK_THROWS_AS(random::exponential({2}, 0, f32, g), ValueError);
  CHECK(g.position() == 0);
}

}  // namespace draws_test
