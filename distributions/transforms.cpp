// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/distributions/distribution.hpp>
#include <newtape/distributions/transforms.hpp>

#include <cmath>
#include <numbers>

namespace newtape::distributions {

namespace {
Tensor first_of(const Tensor& x) { return slice(x, -1, 0, 1); }
Tensor after_first(const Tensor& x) { return slice(x, -1, 1, x.shape(-1)); }
}  // namespace

AffineTransform::AffineTransform(In loc, In scale) {
  auto p = detail::parameters("AffineTransform", {loc, scale});
  detail::expect("AffineTransform", "|scale|", abs(p[1]), constraints::positive());
  loc_ = p[0];
  scale_ = p[1];
}
Tensor AffineTransform::operator()(const Tensor& x) const { return loc_ + scale_ * x; }
Tensor AffineTransform::inverse(const Tensor& y) const { return (y - loc_) / scale_; }
Tensor AffineTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return log(abs(scale_)) + full_like(x.detach(), 0);
}
Tensor AffineTransform::sign() const { return newtape::sign(scale_); }

Tensor IncreasingTransform::sign() const { return tensor(1.0, f64); }

Tensor ExpTransform::operator()(const Tensor& x) const { return exp(x); }
Tensor ExpTransform::inverse(const Tensor& y) const { return log(y); }
Tensor ExpTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const { return x; }

Tensor SigmoidTransform::operator()(const Tensor& x) const { return sigmoid(x); }
Tensor SigmoidTransform::inverse(const Tensor& y) const { return logit(y); }
Tensor SigmoidTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return -softplus(-x) - softplus(x);
}

Tensor TanhTransform::operator()(const Tensor& x) const { return tanh(x); }
Tensor TanhTransform::inverse(const Tensor& y) const { return atanh(y); }
Tensor TanhTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return 2.0 * (std::numbers::ln2 - x - softplus(-2.0 * x));  // log(sech(x)^2)
}
Constraint TanhTransform::codomain() const {
  return {"numbers in [-1, 1]", 0, [](const Tensor& y) { return abs(y) <= 1; }};
}

Tensor SoftplusTransform::operator()(const Tensor& x) const { return softplus(x); }
Tensor SoftplusTransform::inverse(const Tensor& y) const { return y + log(-expm1(-y)); }
Tensor SoftplusTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const { return -softplus(-x); }

Tensor OrderedTransform::operator()(const Tensor& x) const {
  return cumsum(concatenate({first_of(x), exp(after_first(x))}, -1), -1);
}
Tensor OrderedTransform::inverse(const Tensor& y) const {
  return concatenate({first_of(y), log(after_first(y) - slice(y, -1, 0, y.shape(-1) - 1))}, -1);
}
Tensor OrderedTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const { return sum(after_first(x), -1); }

namespace {
/// Positions i n + j of the lower triangle, and among them those of the diagonal.
std::int64_t order_of(const char* op, std::int64_t length) {
  const auto n = static_cast<std::int64_t>((std::sqrt(8.0 * static_cast<double>(length) + 1) - 1) / 2 + 0.5);
  if (n * (n + 1) / 2 != length) {
    raise<ShapeError>(std::string(op) + ": the length must be that of a triangle", "n (n + 1) / 2",
                      std::to_string(length));
  }
  return n;
}
Tensor triangle(std::int64_t n) {
  std::vector<std::int64_t> at;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) at.push_back(i * n + j);
  }
  return tensor(at);
}
Tensor diagonal_places(std::int64_t n) {
  std::vector<std::int64_t> at;
  for (std::int64_t i = 0; i < n; ++i) at.push_back(i * (i + 1) / 2 + i);
  return tensor(at);
}
}  // namespace

Tensor CholeskyTransform::operator()(const Tensor& x) const {
  const auto n = order_of("CholeskyTransform", x.shape(-1));
  Shape square(x.shape().begin(), x.shape().end() - 1);
  Shape flat(square);
  flat.push_back(n * n);
  square.push_back(n);
  square.push_back(n);
  const Tensor y = reshape(index_add(Tensor(core::zeros(flat, x.dtype())), -1, triangle(n), x), square);
  return tril(y, -1) + diag_embed(exp(diagonal(y, 0, -2, -1)));
}
Tensor CholeskyTransform::inverse(const Tensor& y) const {
  const auto n = y.shape(-1);
  const Tensor logs = tril(y, -1) + diag_embed(log(diagonal(y, 0, -2, -1)));
  return take(flatten(logs, -2, -1), triangle(n), -1);
}
Tensor CholeskyTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return sum(take(x, diagonal_places(order_of("CholeskyTransform", x.shape(-1))), -1), -1);
}

namespace {
Tensor shift_of(const Tensor& shift_and_log_scale) { return squeeze(slice(shift_and_log_scale, -1, 0, 1), -1); }
Tensor log_scale_of(const Tensor& shift_and_log_scale) { return squeeze(slice(shift_and_log_scale, -1, 1, 2), -1); }
}  // namespace

Tensor AutoregressiveTransform::operator()(const Tensor& x) const {
  Tensor y = x;
  for (std::int64_t i = 0; i < x.shape(-1); ++i) {  // after i steps the first i elements are right
    const Tensor both = network_(y);
    y = shift_of(both) + exp(log_scale_of(both)) * x;
  }
  return y;
}
Tensor AutoregressiveTransform::inverse(const Tensor& y) const {
  const Tensor both = network_(y);
  return (y - shift_of(both)) * exp(-log_scale_of(both));
}
Tensor AutoregressiveTransform::log_abs_det_jacobian(const Tensor&, const Tensor& y) const {
  return sum(log_scale_of(network_(y)), -1);
}

}  // namespace newtape::distributions
