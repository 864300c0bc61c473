// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/constraints.hpp>

#include <functional>
#include <memory>
#include <vector>

/// Invertible functions with the logarithm of the determinant of their Jacobians. Names as in torch.distributions.
namespace newtape::distributions {

/// An invertible function of tensors, of single numbers or of the last axes.
class Transform {
 public:
  virtual ~Transform() = default;
  /// f(x).
  virtual Tensor operator()(const Tensor& x) const = 0;
  /// The x with f(x) = y.
  virtual Tensor inverse(const Tensor& y) const = 0;
  /// log |det dy/dx|, [..] without the axes of one value; y = f(x).
  virtual Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const = 0;
  /// The set of the values of f.
  virtual Constraint codomain() const = 0;
  /// Numbers of last axes that form one value.
  virtual std::size_t domain_ndim() const { return 0; }
  virtual std::size_t codomain_ndim() const { return domain_ndim(); }
  /// 1 or -1 where a function of one number increases or decreases; undefined for others.
  virtual Tensor sign() const { return {}; }
};
using TransformRef = std::shared_ptr<const Transform>;

/// loc + scale x; scale != 0.
class AffineTransform final : public Transform {
 public:
  AffineTransform(In loc, In scale);
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::real(); }
  Tensor sign() const override;

 private:
  Tensor loc_, scale_;
};

/// The base of increasing functions of one number: its sign is 1.
class IncreasingTransform : public Transform {
 public:
  Tensor sign() const override;
};
/// exp(x): numbers to positive numbers.
class ExpTransform final : public IncreasingTransform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::positive(); }
};
/// sigmoid(x): numbers to [0, 1].
class SigmoidTransform final : public IncreasingTransform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::unit_interval(); }
};
/// tanh(x): numbers to [-1, 1].
class TanhTransform final : public IncreasingTransform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override;
};
/// log(1 + exp(x)): numbers to positive numbers.
class SoftplusTransform final : public IncreasingTransform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::positive(); }
};

/// Vectors to increasing vectors: y_0 = x_0, y_i = y_(i-1) + exp(x_i).
class OrderedTransform final : public Transform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::ordered_vector(); }
  std::size_t domain_ndim() const override { return 1; }
};

/// Vectors [.., n (n + 1) / 2] to Cholesky factors [.., n, n]: the rows of the lower triangle, exp of the diagonal.
class CholeskyTransform final : public Transform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::lower_cholesky(); }
  std::size_t domain_ndim() const override { return 1; }
  std::size_t codomain_ndim() const override { return 2; }
};

/// x^exponent, of positive numbers; exponent != 0.
class PowerTransform final : public Transform {
 public:
  explicit PowerTransform(In exponent);
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::positive(); }
  Tensor sign() const override;

 private:
  Tensor exponent_;
};

/// Vectors [.., k] to the simplex [.., k + 1]: y_i is the part sigmoid(x_i - log(k - i)) of what y_0, .., y_(i-1) left, so that 0
/// becomes the point of equal parts (Stan's reference manual, 10.7). The Jacobian is that of the first k parts.
class StickBreakingTransform final : public Transform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::simplex(); }
  std::size_t domain_ndim() const override { return 1; }
};

/// Vectors [.., n (n - 1) / 2] to Cholesky factors [.., n, n] of correlation matrices: tanh of the elements below the diagonal, row
/// by row, are partial correlations (Lewandowski, Kurowicka & Joe 2009). The Jacobian is that of the elements below the diagonal.
class CorrCholeskyTransform final : public Transform {
 public:
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::corr_cholesky(); }
  std::size_t domain_ndim() const override { return 1; }
  std::size_t codomain_ndim() const override { return 2; }
};

/// f_n(.. f_1(x)) of one or more transforms (ValueError).
class ComposeTransform final : public Transform {
 public:
  explicit ComposeTransform(std::vector<TransformRef> parts);
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return parts_.back()->codomain(); }
  std::size_t domain_ndim() const override { return domain_ndim_; }
  std::size_t codomain_ndim() const override;
  Tensor sign() const override;

 private:
  std::vector<TransformRef> parts_;
  std::size_t domain_ndim_ = 0;
};

/// y_i = m_i(y) + exp(s_i(y)) x_i, where `network` gives m and s [.., n, 2] of y [.., n], and row i depends on
/// y_0, .., y_(i-1) only (Kingma et al. 2016). The inverse is one evaluation, the function itself n.
class AutoregressiveTransform final : public Transform {
 public:
  explicit AutoregressiveTransform(std::function<Tensor(const Tensor&)> network) : network_(std::move(network)) {}
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::real_vector(); }
  std::size_t domain_ndim() const override { return 1; }

 private:
  std::function<Tensor(const Tensor&)> network_;
};

}  // namespace newtape::distributions
