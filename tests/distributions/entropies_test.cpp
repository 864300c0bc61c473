// SPDX-License-Identifier: BSD-3-Clause
// Entropies and distribution functions that are sums, over the range of their parameters: mpmath's values.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/distributions/categorical.hpp>
#include <newtape/distributions/counts.hpp>
#include <newtape/distributions/location_scale.hpp>
#include <newtape/distributions/matrices.hpp>
#include <newtape/distributions/positive.hpp>
#include <newtape/distributions/unit_interval.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <utility>

namespace newtape::distributions {
namespace {

const Reference& stored() {
  static const Reference reference("distributions/reference.txt");
  return reference;
}

}  // namespace

TEST_CASE("entropies of Poisson and negative binomial counts, small and large") {
  const Tensor rate = stored()("poisson/rate");
  const Tensor poisson = Poisson(rate).entropy();
  // Terms of lgamma at k have errors of eps lgamma(k), of which the entropy is the mean.
  const Tensor error = abs(poisson - stored()("poisson/entropy"));
  CHECK(max(error / (1.0 + rate * abs(log(rate)))).item() < 4 * epsilon(f64));
  // Small entropies keep their digits.
  CHECK(error.value().data<double>()[0] < 1e-14 * poisson.value().data<double>()[0]);
  CHECK(Poisson(tensor({0.0}, f64)).entropy().item() == 0);
  const Tensor zero = variable(tensor({0.0}, f64));
  CHECK(grad(sum(Poisson(zero).entropy()), zero).item() == std::numeric_limits<double>::infinity());
  const auto smooth = gradcheck([](const Tensor& x) { return Poisson(x).entropy(); }, tensor({0.4, 30, 250}, f64));
  INFO(smooth.message);
  CHECK(smooth);

  const Tensor r = stored()("negative_binomial/total_count");
  const Tensor negative = NegativeBinomial(r, stored()("negative_binomial/probs")).entropy();
  CHECK(distance(negative.value(), stored()("negative_binomial/entropy")) < 1e-11);
  CHECK_THROWS_AS(NegativeBinomial(0.5, tensor({1 - 1e-9}, f64)).entropy(), NumericalError);
  CHECK(NegativeBinomial(3.0, tensor({0.0}, f64)).entropy().item() == Approx(0).margin(1e-12));
}

TEST_CASE("entropy of multinomial counts is the sum over all of them") {
  const double p[] = {0.2, 0.5, 0.3};
  for (const int n : {0, 1, 4}) {
    double entropy = 0;
    for (int a = 0; a <= n; ++a) {
      for (int b = 0; a + b <= n; ++b) {
        const int c = n - a - b;
        const double lp = std::lgamma(n + 1) - std::lgamma(a + 1) - std::lgamma(b + 1) - std::lgamma(c + 1) +
                          a * std::log(p[0]) + b * std::log(p[1]) + c * std::log(p[2]);
        entropy -= std::exp(lp) * lp;
      }
    }
    CHECK(Multinomial(n, tensor({0.2, 0.5, 0.3}, f64)).entropy().item() == Approx(entropy).margin(1e-14));
  }
  // A category of probability 0 is as if it were not there.
  CHECK(Multinomial(4, tensor({0.4, 0.0, 0.6}, f64)).entropy().item() ==
        Approx(Multinomial(4, tensor({0.4, 0.6}, f64)).entropy().item()).margin(1e-14));
}

TEST_CASE("VonMises: the cdf for small and large concentrations, its ends, and its draws") {
  for (const char* k : {"0.001", "20.0", "499.0", "501.0", "1000000.0"}) {
    INFO(k);
    const std::string at = std::string("von_mises(") + k + ")";
    const VonMises d(0.75, tensor({std::stod(k)}, f64));
    CHECK(distance(d.cdf(Tensor(stored()(at + "/x"))).value(), stored()(at + "/cdf")) < 1e-13);
  }
  constexpr double pi = std::numbers::pi;
  const VonMises d(2.5, tensor(2.0, f64));
  const Tensor ends = d.cdf(tensor({-4.0, -pi, std::nextafter(pi, 0.0), pi, 9.0}, f64));
  CHECK(distance(ends.value(), tensor({0.0, 0.0, 1.0, 1.0, 1.0}, f64).value()) < 1e-14);
  // The derivative in x is the density.
  const Tensor x = variable(tensor({-3.0, -0.5, 2.4, 3.1}, f64));
  const Tensor density = grad(sum(d.cdf(x)), x);
  CHECK(distance(density.value(), exp(d.log_prob(x.detach())).value()) < 1e-13);
  // Kolmogorov and Smirnov: sqrt(n) D exceeds 1.95 with probability 0.001.
  Generator generator(31);
  constexpr std::int64_t n = 4000;
  const Tensor u = sort(d.cdf(d.sample({n}, generator))).values;
  const Tensor steps = arange(n, f64) / static_cast<double>(n);
  const double worst = std::max(max(abs(u - steps)).item(), max(abs(u - steps - 1.0 / n)).item());
  CHECK(worst * std::sqrt(static_cast<double>(n)) < 1.95);
}

TEST_CASE("VonMises: the icdf is the inverse of the cdf, with its derivatives") {
  const Tensor p = tensor({1e-6, 0.02, 0.31, 0.5, 0.77, 0.999}, f64);
  for (const double k : {1e-3, 0.7, 20.0, 499.0, 501.0, 1e6}) {
    for (const double loc : {-2.9, 0.0, 0.75}) {
      INFO(k << ", " << loc);
      const VonMises d(loc, tensor(k, f64));
      const Tensor x = d.icdf(p);
      CHECK(distance(d.cdf(x).value(), p.value()) < 1e-13);
      // 1 / density; the second derivative is that of log_prob, less its square.
      const UnaryFunction f = [&](const Tensor& q) { return sum(d.icdf(q)); };
      const Tensor slope = exp(-d.log_prob(x));
      CHECK(allclose(grad(f)(p), slope, 1e-9, 0));
      const Tensor bend = grad([&](const Tensor& t) { return sum(d.log_prob(t)); })(x);
      CHECK(allclose(grad([&](const Tensor& q) { return sum(grad(f)(q)); })(p), -bend * square(slope), 1e-7, 1e-7));
    }
  }
  constexpr double pi = std::numbers::pi;
  const VonMises d(0.3, tensor(2.0, f64));
  CHECK(d.icdf(tensor(0.0, f64)).item() == -pi);
  CHECK(d.icdf(tensor(1.0, f64)).item() == pi);
  CHECK(distance(VonMises(tensor(0.3, f32), tensor(2.0, f32)).icdf(p.to(f32)).to(f64).value(), d.icdf(p).value()) <
        2e-4);
  const auto result =
      gradcheck(Function([&](std::span<const Tensor> v) { return VonMises(v[0], v[1]).icdf(v[2]); }),
                std::vector<Tensor>{tensor(0.3, f64), tensor(2.0, f64), tensor({0.1, 0.6}, f64)}, {.order = 3});
  INFO(result.message);
  CHECK(result.ok);
}

TEST_CASE("ContinuousBernoulli keeps its digits in the middle and at the ends") {
  const Tensor x = tensor(0.25, f64);
  for (const std::string name : {"middle", "near", "edge", "far"}) {
    INFO(name);
    const std::string at = "continuous_bernoulli/" + name + "/";
    const ContinuousBernoulli d{Tensor(stored()(at + "probs"))};
    const auto close = [&](const char* what, const Tensor& value) {
      INFO(what);
      // The logit of 1 - 1e-9 has a relative error of eps 1e9 / 20.
      CHECK(distance(value.value(), stored()(at + what)) < (name == "far" ? 1e-8 : 1e-14));
    };
    close("logp", d.log_prob(x));
    close("cdf", d.cdf(x));
    close("icdf", d.icdf(x));
    close("mean", d.mean());
    close("variance", d.variance());
  }
  // At 1/2 it is uniform.
  const ContinuousBernoulli even(tensor(0.5, f64));
  CHECK(even.log_prob(x).item() == Approx(0).margin(1e-16));
  CHECK(even.icdf(x).item() == 0.25);
  CHECK(even.variance().item() == Approx(1.0 / 12).epsilon(1e-15));
  CHECK(gradcheck([&](const Tensor& p) { return ContinuousBernoulli(p).log_prob(x) + ContinuousBernoulli(p).icdf(x); },
                  tensor(0.5, f64), {.order = 3}));
}

TEST_CASE("families whose moments may not exist") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(Pareto(1.0, 1.0).mean().item() == infinite);
  CHECK(Pareto(1.0, 2.0).variance().item() == infinite);
  CHECK(FisherSnedecor(3.0, 2.0).mean().item() == infinite);
  CHECK(FisherSnedecor(3.0, 4.0).variance().item() == infinite);
  CHECK(std::isnan(FisherSnedecor(3.0, 2.0).variance().item()));
  CHECK(HalfCauchy(1.0).mean().item() == infinite);
  CHECK_THROWS_AS(Wishart(1.5, eye(3)), ValueError);
  CHECK_THROWS_AS(LKJCholesky(1), ValueError);
  CHECK_THROWS_AS(RelaxedBernoulli(1.0, 0.0), ValueError);
}

TEST_CASE("LKJCholesky: correlations have the beta distribution of Lewandowski et al. 2009") {
  // (1 + r) / 2 is Beta(a, a) with a = concentration + n / 2 - 1, for each of the correlations.
  Generator generator(12);
  constexpr std::int64_t n = 5000;
  const Tensor l = LKJCholesky(3, tensor(1.5, f64)).sample({n}, generator);
  const Tensor corr = matmul(l, transpose(l));
  const Beta beta(2.0, tensor(2.0, f64));
  for (const auto& [i, j] : {std::pair{1, 0}, {2, 0}, {2, 1}}) {
    const Tensor u = sort(beta.cdf(0.5 * (1.0 + select(select(corr, -1, j), -1, i)))).values;
    const Tensor steps = arange(n, f64) / static_cast<double>(n);
    const double worst = std::max(max(abs(u - steps)).item(), max(abs(u - steps - 1.0 / n)).item());
    CHECK(worst * std::sqrt(static_cast<double>(n)) < 1.95);  // probability 0.001
  }
}

}  // namespace newtape::distributions
