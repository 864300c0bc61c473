// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/distribution.hpp>

namespace newtape::distributions {

/// Indices 0, .., k - 1 (samples are i64). `probs` [.., k] >= 0 are normalized; `logits` are their logs up to a constant.
class Categorical : public Distribution {
 public:
  explicit Categorical(In probs);
  static Categorical from_logits(In logits);
  const Tensor& probs() const noexcept { return probs_; }
  const Tensor& logits() const noexcept { return logits_; }
  DType dtype() const override { return probs_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mode() const override;
  bool has_enumerate_support() const override { return true; }
  Tensor enumerate_support() const override;
  std::int64_t num_events() const { return logits_.shape(-1); }

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Categorical(Tensor probs, Tensor logits);
  Tensor probs_, logits_;
};

/// The same as one-hot vectors [.., k].
class OneHotCategorical : public Distribution {
 public:
  explicit OneHotCategorical(In probs) : OneHotCategorical(Categorical(std::move(probs))) {}
  explicit OneHotCategorical(Categorical indices);
  static OneHotCategorical from_logits(In logits);
  const Tensor& probs() const noexcept { return indices_.probs(); }
  const Tensor& logits() const noexcept { return indices_.logits(); }
  const Categorical& indices() const noexcept { return indices_; }
  DType dtype() const override { return indices_.dtype(); }
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

 private:
  Categorical indices_;
};

/// How often each of k categories occurs among total_count draws: vectors [.., k].
class Multinomial : public Distribution {
 public:
  Multinomial(std::int64_t total_count, In probs) : Multinomial(total_count, Categorical(std::move(probs))) {}
  Multinomial(std::int64_t total_count, Categorical indices);
  static Multinomial from_logits(std::int64_t total_count, In logits);
  const Tensor& probs() const noexcept { return indices_.probs(); }
  const Tensor& logits() const noexcept { return indices_.logits(); }
  std::int64_t total_count() const noexcept { return total_count_; }
  DType dtype() const override { return indices_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  std::int64_t total_count_;
  Categorical indices_;
};

}  // namespace newtape::distributions
