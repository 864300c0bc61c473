// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/location_scale.hpp>

namespace newtape::distributions {

/// exp(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi)); scale > 0.
class Normal : public LocationScale {
 public:
  Normal(In loc, In scale);

 protected:
  Tensor noise(const Shape& shape, Generator& generator) const override;
  Tensor standard_log_prob(const Tensor& z) const override;
  Tensor standard_cdf(const Tensor& z) const override;
  Tensor standard_icdf(const Tensor& p) const override;
};

/// exp of a Normal(loc, scale).
class LogNormal : public Distribution {
 public:
  LogNormal(In loc, In scale);
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

/// |x| of a Normal(0, scale).
class HalfNormal : public Distribution {
 public:
  explicit HalfNormal(In scale);
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

}  // namespace newtape::distributions
