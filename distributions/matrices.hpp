// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/distribution.hpp>

/// Distributions of matrices.
namespace newtape::distributions {

/// The Cholesky factors [n, n] of correlation matrices, whose density is proportional to det^(concentration - 1)
/// (Lewandowski, Kurowicka & Joe 2009); n >= 2 (ValueError), concentration > 0. Draws by the onion method.
class LKJCholesky : public Distribution {
 public:
  explicit LKJCholesky(std::int64_t n, In concentration = 1.0);
  const Tensor& concentration() const noexcept { return concentration_; }
  DType dtype() const override { return concentration_.dtype(); }
  Constraint support() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  std::int64_t n_;
  Tensor concentration_;
};

/// The distribution of sum x x^T over df normal vectors x of covariance L L^T, L = scale_tril [.., n, n]; df [..] > n - 1
/// (ValueError). Draws by Bartlett's decomposition, of which those of df are differentiable as Gamma's.
class Wishart : public Distribution {
 public:
  Wishart(In df, In scale_tril);
  const Tensor& df() const noexcept { return df_; }
  const Tensor& scale_tril() const noexcept { return scale_tril_; }
  Tensor covariance_matrix() const;
  DType dtype() const override { return df_.dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  Tensor df_, scale_tril_;
};

}  // namespace newtape::distributions
