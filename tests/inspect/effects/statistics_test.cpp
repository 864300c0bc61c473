// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/effects/distributions.hpp>
#include <newtape/inspect/effects/power.hpp>
#include <newtape/inspect/effects/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using namespace newtape;
namespace inspect = newtape::inspect;

namespace {

const Reference& effects_reference() {
  static const Reference reference("inspect/effects.txt");  // made by make_effects.py
  return reference;
}
std::vector<double> effect_values(const std::string& name) {
  const Array& x = effects_reference()(name);
  return {x.data<double>(), x.data<double>() + x.size()};
}
std::vector<std::vector<double>> effect_rows(const std::string& name) {
  const Array& x = effects_reference()(name);
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < x.shape(0); ++i) {
    const double* row = x.data<double>() + i * x.shape(1);
    rows.emplace_back(row, row + x.shape(1));
  }
  return rows;
}
const std::vector<std::string> effect_samples = {"normal", "skewed", "ties"};

}  // namespace

TEST_CASE("normal and t distributions agree with SciPy", "[effects]") {
  for (const auto& r : effect_rows("norm.ppf")) {
    CHECK(inspect::detail::normal_quantile(r[0]) == Approx(r[1]).epsilon(1e-13).margin(1e-15));
  }
  // The trapezoidal rule adds some hundreds of terms, each with a relative error of its exponent: 45 times epsilon.
  const double tolerance = 1e3 * 45 * 2.3e-16;
  for (const auto& r : effect_rows("t.sf")) {
    CHECK(inspect::detail::t_survival(r[0], r[1]) == Approx(r[2]).epsilon(tolerance).margin(1e-17));
  }
  for (const auto& r : effect_rows("t.ppf")) {
    CHECK(inspect::detail::t_quantile(r[0], r[1]) == Approx(r[2]).epsilon(1e-11));
    CHECK(inspect::detail::t_quantile(1 - r[0], r[1]) == Approx(-r[2]).epsilon(1e-11));
  }
  // Boost, which SciPy calls, has about 11 digits here.
  for (const auto& r : effect_rows("nct.sf")) {
    CHECK(inspect::detail::t_survival(r[0], r[1], r[2]) == Approx(r[3]).epsilon(1e-9).margin(1e-12));
  }
}

TEST_CASE("the BCa bootstrap interval agrees with SciPy", "[effects]") {
  for (const auto& name : effect_samples) {
    INFO(name);
    const auto d = effect_values("sample/" + name);
    const auto expected = effect_values("bca/" + name);  // two ends, and their standard deviations over seeds
    const auto found = inspect::bootstrap_interval(d, {.small_sample = false});
    // Six standard deviations of the difference of one draw from the mean of 20.
    const double factor = 6 * std::sqrt(1 + 1.0 / 20);
    CHECK(std::abs(found.low - expected[0]) <= factor * expected[2]);
    CHECK(std::abs(found.high - expected[1]) <= factor * expected[3]);
    const auto wider = inspect::bootstrap_interval(d);
    CHECK(wider.low <= found.low);
    CHECK(wider.high >= found.high);
    const auto again = inspect::bootstrap_interval(d);  // the same generator
    CHECK(again.low == wider.low);
  }
}

TEST_CASE("a bootstrap interval of another statistic contains its value", "[effects]") {
  const auto d = effect_values("sample/normal");
  const auto largest = [](std::span<const double> x) { return *std::max_element(x.begin(), x.end()); };
  const auto found = inspect::bootstrap_interval(d, {.statistic = largest});
  CHECK(found.low < found.high);
  CHECK(found.high <= largest(d));
  // Equivariance: the interval of the negated sample's mean is the negated interval, within the noise of resampling.
  std::vector<double> negated(d);
  for (auto& x : negated) x = -x;
  const auto straight = inspect::bootstrap_interval(d);
  const auto mirrored = inspect::bootstrap_interval(negated);
  const double noise = 6 * std::sqrt(2.0) * 2 * effect_values("bca/normal")[3];
  CHECK(std::abs(straight.low + mirrored.high) <= noise);
  CHECK(std::abs(straight.high + mirrored.low) <= noise);
}

TEST_CASE("the sign-flip test agrees with SciPy's permutation_test", "[effects]") {
  using inspect::Alternative;
  const std::pair<const char*, Alternative> alternatives[] = {
      {"two-sided", Alternative::two_sided}, {"greater", Alternative::greater}, {"less", Alternative::less}};
  for (const auto& name : effect_samples) {
    const auto d = effect_values("sample/" + name);
    for (const auto& [text, alternative] : alternatives) {
      INFO(name << " " << text);
      const double expected = effect_values("flip/" + name + "/" + text)[0];
      CHECK(inspect::sign_flip_test(d, 0, {.alternative = alternative}) == expected);  // both count
      const inspect::SignFlipTestOptions random{.alternative = alternative, .exact_up_to = 0};
      const double found = inspect::sign_flip_test(d, 0, random);
      const double m = random.resamples;
      CHECK(std::abs(found - expected) <= 6 * std::sqrt(expected * (1 - expected) / m) + 1 / m);
    }
    CHECK(inspect::equivalence_test(d, 1.25) == effect_values("tost/" + name)[0]);
    CHECK(inspect::standardized_difference(d) == Approx(effect_values("cohen/" + name)[0]).epsilon(1e-13));
    const auto interval = inspect::sign_flip_interval(d);
    const auto ends = effect_values("flip_interval/" + name);
    CHECK(interval.low == Approx(ends[0]).epsilon(1e-14));
    CHECK(interval.high == Approx(ends[1]).epsilon(1e-14));
  }
}

TEST_CASE("the sign-flip interval holds the centers that the test does not reject", "[effects]") {
  for (const auto& name : effect_samples) {
    const auto d = effect_values("sample/" + name);
    const auto interval = inspect::sign_flip_interval(d, 0.95);
    const double step = 1e-6;
    CHECK(inspect::sign_flip_test(d, interval.low - step) <= 0.05);
    CHECK(inspect::sign_flip_test(d, interval.high + step) <= 0.05);
    CHECK(inspect::sign_flip_test(d, interval.low + step) > 0.05);
    CHECK(inspect::sign_flip_test(d, interval.high - step) > 0.05);
  }
  const double five[] = {1, 2, 3, 4, 5};
  CHECK(std::isinf(inspect::sign_flip_interval(five).low));
  const double six[] = {1, 2, 3, 4, 5, 6};  // 2 / 2^6 = 0.031
  CHECK(inspect::sign_flip_interval(six).low == 1);
  CHECK(inspect::sign_flip_interval(six).high == 6);
  CHECK(inspect::sign_flip_test(six) == 2.0 / 64);
}

TEST_CASE("random signs never give a p-value of 0", "[effects]") {
  const std::vector<double> d(40, 1.0);
  CHECK(inspect::sign_flip_test(d, 0, {.resamples = 999}) == 1.0 / 1000);
}

TEST_CASE("Holm's adjustment follows its definition", "[effects]") {
  const double p[] = {0.01, 0.04, 0.03, 0.005};  // Holm 1979: times 3, 1, 2, 4, then made monotone
  const auto adjusted = inspect::holm(p);
  CHECK(adjusted[3] == Approx(0.02));
  CHECK(adjusted[0] == Approx(0.03));
  CHECK(adjusted[2] == Approx(0.06));
  CHECK(adjusted[1] == Approx(0.06));
  CHECK(inspect::holm({}).empty());
}

TEST_CASE("the power of paired runs agrees with the noncentral t distribution", "[effects]") {
  for (const auto& r : effect_rows("power")) {
    CHECK(inspect::paired_power(r[0], static_cast<int>(r[1])) == Approx(r[2]).epsilon(1e-8));
  }
  CHECK(inspect::paired_power(100, 5) == 0);
  CHECK(std::isinf(inspect::smallest_effect(5)));
  for (const int n : {6, 10, 30}) {
    const double d = inspect::smallest_effect(n);
    CHECK(inspect::paired_power(d, n) == Approx(0.8).epsilon(1e-8));
    const int runs = inspect::required_runs(d * 1.0001);
    CHECK(runs == n);
  }
  CHECK(inspect::required_runs(0) == 0);
  // Cohen 1988: 34 pairs for d = 0.5 at power 0.8.
  CHECK(inspect::required_runs(0.5) == 34);
}

TEST_CASE("shares of wins and degenerate samples", "[effects]") {
  const double a[] = {1, 2, 3, 4};
  const double b[] = {0, 2, 4, 1};
  CHECK(inspect::probability_of_improvement(a, b) == 2.5 / 4);
  const double same[] = {2, 2, 2};
  CHECK(std::isinf(inspect::standardized_difference(same)));
  const double zeros[] = {0, 0, 0};
  CHECK(inspect::standardized_difference(zeros) == 0);
  CHECK(inspect::sign_flip_test(zeros) == 1);
  const auto interval = inspect::bootstrap_interval(same);
  CHECK(interval.low == 2);
  CHECK(interval.high == 2);
}

TEST_CASE("statistics of effects reject what they cannot use", "[effects]") {
  const double bad[] = {1, std::nan("")};
  CHECK_THROWS_WITH(inspect::sign_flip_test(bad), contains("index 1"));
  CHECK_THROWS_AS(inspect::sign_flip_test({}), ValueError);
  const double one[] = {1};
  CHECK_THROWS_AS(inspect::bootstrap_interval(one), ValueError);
  const double two[] = {1, 2};
  CHECK_THROWS_AS(inspect::bootstrap_interval(two, {.level = 1}), ValueError);
  CHECK_THROWS_AS(inspect::equivalence_test(two, 0), ValueError);
  CHECK_THROWS_AS(inspect::probability_of_improvement(one, two), ValueError);
  CHECK_THROWS_AS(inspect::paired_power(1, 0), ValueError);
}
