// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/distribution.hpp>

namespace newtape::distributions {

/// rate exp(-rate x); rate > 0.
class Exponential : public Distribution {
 public:
  explicit Exponential(In rate);
  const Tensor& rate() const noexcept { return rate_; }
  DType dtype() const override { return rate_.dtype(); }
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
  Tensor rate_;
};

/// rate^a x^(a-1) exp(-rate x) / gamma(a) for the concentration a; both > 0. Samples are differentiable by implicit
/// reparametrization (Figurnov, Mohamed & Mnih 2018), as are those of the following families.
class Gamma : public Distribution {
 public:
  Gamma(In concentration, In rate);
  const Tensor& concentration() const noexcept { return concentration_; }
  const Tensor& rate() const noexcept { return rate_; }
  DType dtype() const override { return concentration_.dtype(); }
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
  /// For families that are special cases, with their names.
  Gamma(const char* name, In concentration, In rate);

 private:
  Tensor concentration_, rate_;
};

/// x^(a-1) (1 - x)^(b-1) / B(a, b) for the concentrations a (of 1) and b (of 0), both > 0.
class Beta : public Distribution {
 public:
  Beta(In concentration1, In concentration0);
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

/// The distribution on the simplex with density prod(x^(a-1)) gamma(sum(a)) / prod(gamma(a)); concentration a > 0, [.., k].
class Dirichlet : public Distribution {
 public:
  explicit Dirichlet(In concentration);
  const Tensor& concentration() const noexcept { return concentration_; }
  DType dtype() const override { return concentration_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Tensor concentration_;
};

/// Student's t with `df` > 0 degrees of freedom. The mean is NaN for df <= 1, the variance infinite for df <= 2 and NaN
/// for df <= 1.
class StudentT : public Distribution {
 public:
  StudentT(In df, In loc = 0.0, In scale = 1.0);
  const Tensor& df() const noexcept { return df_; }
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale() const noexcept { return scale_; }
  DType dtype() const override { return df_.dtype(); }
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
  Tensor df_, loc_, scale_;
};

}  // namespace newtape::distributions
