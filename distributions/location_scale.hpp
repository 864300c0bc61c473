// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/distribution.hpp>

namespace newtape::distributions {

/// 1 / (high - low) in [low, high]; low < high.
class Uniform : public Distribution {
 public:
  Uniform(In low, In high);
  const Tensor& low() const noexcept { return low_; }
  const Tensor& high() const noexcept { return high_; }
  DType dtype() const override { return low_.dtype(); }
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
  Tensor low_, high_;
};

/// exp(-|x - loc| / scale) / (2 scale); scale > 0.
class Laplace : public Distribution {
 public:
  Laplace(In loc, In scale);
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale() const noexcept { return scale_; }
  DType dtype() const override { return loc_.dtype(); }
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
  Tensor loc_, scale_;
};

/// 1 / (pi scale (1 + ((x - loc) / scale)^2)); scale > 0. Its mean is NaN, its variance infinite.
class Cauchy : public Distribution {
 public:
  Cauchy(In loc, In scale);
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale() const noexcept { return scale_; }
  DType dtype() const override { return loc_.dtype(); }
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
  Tensor loc_, scale_;
};

/// exp(-z - exp(-z)) / scale, z = (x - loc) / scale; scale > 0.
class Gumbel : public Distribution {
 public:
  Gumbel(In loc, In scale);
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale() const noexcept { return scale_; }
  DType dtype() const override { return loc_.dtype(); }
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
  Tensor loc_, scale_;
};

/// exp(concentration cos(x - loc)) / (2 pi I0(concentration)), of angles; concentration > 0. The mean and the
/// variance, 1 - I1 / I0, are circular; samples are in [-pi, pi).
class VonMises : public Distribution {
 public:
  VonMises(In loc, In concentration);
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& concentration() const noexcept { return concentration_; }
  DType dtype() const override { return loc_.dtype(); }
  Constraint support() const override;
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Tensor loc_, concentration_;
};

}  // namespace newtape::distributions
