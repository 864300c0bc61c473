// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/distribution.hpp>

namespace newtape::distributions {

/// 1 with probability probs, else 0. Probabilities 0 and 1 count as the nearest numbers between them in log_prob.
class Bernoulli : public Distribution {
 public:
  explicit Bernoulli(In probs);
  static Bernoulli from_logits(In logits);
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return probs_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;
  bool has_enumerate_support() const override { return true; }
  Tensor enumerate_support() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Bernoulli(Tensor probs, Tensor logits);
  Tensor probs_, logits_;
};

/// The number of failures before the first success, k = 0, 1, ..: (1 - probs)^k probs; probs in (0, 1].
class Geometric : public Distribution {
 public:
  explicit Geometric(In probs);
  static Geometric from_logits(In logits);
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return probs_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Geometric(Tensor probs, Tensor logits);
  Tensor probs_, logits_;
};

/// The number of successes in total_count trials. The entropy is the sum over the support.
class Binomial : public Distribution {
 public:
  Binomial(In total_count, In probs);
  static Binomial from_logits(In total_count, In logits);
  const Tensor& total_count() const noexcept { return total_count_; }
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return total_count_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;
  bool has_enumerate_support() const override { return true; }
  Tensor enumerate_support() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Binomial(Tensor total_count, Tensor probs, Tensor logits);
  Tensor total_count_, probs_, logits_;
};

/// The number of successes of probability probs before total_count > 0 failures; probs in [0, 1). The entropy is the sum of
/// as many terms as leave less than 1e-18; NumericalError for more than ten million.
class NegativeBinomial : public Distribution {
 public:
  NegativeBinomial(In total_count, In probs);
  static NegativeBinomial from_logits(In total_count, In logits);
  const Tensor& total_count() const noexcept { return total_count_; }
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return total_count_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  NegativeBinomial(Tensor total_count, Tensor probs, Tensor logits);
  Tensor total_count_, probs_, logits_;
};

/// rate^k exp(-rate) / k!; rate >= 0. The entropy is a sum to 1e-18, above a rate of 100 the asymptotic series to order 9.
class Poisson : public Distribution {
 public:
  explicit Poisson(In rate);
  const Tensor& rate() const noexcept { return rate_; }
  DType dtype() const override { return rate_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Tensor rate_;
};

}  // namespace newtape::distributions
