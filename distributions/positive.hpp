// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/gamma.hpp>

/// Families on the positive numbers, beside those of gamma.hpp and normal.hpp.
namespace newtape::distributions {

/// The distribution of the sum of `df` > 0 squares of standard normal numbers: Gamma(df / 2, 1 / 2).
class Chi2 : public Gamma {
 public:
  explicit Chi2(In df);
  Tensor df() const;
};

/// alpha scale^alpha / x^(alpha + 1) for x >= scale; both > 0. The mean is infinite for alpha <= 1, the variance for alpha <= 2.
class Pareto : public Distribution {
 public:
  Pareto(In scale, In alpha);
  const Tensor& scale() const noexcept { return scale_; }
  const Tensor& alpha() const noexcept { return alpha_; }
  DType dtype() const override { return scale_.dtype(); }
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
  Tensor scale_, alpha_;
};

/// k / s (x / s)^(k-1) exp(-(x / s)^k) for the scale s and the concentration k; both > 0.
class Weibull : public Distribution {
 public:
  Weibull(In scale, In concentration);
  const Tensor& scale() const noexcept { return scale_; }
  const Tensor& concentration() const noexcept { return concentration_; }
  DType dtype() const override { return scale_.dtype(); }
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
  Tensor scale_, concentration_;
};

/// |x| of a Cauchy(0, scale); scale > 0. Mean and variance are infinite.
class HalfCauchy : public Distribution {
 public:
  explicit HalfCauchy(In scale);
  const Tensor& scale() const noexcept { return scale_; }
  DType dtype() const override { return scale_.dtype(); }
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
  Tensor scale_;
};

/// The ratio of two chi-squared numbers of df1 and df2 degrees of freedom, each divided by its degrees; both > 0 (the F
/// distribution). The mean is infinite for df2 <= 2, the variance for df2 <= 4, where it is defined.
class FisherSnedecor : public Distribution {
 public:
  FisherSnedecor(In df1, In df2);
  const Tensor& df1() const noexcept { return df1_; }
  const Tensor& df2() const noexcept { return df2_; }
  DType dtype() const override { return df1_.dtype(); }
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
  Tensor df1_, df2_;
};

}  // namespace newtape::distributions
