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

/// A family of loc + scale z, scale > 0, where z has a standard form on the real numbers: what derived classes define.
class LocationScale : public Distribution {
 public:
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
  struct Moments {
    double entropy, mean, variance;
    double mode = 0;
  };
  /// `moments` are those of z. ValueError unless all scales are positive.
  LocationScale(const char* name, In loc, In scale, const Moments& moments);

  /// Draws of z, constants of this shape and of dtype().
  virtual Tensor noise(const Shape& shape, Generator& generator) const = 0;
  virtual Tensor standard_log_prob(const Tensor& z) const = 0;
  virtual Tensor standard_cdf(const Tensor& z) const = 0;
  virtual Tensor standard_icdf(const Tensor& p) const = 0;

  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Tensor loc_, scale_;
  Moments moments_;
};

/// exp(-|x - loc| / scale) / (2 scale); scale > 0.
class Laplace : public LocationScale {
 public:
  Laplace(In loc, In scale);

 protected:
  Tensor noise(const Shape& shape, Generator& generator) const override;
  Tensor standard_log_prob(const Tensor& z) const override;
  Tensor standard_cdf(const Tensor& z) const override;
  Tensor standard_icdf(const Tensor& p) const override;
};

/// 1 / (pi scale (1 + ((x - loc) / scale)^2)); scale > 0. Its mean is NaN, its variance infinite.
class Cauchy : public LocationScale {
 public:
  Cauchy(In loc, In scale);

 protected:
  Tensor noise(const Shape& shape, Generator& generator) const override;
  Tensor standard_log_prob(const Tensor& z) const override;
  Tensor standard_cdf(const Tensor& z) const override;
  Tensor standard_icdf(const Tensor& p) const override;
};

/// exp(-z - exp(-z)) / scale, z = (x - loc) / scale; scale > 0.
class Gumbel : public LocationScale {
 public:
  Gumbel(In loc, In scale);

 protected:
  Tensor noise(const Shape& shape, Generator& generator) const override;
  Tensor standard_log_prob(const Tensor& z) const override;
  Tensor standard_cdf(const Tensor& z) const override;
  Tensor standard_icdf(const Tensor& p) const override;
};

/// exp(concentration cos(x - loc)) / (2 pi I0(concentration)), of angles; concentration > 0. The mean and the
/// variance, 1 - I1 / I0, are circular; samples are in [-pi, pi), and the cdf is theirs: 0 at -pi, 1 at pi.
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
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;

 private:
  Tensor loc_, concentration_;
};

}  // namespace newtape::distributions
