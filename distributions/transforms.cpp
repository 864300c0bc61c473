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
#include <string>
#include <utility>
#include <vector>

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

PowerTransform::PowerTransform(In exponent) {
  exponent_ = detail::parameters("PowerTransform", {exponent})[0];
  detail::expect("PowerTransform", "|exponent|", abs(exponent_), constraints::positive());
}
Tensor PowerTransform::operator()(const Tensor& x) const { return pow(x, exponent_); }
Tensor PowerTransform::inverse(const Tensor& y) const { return pow(y, 1.0 / exponent_); }
Tensor PowerTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return log(abs(exponent_)) + (exponent_ - 1.0) * log(x);
}
Tensor PowerTransform::sign() const { return newtape::sign(exponent_); }

namespace {
/// Sums over the elements before each one.
Tensor sums_before(const Tensor& x) {
  const Tensor sums = cumsum(x, -1);
  return concatenate({full_like(first_of(x).detach(), 0), slice(sums, -1, 0, x.shape(-1) - 1)}, -1);
}
/// log(k), .., log(1).
Tensor equal_shares(const Tensor& x) {
  const auto k = x.shape(-1);
  return log(arange(k, 0, -1).to(x.dtype()));
}
}  // namespace

Tensor StickBreakingTransform::operator()(const Tensor& x) const {
  if (x.shape(-1) == 0) return full_like(sum(x, -1, true).detach(), 1);
  const Tensor z = x - equal_shares(x);
  const Tensor left = cumsum(-softplus(z), -1);  // log of what is left after each
  const Tensor before = concatenate({full_like(first_of(x).detach(), 0), left}, -1);
  const Tensor share = concatenate({-softplus(-z), full_like(first_of(x).detach(), 0)}, -1);
  return exp(before + share);
}
Tensor StickBreakingTransform::inverse(const Tensor& y) const {
  const auto k = y.shape(-1) - 1;
  const Tensor after = flip(cumsum(flip(slice(y, -1, 1, k + 1), -1), -1), -1);
  const Tensor parts = slice(y, -1, 0, k);
  return log(parts) - log(after) + equal_shares(parts);
}
Tensor StickBreakingTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  const Tensor z = x - equal_shares(x);
  const Tensor left = -softplus(z);
  return sum(sums_before(left) + left - softplus(-z), -1);
}

namespace {
/// The n of vectors [.., n (n - 1) / 2], and the vectors as matrices with these elements below the diagonal.
std::int64_t rows_below(std::int64_t length) { return order_of("CorrCholeskyTransform", length) + 1; }
Tensor places_below(std::int64_t n) {
  std::vector<std::int64_t> at;
  for (std::int64_t i = 1; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j) at.push_back(i * n + j);
  }
  return tensor(at);
}
Tensor below_diagonal(const Tensor& x) {
  const auto n = rows_below(x.shape(-1));
  Shape flat(x.shape().begin(), x.shape().end() - 1);
  Shape matrices(flat);
  flat.push_back(n * n);
  matrices.push_back(n);
  matrices.push_back(n);
  return reshape(index_add(Tensor(core::zeros(flat, x.dtype())), -1, places_below(n), x), matrices);
}
/// log(1 - tanh(x)^2)
Tensor log_sech_square(const Tensor& x) { return 2.0 * (std::numbers::ln2 - x - softplus(-2.0 * x)); }
}  // namespace

Tensor CorrCholeskyTransform::operator()(const Tensor& x) const {
  const Tensor m = below_diagonal(x);
  const Tensor left = exp(0.5 * sums_before(log_sech_square(m)));  // the length that a row has left
  return tanh(m) * left + diag_embed(diagonal(left, 0, -2, -1));
}
Tensor CorrCholeskyTransform::inverse(const Tensor& y) const {
  const auto n = y.shape(-1);
  // The square of the length that a row has left is that of its elements from here on.
  const Tensor from_here = flip(cumsum(flip(square(y), -1), -1), -1);
  const Tensor at = places_below(n);
  return atanh(take(flatten(y, -2, -1), at, -1) / sqrt(take(flatten(from_here, -2, -1), at, -1)));
}
Tensor CorrCholeskyTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  const Tensor logs = log_sech_square(below_diagonal(x));
  const Tensor all = 0.5 * sums_before(logs) + logs;
  return sum(take(flatten(all, -2, -1), places_below(rows_below(x.shape(-1))), -1), -1);
}

namespace {
Tensor sum_of_last(const Tensor& x, std::size_t ndim) {
  Dims axes;
  for (std::size_t i = 1; i <= ndim; ++i) axes.push_back(-static_cast<std::int64_t>(i));
  return ndim == 0 ? x : sum(x, Axes(axes));
}
}  // namespace

ComposeTransform::ComposeTransform(std::vector<TransformRef> parts) : parts_(std::move(parts)) {
  if (parts_.empty()) raise<ValueError>("ComposeTransform: there are no transforms", "one or more", "none");
  for (auto f = parts_.rbegin(); f != parts_.rend(); ++f) {
    if (*f == nullptr) raise<ValueError>("ComposeTransform: a transform is undefined", "a transform", "null");
    const std::size_t from = (*f)->codomain_ndim();
    domain_ndim_ = (*f)->domain_ndim() + (domain_ndim_ > from ? domain_ndim_ - from : 0);
  }
}
std::size_t ComposeTransform::codomain_ndim() const {
  std::size_t ndim = domain_ndim_;
  for (const auto& f : parts_) ndim = ndim - f->domain_ndim() + f->codomain_ndim();
  return ndim;
}
Tensor ComposeTransform::operator()(const Tensor& x) const {
  Tensor y = x;
  for (const auto& f : parts_) y = (*f)(y);
  return y;
}
Tensor ComposeTransform::inverse(const Tensor& y) const {
  Tensor x = y;
  for (auto f = parts_.rbegin(); f != parts_.rend(); ++f) x = (*f)->inverse(x);
  return x;
}
Tensor ComposeTransform::log_abs_det_jacobian(const Tensor& given, const Tensor&) const {
  Tensor x = given, total;
  std::size_t ndim = domain_ndim_;
  for (const auto& f : parts_) {
    const Tensor y = (*f)(x);
    const Tensor term = sum_of_last(f->log_abs_det_jacobian(x, y), ndim - f->domain_ndim());
    total = total.defined() ? total + term : term;
    ndim = ndim - f->domain_ndim() + f->codomain_ndim();
    x = y;
  }
  return total;
}
Tensor ComposeTransform::sign() const {
  Tensor product;
  for (const auto& f : parts_) {
    const Tensor s = f->sign();
    if (!s.defined()) return {};
    product = product.defined() ? product * s.to(product.dtype()) : s;
  }
  return product;
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
