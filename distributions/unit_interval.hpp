// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/composed.hpp>

/// Families on [0, 1] and on the simplex, beside those of gamma.hpp: with closed inverses, and relaxed choices.
namespace newtape::distributions {

/// a b x^(a-1) (1 - x^a)^(b-1) for the concentrations a (of 1) and b (of 0), both > 0 (Kumaraswamy 1980).
class Kumaraswamy : public Distribution {
 public:
  Kumaraswamy(In concentration1, In concentration0);
  const Tensor& concentration1() const noexcept { return concentration1_; }
  const Tensor& concentration0() const noexcept { return concentration0_; }
  DType dtype() const override { return concentration1_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }
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
  Tensor concentration1_, concentration0_;
};

/// Proportional to probs^x (1 - probs)^(1 - x) for x in [0, 1]; probs in (0, 1) (Loaiza-Ganem & Cunningham 2019).
class ContinuousBernoulli : public Distribution {
 public:
  explicit ContinuousBernoulli(In probs);
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return probs_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Tensor probs_, logits_;
};

/// sigmoid((logits + L) / temperature) with L from the logistic distribution: a choice of 0 or 1 that is differentiable, and
/// approaches Bernoulli(probs) as the temperature > 0 goes to 0 (Maddison, Mnih & Teh 2017). probs in (0, 1).
class RelaxedBernoulli : public Distribution {
 public:
  RelaxedBernoulli(In temperature, In probs);
  const Tensor& temperature() const noexcept { return temperature_; }
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return probs_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Tensor temperature_, probs_, logits_;
};

/// softmax((logits + G) / temperature) with G from Gumbel's distribution: points of the simplex [.., k] that approach those of
/// OneHotCategorical(probs) as the temperature > 0, a number, goes to 0 (Maddison, Mnih & Teh 2017). `probs` [.., k] > 0 are
/// normalized.
class RelaxedOneHotCategorical : public Distribution {
 public:
  RelaxedOneHotCategorical(In temperature, In probs);
  const Tensor& temperature() const noexcept { return temperature_; }
  const Tensor& probs() const noexcept { return indices_.probs(); }
  const Tensor& logits() const noexcept { return indices_.logits(); }
  DType dtype() const override { return indices_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Tensor temperature_;
  Categorical indices_;
};

/// StickBreakingTransform of k independent Normal(loc, scale), [.., k]: points of the simplex [.., k + 1]; scale > 0.
class LogisticNormal : public TransformedDistribution {
 public:
  LogisticNormal(In loc, In scale);
};

}  // namespace newtape::distributions
