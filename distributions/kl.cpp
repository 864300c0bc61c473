// SPDX-License-Identifier: BSD-3-Clause
// Kullback-Leibler divergences by pairs of families: one function each, and a line in the list at the end.
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/distributions.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <typeindex>

namespace newtape::distributions {

namespace {

Tensor of_normals(const Tensor& p_loc, const Tensor& p_scale, const Tensor& q_loc, const Tensor& q_scale) {
  const Tensor ratio = p_scale / q_scale;  // its square may overflow or underflow where its logarithm does not
  return 0.5 * (square(ratio) + square((p_loc - q_loc) / q_scale) - 1.0) - log(ratio);
}
Tensor kl(const Normal& p, const Normal& q) { return of_normals(p.loc(), p.scale(), q.loc(), q.scale()); }
Tensor kl(const LogNormal& p, const LogNormal& q) { return of_normals(p.loc(), p.scale(), q.loc(), q.scale()); }
Tensor kl(const HalfNormal& p, const HalfNormal& q) {
  const Tensor ratio = p.scale() / q.scale();
  return 0.5 * (square(ratio) - 1.0) - log(ratio);
}
Tensor kl(const Uniform& p, const Uniform& q) {
  const Tensor inside = (q.low() <= p.low()) & (p.high() <= q.high());
  const Tensor y = log((q.high() - q.low()) / (p.high() - p.low()));
  return where(inside, y, std::numeric_limits<double>::infinity());
}
Tensor kl(const Uniform& p, const Normal& q) {
  const Tensor middle = (0.5 * (p.low() + p.high()) - q.loc()) / q.scale();
  const Tensor width = (p.high() - p.low()) / q.scale();
  return 0.5 * (square(middle) + square(width) / 12.0) + 0.5 * std::log(2 * std::numbers::pi) - log(width);
}
Tensor kl(const Laplace& p, const Laplace& q) {
  const Tensor distance = abs(p.loc() - q.loc());
  return log(q.scale() / p.scale()) - 1.0 + (p.scale() * exp(-distance / p.scale()) + distance) / q.scale();
}
/// Chyzak & Nielsen 2019.
Tensor kl(const Cauchy& p, const Cauchy& q) {
  return log((square(p.scale() + q.scale()) + square(p.loc() - q.loc())) / (4.0 * p.scale() * q.scale()));
}
Tensor kl(const Gumbel& p, const Gumbel& q) {
  constexpr double euler = std::numbers::egamma;
  const Tensor ratio = p.scale() / q.scale();
  const Tensor shift = (q.loc() - p.loc()) / q.scale();
  return -log(ratio) - shift + ratio * euler - (1 + euler) + exp(shift + lgamma(1.0 + ratio));
}
Tensor kl(const VonMises& p, const VonMises& q) {
  // The mean of cos(x - p.loc) is 1 - variance.
  const Tensor mean = 1.0 - p.variance();
  const Tensor logs = log(i0e(q.concentration()) / i0e(p.concentration())) + q.concentration() - p.concentration();
  return logs + mean * (p.concentration() - q.concentration() * cos(p.loc() - q.loc()));
}
Tensor kl(const Exponential& p, const Exponential& q) {
  const Tensor ratio = q.rate() / p.rate();
  return ratio - 1.0 - log(ratio);
}
Tensor of_gammas(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& d) {
  return c * log(b / d) + lgamma(c) - lgamma(a) + (a - c) * digamma(a) + a * (d - b) / b;
}
Tensor kl(const Gamma& p, const Gamma& q) {
  return of_gammas(p.concentration(), p.rate(), q.concentration(), q.rate());
}
Tensor kl(const Exponential& p, const Gamma& q) {
  return of_gammas(p.rate() / p.rate(), p.rate(), q.concentration(), q.rate());
}
Tensor kl(const Gamma& p, const Exponential& q) {
  return of_gammas(p.concentration(), p.rate(), q.rate() / q.rate(), q.rate());
}
Tensor kl(const Beta& p, const Beta& q) {
  const Tensor& a = p.concentration1();
  const Tensor& b = p.concentration0();
  const Tensor& c = q.concentration1();
  const Tensor& d = q.concentration0();
  return detail::lbeta(c, d) - detail::lbeta(a, b) + (a - c) * digamma(a) + (b - d) * digamma(b) +
         (c - a + d - b) * digamma(a + b);
}
Tensor kl(const Dirichlet& p, const Dirichlet& q) {
  const Tensor& a = p.concentration();
  const Tensor& b = q.concentration();
  const Tensor total = sum(a, -1, true);
  return squeeze(lgamma(total), -1) - lgamma(sum(b, -1)) - sum(lgamma(a) - lgamma(b), -1) +
         sum((a - b) * (digamma(a) - digamma(total)), -1);
}
/// Of one trial.
Tensor of_logits(const Tensor& probs, const Tensor& p, const Tensor& q) {
  return probs * (p - q) + softplus(q) - softplus(p);
}
Tensor kl(const Bernoulli& p, const Bernoulli& q) { return of_logits(p.probs(), p.logits(), q.logits()); }
Tensor kl(const Geometric& p, const Geometric& q) { return of_logits(p.probs(), p.logits(), q.logits()) / p.probs(); }
Tensor kl(const Binomial& p, const Binomial& q) {
  if (!all(p.total_count() == q.total_count()).item<bool>()) {
    raise<ValueError>("kl_divergence: the Binomial distributions have different counts", "the same total_count",
                      "others");
  }
  return p.total_count() * of_logits(p.probs(), p.logits(), q.logits());
}
Tensor kl(const Poisson& p, const Poisson& q) { return xlogy(p.rate(), p.rate() / q.rate()) - p.rate() + q.rate(); }
Tensor kl(const Categorical& p, const Categorical& q) { return detail::xlogx_sum(p.probs(), p.logits() - q.logits()); }
Tensor kl(const OneHotCategorical& p, const OneHotCategorical& q) { return kl(p.indices(), q.indices()); }

/// From the Cholesky factors: |L_q^-1 L_p|^2 is the trace of the product of precision and covariance.
Tensor kl(const MultivariateNormal& p, const MultivariateNormal& q) {
  const auto solved = [&](const Tensor& b) {
    const Tensor x = linalg::solve_triangular(q.scale_tril(), b, {.upper = false});
    return sum(square(x), {-2, -1});
  };
  const auto log_det = [](const Tensor& l) { return sum(log(diagonal(l, 0, -2, -1)), -1); };
  return log_det(q.scale_tril()) - log_det(p.scale_tril()) +
         0.5 * (solved(p.scale_tril()) + solved(unsqueeze(q.loc() - p.loc(), -1)) -
                static_cast<double>(p.event_shape()[0]));
}
MultivariateNormal dense(const LowRankMultivariateNormal& d) {
  return {d.loc(), {.covariance_matrix = d.covariance_matrix()}};
}
Tensor kl(const LowRankMultivariateNormal& p, const LowRankMultivariateNormal& q) { return kl(dense(p), dense(q)); }
Tensor kl(const LowRankMultivariateNormal& p, const MultivariateNormal& q) { return kl(dense(p), q); }
Tensor kl(const MultivariateNormal& p, const LowRankMultivariateNormal& q) { return kl(p, dense(q)); }
Tensor kl(const Independent& p, const Independent& q) {
  if (p.ndim() != q.ndim()) {
    raise<ValueError>("kl_divergence: Independent distributions of different axes", std::to_string(p.ndim()),
                      std::to_string(q.ndim()));
  }
  Dims axes;
  for (std::size_t i = 1; i <= p.ndim(); ++i) axes.push_back(-static_cast<std::int64_t>(i));
  const Tensor y = kl_divergence(p.base(), q.base());
  return p.ndim() == 0 ? y : sum(y, Axes(axes));
}

struct Pair {
  std::type_index p, q;
  Tensor (*kl)(const Distribution&, const Distribution&);
};
template <class P, class Q = P>
Pair pair() {
  return {typeid(P), typeid(Q), [](const Distribution& p, const Distribution& q) {
            return kl(static_cast<const P&>(p), static_cast<const Q&>(q));
          }};
}
const Pair pairs[] = {
    pair<Normal>(),
    pair<LogNormal>(),
    pair<HalfNormal>(),
    pair<Uniform>(),
    pair<Laplace>(),
    pair<Cauchy>(),
    pair<Gumbel>(),
    pair<VonMises>(),
    pair<Exponential>(),
    pair<Gamma>(),
    pair<Beta>(),
    pair<Dirichlet>(),
    pair<Bernoulli>(),
    pair<Geometric>(),
    pair<Binomial>(),
    pair<Poisson>(),
    pair<Categorical>(),
    pair<Independent>(),
    pair<MultivariateNormal>(),
    pair<OneHotCategorical>(),
    pair<Uniform, Normal>(),
    pair<Exponential, Gamma>(),
    pair<Gamma, Exponential>(),
    pair<Chi2>(),
    pair<Chi2, Gamma>(),
    pair<Gamma, Chi2>(),
    pair<LowRankMultivariateNormal>(),
    pair<LowRankMultivariateNormal, MultivariateNormal>(),
    pair<MultivariateNormal, LowRankMultivariateNormal>(),
};

}  // namespace

Tensor kl_divergence(const Distribution& p, const Distribution& q) {
  for (const auto& known : pairs) {
    if (known.p == typeid(p) && known.q == typeid(q)) return known.kl(p, q);
  }
  raise<ValueError>("kl_divergence: no closed form", "a pair of families in distributions/kl.cpp",
                    std::string(p.name()) + " and " + q.name());
}

}  // namespace newtape::distributions
