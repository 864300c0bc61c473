// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random_distributions.hpp>
#include <newtape/distributions/counts.hpp>
#include <newtape/distributions/detail/parts.hpp>

#include <limits>

namespace newtape::distributions {

namespace {

constexpr double endless = std::numeric_limits<double>::infinity();

/// PyTorch's: finite, so that 0 log(0) does not occur.
Tensor logits_of(const Tensor& probs) { return logit(probs, probs.dtype() == f32 ? 0x1p-23 : 0x1p-52); }
Tensor probability(const char* name, In probs) {
  Tensor p = detail::parameters(name, {std::move(probs)})[0];
  detail::expect(name, "probs", p, constraints::unit_interval());
  return p;
}
/// 0, 1, .., n along a new first axis.
Tensor counting(std::int64_t n, const Shape& batch, DType dtype) {
  Shape column(batch.size() + 1, 1);
  column[0] = n + 1;
  Shape all(batch);
  all.insert(0, n + 1);
  return expand(reshape(Tensor(core::arange(n + 1, dtype)), column), all);
}

}  // namespace

// --- Bernoulli ---

Bernoulli::Bernoulli(Tensor probs, Tensor logits)
    : Distribution("Bernoulli"), probs_(std::move(probs)), logits_(std::move(logits)) {
  set_shapes(probs_.shape());
}
Bernoulli::Bernoulli(In probs) : Bernoulli(probability("Bernoulli", probs), Tensor()) { logits_ = logits_of(probs_); }
Bernoulli Bernoulli::from_logits(In logits) {
  Tensor l = detail::parameters("Bernoulli", {logits})[0];
  Tensor p = sigmoid(l);
  return {std::move(p), std::move(l)};
}
Constraint Bernoulli::support() const { return constraints::boolean(); }
Tensor Bernoulli::draw(const Shape& shape, Generator& generator) const {
  return random::bernoulli(detail::repeated(probs_, shape), generator);
}
Tensor Bernoulli::log_prob_at(const Tensor& x) const { return x * logits_ - softplus(logits_); }
Tensor Bernoulli::cdf_at(const Tensor& x) const { return where(x < 0, 0.0, where(x < 1, 1.0 - probs_, 1.0)); }
Tensor Bernoulli::icdf_at(const Tensor& p) const { return (p > 1.0 - probs_).to(dtype()); }
Tensor Bernoulli::entropy() const { return softplus(logits_) - probs_ * logits_; }
Tensor Bernoulli::mean() const { return probs_; }
Tensor Bernoulli::variance() const { return probs_ * (1.0 - probs_); }
Tensor Bernoulli::mode() const { return (probs_ > 0.5).to(dtype()); }
Tensor Bernoulli::enumerate_support() const { return counting(1, batch_shape(), dtype()); }

// --- Geometric ---

Geometric::Geometric(Tensor probs, Tensor logits)
    : Distribution("Geometric"), probs_(std::move(probs)), logits_(std::move(logits)) {
  detail::expect("Geometric", "probs", probs_, constraints::positive());
  set_shapes(probs_.shape());
}
Geometric::Geometric(In probs) : Geometric(probability("Geometric", probs), Tensor()) { logits_ = logits_of(probs_); }
Geometric Geometric::from_logits(In logits) {
  Tensor l = detail::parameters("Geometric", {logits})[0];
  Tensor p = sigmoid(l);
  return {std::move(p), std::move(l)};
}
Constraint Geometric::support() const { return constraints::nonnegative_integer(); }
Tensor Geometric::draw(const Shape& shape, Generator& generator) const {
  return floor(detail::exponential_noise(shape, probs_, generator) / softplus(logits_));
}
Tensor Geometric::log_prob_at(const Tensor& k) const { return -softplus(-logits_) - k * softplus(logits_); }
Tensor Geometric::cdf_at(const Tensor& k) const {
  return where(k < 0, 0.0, -expm1(-(floor(k) + 1.0) * softplus(logits_)));
}
Tensor Geometric::icdf_at(const Tensor& p) const {
  return detail::integer_quantile(
      p, [this](const Tensor& k) { return cdf_at(k); }, full_like(p, endless));
}
Tensor Geometric::entropy() const { return (softplus(logits_) - probs_ * logits_) / probs_; }
Tensor Geometric::mean() const { return exp(-logits_); }
Tensor Geometric::variance() const { return exp(-logits_) / probs_; }
Tensor Geometric::mode() const { return constant(0); }

// --- Binomial ---

Binomial::Binomial(Tensor total_count, Tensor probs, Tensor logits)
    : Distribution("Binomial"),
      total_count_(std::move(total_count)),
      probs_(std::move(probs)),
      logits_(std::move(logits)) {
  detail::expect("Binomial", "total_count", total_count_, constraints::nonnegative_integer());
  set_shapes(probs_.shape());
}
Binomial::Binomial(In total_count, In probs) : Distribution("Binomial") {
  auto p = detail::parameters("Binomial", {total_count, probs});
  *this = Binomial(p[0], probability("Binomial", p[1]), logits_of(p[1]));
}
Binomial Binomial::from_logits(In total_count, In logits) {
  auto p = detail::parameters("Binomial", {total_count, logits});
  return {p[0], sigmoid(p[1]), p[1]};
}
Constraint Binomial::support() const { return constraints::integer_interval(0, total_count_); }
Tensor Binomial::draw(const Shape& shape, Generator& generator) const {
  return random::binomial(detail::repeated(total_count_, shape), detail::repeated(probs_, shape), generator);
}
Tensor Binomial::log_prob_at(const Tensor& k) const {
  const Tensor& n = total_count_;
  return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * logits_ - n * softplus(logits_);
}
Tensor Binomial::cdf_at(const Tensor& value) const {
  const Tensor k = floor(value);
  const Tensor inside = (k >= 0) & (k < total_count_);
  const Tensor safe = where(inside, k, 0.0);
  const Tensor n = where(inside, total_count_, 1.0);
  return where(inside, betainc(n - safe, safe + 1.0, sigmoid(-logits_)), where(k < 0, zeros_like(k), 1.0));
}
Tensor Binomial::icdf_at(const Tensor& p) const {
  return detail::integer_quantile(
      p, [this](const Tensor& k) { return cdf_at(k); }, total_count_.detach());
}
Tensor Binomial::entropy() const {
  if (total_count_.size() == 0) return constant(0);
  const Tensor k = counting(static_cast<std::int64_t>(max(total_count_).item()), batch_shape(), dtype());
  const Tensor inside = k <= total_count_;
  const Tensor lp = log_prob_at(where(inside, k, 0.0));
  return -sum(where(inside, exp(lp) * lp, 0.0), 0);
}
Tensor Binomial::mean() const { return total_count_ * probs_; }
Tensor Binomial::variance() const { return total_count_ * probs_ * (1.0 - probs_); }
Tensor Binomial::mode() const { return minimum(floor((total_count_ + 1.0) * probs_), total_count_).detach(); }
Tensor Binomial::enumerate_support() const {
  const auto n = total_count_.size() == 0 ? 0 : static_cast<std::int64_t>(max(total_count_).item());
  if (!all(total_count_ == static_cast<double>(n)).item<bool>()) {
    raise<ValueError>("Binomial: enumerate_support of different counts", "one total_count", "several");
  }
  return counting(n, batch_shape(), dtype());
}

// --- NegativeBinomial ---

NegativeBinomial::NegativeBinomial(Tensor total_count, Tensor probs, Tensor logits)
    : Distribution("NegativeBinomial"),
      total_count_(std::move(total_count)),
      probs_(std::move(probs)),
      logits_(std::move(logits)) {
  detail::expect("NegativeBinomial", "total_count", total_count_, constraints::positive());
  detail::expect("NegativeBinomial", "1 - probs", 1.0 - probs_, constraints::positive());
  set_shapes(probs_.shape());
}
NegativeBinomial::NegativeBinomial(In total_count, In probs) : Distribution("NegativeBinomial") {
  auto p = detail::parameters("NegativeBinomial", {total_count, probs});
  *this = NegativeBinomial(p[0], probability("NegativeBinomial", p[1]), logits_of(p[1]));
}
NegativeBinomial NegativeBinomial::from_logits(In total_count, In logits) {
  auto p = detail::parameters("NegativeBinomial", {total_count, logits});
  return {p[0], sigmoid(p[1]), p[1]};
}
Constraint NegativeBinomial::support() const { return constraints::nonnegative_integer(); }
Tensor NegativeBinomial::draw(const Shape& shape, Generator& generator) const {
  // A Poisson distribution whose rate has a gamma distribution
  const Tensor log_rate = log_standard_gamma(expand(total_count_.detach(), shape), generator) + logits_;
  return random::poisson(exp(log_rate).value(), generator);
}
Tensor NegativeBinomial::log_prob_at(const Tensor& k) const {
  const Tensor& r = total_count_;
  return lgamma(r + k) - lgamma(k + 1.0) - lgamma(r) - r * softplus(logits_) - k * softplus(-logits_);
}
Tensor NegativeBinomial::cdf_at(const Tensor& value) const {
  const Tensor k = floor(value);
  const Tensor inside = k >= 0;
  return where(inside, betainc(total_count_, where(inside, k, 0.0) + 1.0, sigmoid(-logits_)), 0.0);
}
Tensor NegativeBinomial::icdf_at(const Tensor& p) const {
  return detail::integer_quantile(
      p, [this](const Tensor& k) { return cdf_at(k); }, full_like(p, endless));
}
Tensor NegativeBinomial::mean() const { return total_count_ * exp(logits_); }
Tensor NegativeBinomial::variance() const { return mean() / (1.0 - probs_); }
Tensor NegativeBinomial::mode() const { return floor(clip(total_count_ - 1.0, 0.0) * exp(logits_)).detach(); }

// --- Poisson ---

Poisson::Poisson(In rate) : Distribution("Poisson") {
  rate_ = detail::parameters("Poisson", {rate})[0];
  detail::expect("Poisson", "rate", rate_, constraints::nonnegative());
  set_shapes(rate_.shape());
}
Constraint Poisson::support() const { return constraints::nonnegative_integer(); }
Tensor Poisson::draw(const Shape& shape, Generator& generator) const {
  return random::poisson(detail::repeated(rate_, shape), generator);
}
Tensor Poisson::log_prob_at(const Tensor& k) const { return xlogy(k, rate_) - rate_ - lgamma(k + 1.0); }
Tensor Poisson::cdf_at(const Tensor& value) const {
  const Tensor k = floor(value);
  const Tensor inside = k >= 0;
  return where(inside, igammac(where(inside, k, 0.0) + 1.0, rate_), 0.0);
}
Tensor Poisson::icdf_at(const Tensor& p) const {
  return detail::integer_quantile(
      p, [this](const Tensor& k) { return cdf_at(k); }, full_like(p, endless));
}
Tensor Poisson::mean() const { return rate_; }
Tensor Poisson::variance() const { return rate_; }
Tensor Poisson::mode() const { return floor(rate_).detach(); }

}  // namespace newtape::distributions
