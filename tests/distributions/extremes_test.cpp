// SPDX-License-Identifier: BSD-3-Clause
// Densities and divergences where intermediate squares overflow or differences cancel.
#include "catch.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/distributions/distributions.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace newtape::distributions {
namespace {

Tensor number(double x) { return tensor(x, f64); }

TEST_CASE("distributions: tails of Cauchy and Student's t") {
  // log of 1 / (pi z^2).
  const double expected = -std::log(std::numbers::pi) - 2 * std::log(1e200);
  const auto cauchy = [](const Tensor& x) { return Cauchy(number(0), number(1)).log_prob(x); };
  const auto student = [](const Tensor& x) { return StudentT(number(1), number(0), number(1)).log_prob(x); };
  for (const UnaryFunction& f : {UnaryFunction(cauchy), UnaryFunction(student)}) {
    CHECK(allclose(f(number(1e200)), number(expected), 1e-15, 0));
    CHECK(allclose(grad(f)(number(1e200)), number(-2e-200), 1e-15, 0));
    CHECK(allclose(f(number(3)), number(-std::log(10 * std::numbers::pi)), 1e-15, 0));
  }
}

TEST_CASE("distributions: the cdf of Cauchy in its tails, and back") {
  const Cauchy d(number(0), number(1));
  // 1 / (pi |z|) (1 - 1 / (3 z^2) + ..): the second term is below rounding.
  for (const double z : {-1e9, -1e15, -1e160, -1e300}) {
    const double below = 1 / (std::numbers::pi * -z);
    CHECK(allclose(d.cdf(number(z)), number(below), 1e-15, 0));
    CHECK(allclose(d.icdf(number(below)), number(z), 1e-15, 0));
    CHECK(allclose(grad([&](const Tensor& x) { return d.icdf(x); })(number(below)), number(std::numbers::pi * z * z),
                   1e-14, 0));
    CHECK(allclose(d.cdf(number(-z)), number(1 - below), 1e-15, 0));
  }
  CHECK(allclose(grad([&](const Tensor& x) { return d.cdf(x); })(number(-1e100)), number(1e-200 / std::numbers::pi),
                 1e-15, 0));
  // From the other end: tan(pi / 2 - pi q) = 1 / (pi q).
  const double q = 0x1p-40;
  CHECK(allclose(d.icdf(number(1 - q)), number(1 / (std::numbers::pi * q)), 1e-15, 0));
  for (const double p : {0.1, 0.2499, 0.25, 0.2501, 0.4999999, 0.7499, 0.75, 0.7501, 0.9}) {
    CHECK(allclose(d.cdf(d.icdf(number(p))), number(p), 1e-15, 0));
  }
  CHECK(std::abs(d.icdf(number(0.5)).item<double>()) == 0);
  CHECK(d.icdf(number(0)).item<double>() == -std::numeric_limits<double>::infinity());
  CHECK(d.icdf(number(1)).item<double>() == std::numeric_limits<double>::infinity());
  CHECK(Cauchy(0.0, number(2)).cdf(number(0)).item<double>() == 0.5);
  CHECK(d.cdf(number(-std::numeric_limits<double>::infinity())).item<double>() == 0);
}

TEST_CASE("distributions: quantiles stay in the support") {
  const auto in = [](DType t, std::initializer_list<double> p) { return tensor(std::vector<double>(p), f64).to(t); };
  for (const DType t : {f32, f64}) {
    const Tensor one = ones({}, t);
    for (const double k : {0.01, 1.0, 100.0, 1e4}) {
      for (const double loc : {0.0, 3.0}) {
        const Tensor x = VonMises(full({}, loc, t), full({}, k, t)).icdf(in(t, {0, 1e-30, 1e-18, 1e-10, 1e-3, 0.5, 1}));
        CHECK(all((x >= -std::numbers::pi) & (x <= full({}, std::numbers::pi, t))).item<bool>());
      }
    }
    CHECK(HalfCauchy(one).icdf(one).item<double>() == std::numeric_limits<double>::infinity());
    CHECK(allclose(HalfCauchy(one).icdf(in(t, {0, 0.5, 0.75})), in(t, {0, 1, 1 + std::numbers::sqrt2}), 1e-6, 0));
    for (const double p : {0.5001, 0.7, 0.9, 0.99, 0.9999}) {
      const Tensor ends = ContinuousBernoulli(full({}, p, t)).icdf(in(t, {0, 1}));
      CHECK(all((ends >= 0) & (ends <= 1)).item<bool>());
      CHECK(allclose(ends, in(t, {0, 1}), 0, 1e-6));
    }
    CHECK(FisherSnedecor(5.0 * one, 3.0 * one).cdf(full({}, std::numeric_limits<float>::max(), t)).item<double>() == 1);
  }
  const Tensor one = number(1), unknown = number(std::numeric_limits<double>::quiet_NaN());
  CHECK(all(isnan(stack(
                {Pareto(one, one).cdf(unknown), Weibull(one, one).cdf(unknown), FisherSnedecor(one, one).cdf(unknown)},
                0)))
            .item<bool>());
  // pi^2 / 6 k^-2 for large k.
  const double k = 1e4;
  CHECK(allclose(Weibull(ones({}), full({}, k, f32)).variance(), full({}, 1.6445e-8, f32), 2e-3, 0));
}

TEST_CASE("distributions: Student's t of many degrees of freedom") {
  // log t(z) = log n(z) + (z^4 - 2 z^2 - 1) / (4 df) + O(df^-2).
  const double normal = -0.5 * std::log(2 * std::numbers::pi) - 0.5;
  for (const double df : {1e8, 1e10, 1e15}) {
    const Tensor got = StudentT(number(df), number(0), number(1)).log_prob(number(1));
    CHECK(allclose(got, number(normal - 0.5 / df), 1e-15, 0));
  }
  // On both sides of the change of formula.
  for (const double df : {199.0, 201.0}) {
    const double expected = std::lgamma((df + 1) / 2) - std::lgamma(df / 2) - 0.5 * std::log(std::numbers::pi * df);
    const Tensor got = StudentT(number(df), number(0), number(1)).log_prob(number(0));
    CHECK(allclose(got, number(expected), 1e-13, 0));
  }
}

TEST_CASE("distributions: divergences of normal distributions of very different scales") {
  const auto divergence = [](double p, double q) {
    return kl_divergence(Normal(number(0), number(p)), Normal(number(0), number(q))).item<double>();
  };
  CHECK(divergence(1, 1e-160) > 1e308);
  CHECK(std::abs(divergence(1, 1e200) - (std::log(1e200) - 0.5)) < 1e-12);
  CHECK(divergence(2, 2) == 0);
}

}  // namespace
}  // namespace newtape::distributions
