// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/distribution.hpp>

namespace newtape::distributions {

/// One of the three, [.., n, n]: symmetric and positive definite, or lower triangular.
struct MultivariateNormalOptions {
  Tensor covariance_matrix = {};
  Tensor precision_matrix = {};
  Tensor scale_tril = {};  ///< Cholesky factor of the covariance
};

/// A normal distribution of vectors [n]. ValueError unless exactly one option is given, NumericalError for a matrix that is
/// not positive definite.
class MultivariateNormal : public Distribution {
 public:
  MultivariateNormal(In loc, const MultivariateNormalOptions& options);
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale_tril() const noexcept { return scale_tril_; }
  DType dtype() const override { return loc_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;
  Tensor covariance_matrix() const;
  Tensor precision_matrix() const;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Tensor loc_, scale_tril_;
};

/// The same with covariance cov_factor cov_factor^T + diag(cov_diag), [.., n, r] and [.., n] > 0, in O(n r^2).
class LowRankMultivariateNormal : public Distribution {
 public:
  LowRankMultivariateNormal(In loc, In cov_factor, In cov_diag);
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& cov_factor() const noexcept { return cov_factor_; }
  const Tensor& cov_diag() const noexcept { return cov_diag_; }
  const Tensor& capacitance_tril() const noexcept { return capacitance_tril_; }
  DType dtype() const override { return loc_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;
  Tensor mode() const override;
  Tensor covariance_matrix() const;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Tensor loc_, cov_factor_, cov_diag_, capacitance_tril_;
};

}  // namespace newtape::distributions
