// SPDX-License-Identifier: BSD-3-Clause
// Entropies of counts without closed form: sums over the support, truncated by bounds of the rest.
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/distributions/counts.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numbers>
#include <string>

namespace newtape::distributions {

namespace {

constexpr double negligible = 1e-18;
constexpr std::int64_t most_terms = 10'000'000, terms_at_once = 8192;

/// -sum of p log p over k = 0, .., terms - 1, for log p [c, batch..] at k [c, 1..].
Tensor entropy_sum(std::int64_t terms, const Tensor& like, const std::function<Tensor(const Tensor&)>& log_prob) {
  Tensor total = zeros_like(like);
  for (std::int64_t begin = 0; begin < terms; begin += terms_at_once) {
    Shape column(like.ndim() + 1, 1);
    column[0] = std::min(terms_at_once, terms - begin);
    const Tensor k = reshape(Tensor(core::arange(column[0], like.dtype())), column) + static_cast<double>(begin);
    const Tensor lp = log_prob(k);
    total = total - sum(exp(lp) * lp, 0);
  }
  return total;
}

/// Bernstein's bound of the tail beyond rate + 10 sqrt(rate) + 30 is below 1e-20 for rates up to 100.
Tensor poisson_sum(const Tensor& rate) {
  const double largest = rate.size() == 0 ? 0 : max(rate).item();
  const auto terms = static_cast<std::int64_t>(std::ceil(largest + 10 * std::sqrt(largest) + 30));
  return entropy_sum(terms, rate, [&](const Tensor& k) { return xlogy(k, rate) - rate - lgamma(k + 1.0); });
}

/// The expansion of E[log k!] in the central moments, with Stirling's series: the first of its terms are those of Evans
/// and Boersma (SIAM Review 30, 1988). The next is below 2150 / rate^10.
Tensor poisson_series(const Tensor& rate) {
  constexpr double coefficients[] = {1.0 / 12,      1.0 / 24,       19.0 / 360,     9.0 / 80,         863.0 / 2520,
                                     1375.0 / 1008, 33953.0 / 5040, 57281.0 / 1440, 3250433.0 / 11880};
  const Tensor x = 1.0 / rate;
  Tensor rest = zeros_like(rate);
  for (std::size_t i = std::size(coefficients); i-- > 0;) rest = x * (rest + coefficients[i]);
  return 0.5 * log(2 * std::numbers::pi * std::numbers::e * rate) - rest;
}

/// So many terms that those left of -sum p log p are negligible. The ratios of neighbouring probabilities tend to
/// `probs`, from above for r > 1: a geometric series bounds the rest.
std::int64_t negative_binomial_terms(double r, double log_probs, double log_rest) {
  const double probs = std::exp(log_probs);
  for (std::int64_t k = 16; k <= most_terms; k += k / 4) {
    const auto n = static_cast<double>(k);
    const double at = probs * (n + r) / (n + 1);
    const double ratio = std::max(at, probs);
    if (ratio >= 1) continue;
    const double lp = std::lgamma(r + n) - std::lgamma(n + 1) - std::lgamma(r) + r * log_rest + n * log_probs;
    const double steepest = -std::log(std::min(at, probs));
    const double rest = std::exp(lp) * (std::abs(lp) + steepest * ratio / (1 - ratio)) / (1 - ratio);
    if (probs == 0 || rest < negligible) return k;
  }
  raise<NumericalError>("NegativeBinomial: the entropy needs too many terms", std::to_string(most_terms) + " at most",
                        "total_count " + std::to_string(r) + ", probs " + std::to_string(probs));
}

}  // namespace

Tensor Poisson::entropy() const {
  constexpr double large = 100;
  const Tensor is_large = rate_ > large;
  const Tensor is_zero = rate_ == 0;
  const Tensor by_sum = poisson_sum(where(is_large | is_zero, 1.0, rate_));
  const Tensor by_series = poisson_series(where(is_large, rate_, 2 * large));
  // At 0 the entropy is 0, with an infinite slope.
  return where(is_large, by_series, where(is_zero, rate_ + entr(rate_), by_sum));
}

Tensor NegativeBinomial::entropy() const {
  const auto wide = [](const Tensor& x) { return core::contiguous(core::cast(x.value(), f64)); };
  const Array r = wide(expand(total_count_, batch_shape()));
  const Array log_probs = wide(-softplus(-logits_)), log_rest = wide(-softplus(logits_));
  std::int64_t terms = 1;
  for (std::int64_t i = 0; i < r.size(); ++i) {
    terms = std::max(
        terms, negative_binomial_terms(r.data<double>()[i], log_probs.data<double>()[i], log_rest.data<double>()[i]));
  }
  return entropy_sum(terms, probs_, [this](const Tensor& k) { return log_prob_at(k); });
}

}  // namespace newtape::distributions
