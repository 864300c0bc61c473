// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/gamma.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace newtape::distributions {

namespace {

/// log of a draw of Gamma(a, 1), differentiable in a.
Tensor log_gamma_draw(const Tensor& a, const Shape& shape, Generator& generator) {
  return log_standard_gamma(a.shape() == shape ? a : expand(a, shape), generator);
}

}  // namespace

// --- Exponential ---

Exponential::Exponential(In rate) : Distribution("Exponential") {
  rate_ = detail::parameters("Exponential", {rate})[0];
  detail::expect("Exponential", "rate", rate_, constraints::positive());
  set_shapes(rate_.shape());
}
Constraint Exponential::support() const { return constraints::nonnegative(); }
Tensor Exponential::draw(const Shape& shape, Generator& generator) const {
  return detail::exponential_noise(shape, rate_, generator) / rate_;
}
Tensor Exponential::log_prob_at(const Tensor& x) const { return log(rate_) - rate_ * x; }
Tensor Exponential::cdf_at(const Tensor& x) const { return -expm1(-rate_ * clip(x, 0.0)); }
Tensor Exponential::icdf_at(const Tensor& p) const { return -log1p(-p) / rate_; }
Tensor Exponential::entropy() const { return 1.0 - log(rate_); }
Tensor Exponential::mean() const { return reciprocal(rate_); }
Tensor Exponential::variance() const { return reciprocal(square(rate_)); }
Tensor Exponential::mode() const { return constant(0); }

// --- Gamma ---

Gamma::Gamma(In concentration, In rate) : Gamma("Gamma", std::move(concentration), std::move(rate)) {}
Gamma::Gamma(const char* name, In concentration, In rate) : Distribution(name) {
  auto p = detail::parameters(name, {concentration, rate});
  detail::expect(name, "concentration", p[0], constraints::positive());
  detail::expect(name, "rate", p[1], constraints::positive());
  concentration_ = p[0];
  rate_ = p[1];
  set_shapes(rate_.shape());
}
Constraint Gamma::support() const { return constraints::nonnegative(); }
Tensor Gamma::draw(const Shape& shape, Generator& generator) const {
  return exp(log_gamma_draw(concentration_, shape, generator)) / rate_;
}
Tensor Gamma::log_prob_at(const Tensor& x) const {
  return concentration_ * log(rate_) + xlogy(concentration_ - 1.0, x) - rate_ * x - lgamma(concentration_);
}
Tensor Gamma::cdf_at(const Tensor& x) const {
  const Tensor inside = x > 0;
  return where(inside, igamma(concentration_, rate_ * where(inside, x, 1.0)), 0.0);
}
Tensor Gamma::icdf_at(const Tensor& p) const { return igammainv(concentration_, p) / rate_; }
Tensor Gamma::entropy() const {
  const Tensor& a = concentration_;
  return a - log(rate_) + lgamma(a) + (1.0 - a) * digamma(a);
}
Tensor Gamma::mean() const { return concentration_ / rate_; }
Tensor Gamma::variance() const { return concentration_ / square(rate_); }
Tensor Gamma::mode() const { return clip(concentration_ - 1.0, 0.0) / rate_; }

// --- Beta ---

Beta::Beta(In concentration1, In concentration0) : Distribution("Beta") {
  auto p = detail::parameters("Beta", {concentration1, concentration0});
  detail::expect("Beta", "concentration1", p[0], constraints::positive());
  detail::expect("Beta", "concentration0", p[1], constraints::positive());
  concentration1_ = p[0];
  concentration0_ = p[1];
  set_shapes(p[0].shape());
}
Constraint Beta::support() const { return constraints::unit_interval(); }
Tensor Beta::draw(const Shape& shape, Generator& generator) const {
  const Tensor a = log_gamma_draw(concentration1_, shape, generator);
  return sigmoid(a - log_gamma_draw(concentration0_, shape, generator));
}
Tensor Beta::log_prob_at(const Tensor& x) const {
  return xlogy(concentration1_ - 1.0, x) + xlog1py(concentration0_ - 1.0, -x) -
         detail::lbeta(concentration1_, concentration0_);
}
Tensor Beta::cdf_at(const Tensor& x) const {
  const Tensor inside = (x > 0) & (x < 1);
  return where(inside, betainc(concentration1_, concentration0_, where(inside, x, 0.5)), clip(floor(x), 0.0, 1.0));
}
Tensor Beta::icdf_at(const Tensor& p) const { return betaincinv(concentration1_, concentration0_, p); }
Tensor Beta::entropy() const {
  const Tensor& a = concentration1_;
  const Tensor& b = concentration0_;
  return detail::lbeta(a, b) - (a - 1.0) * digamma(a) - (b - 1.0) * digamma(b) + (a + b - 2.0) * digamma(a + b);
}
Tensor Beta::mean() const { return concentration1_ / (concentration1_ + concentration0_); }
Tensor Beta::variance() const {
  const Tensor total = concentration1_ + concentration0_;
  return concentration1_ * concentration0_ / (square(total) * (total + 1.0));
}
Tensor Beta::mode() const {
  const Tensor inside = (concentration1_ > 1) & (concentration0_ > 1);
  return where(inside, (concentration1_ - 1.0) / (concentration1_ + concentration0_ - 2.0),
               detail::nan_like(concentration1_));
}

// --- Dirichlet ---

Dirichlet::Dirichlet(In concentration) : Distribution("Dirichlet") {
  concentration_ = detail::parameters("Dirichlet", {concentration})[0];
  const Shape& shape = concentration_.shape();
  if (shape.empty()) raise<ShapeError>("Dirichlet: the concentration must have an axis", "[.., k]", to_string(shape));
  detail::expect("Dirichlet", "concentration", concentration_, constraints::positive());
  set_shapes(Shape(shape.begin(), shape.end() - 1), {shape.back()});
}
Constraint Dirichlet::support() const { return constraints::simplex(); }
Tensor Dirichlet::draw(const Shape& shape, Generator& generator) const {
  return softmax(log_gamma_draw(concentration_, shape, generator), -1);
}
Tensor Dirichlet::log_prob_at(const Tensor& x) const {
  return sum(xlogy(concentration_ - 1.0, x), -1) + lgamma(sum(concentration_, -1)) - sum(lgamma(concentration_), -1);
}
Tensor Dirichlet::entropy() const {
  const Tensor& a = concentration_;
  const Tensor total = sum(a, -1);
  const auto k = static_cast<double>(a.shape(-1));
  return sum(lgamma(a), -1) - lgamma(total) + (total - k) * digamma(total) - sum((a - 1.0) * digamma(a), -1);
}
Tensor Dirichlet::mean() const { return concentration_ / sum(concentration_, -1, true); }
Tensor Dirichlet::variance() const {
  const Tensor total = sum(concentration_, -1, true);
  return concentration_ * (total - concentration_) / (square(total) * (total + 1.0));
}
Tensor Dirichlet::mode() const {
  const Tensor inside = all(concentration_ > 1, -1, true);
  const auto k = static_cast<double>(concentration_.shape(-1));
  return where(inside, (concentration_ - 1.0) / (sum(concentration_, -1, true) - k), detail::nan_like(concentration_));
}

// --- StudentT ---

StudentT::StudentT(In df, In loc, In scale) : Distribution("StudentT") {
  auto p = detail::parameters("StudentT", {df, loc, scale});
  detail::expect("StudentT", "df", p[0], constraints::positive());
  detail::expect("StudentT", "scale", p[2], constraints::positive());
  df_ = p[0];
  loc_ = p[1];
  scale_ = p[2];
  set_shapes(df_.shape());
}
Constraint StudentT::support() const { return constraints::real(); }
Tensor StudentT::draw(const Shape& shape, Generator& generator) const {
  const Tensor half = 0.5 * df_;
  const Tensor z = detail::normal_noise(shape, df_, generator);
  return loc_ + scale_ * (z * exp(0.5 * (log(half) - log_gamma_draw(half, shape, generator))));
}
namespace {
/// log of the density at 0 for scale 1.
Tensor student_log_peak(const Tensor& df) {
  const Tensor a = 0.5 * df;
  // lgamma(a + 1/2) - lgamma(a) - log(a) / 2 = -1 / (8 a) + 1 / (192 a^3) - 1 / (640 a^5) + .. (DLMF 5.11.13), where the
  // difference would cancel.
  const Tensor large = a.detach() > 100.0;
  const Tensor r = 1.0 / where(large, a, 1.0);
  const Tensor series = r * (-1.0 / 8 + square(r) * (1.0 / 192 - square(r) / 640.0));
  const Tensor few = where(large, 1.0, a);
  return where(large, series, lgamma(few + 0.5) - lgamma(few) - 0.5 * log(few)) - 0.5 * std::log(2 * std::numbers::pi);
}
}  // namespace
Tensor StudentT::log_prob_at(const Tensor& x) const {
  const Tensor z = (x - loc_) / scale_;
  return student_log_peak(df_) - log(scale_) - 0.5 * (df_ + 1.0) * detail::log1p_square(z / sqrt(df_));
}
Tensor StudentT::cdf_at(const Tensor& x) const {
  // The tail beyond |z| is half of I(df/2, 1/2) at df / (df + z^2); at 0, where that has a corner, Taylor's formula.
  const Tensor z = (x - loc_) / scale_;
  const Tensor peak = exp(student_log_peak(df_));
  const Tensor middle = z == 0;
  const Tensor size = where(middle, 1.0, abs(z));
  const Tensor tail = 0.5 * betainc(0.5 * df_, 0.5, df_ / (df_ + square(size)));
  const Tensor linear = 0.5 + peak * z * (1.0 - square(z) * (df_ + 1.0) / (6.0 * df_));
  return where(middle, linear, where(z > 0, 1.0 - tail, tail));
}
Tensor StudentT::icdf_at(const Tensor& p) const {
  const Tensor middle = p == 0.5;
  const Tensor below = where(p < 0.5, p, 1.0 - p);  // the smaller tail
  const Tensor safe = where(middle, 0.25, below);
  // z^2 / df from whichever of both forms does not cancel
  const Tensor far = safe < 0.25;
  const Tensor x = betaincinv(0.5 * df_, 0.5, 2.0 * where(far, safe, 0.1));
  const Tensor y = betaincinv(0.5, 0.5 * df_, 1.0 - 2.0 * where(far, 0.3, safe));
  const Tensor size = sqrt(df_ * where(far, (1.0 - x) / x, y / (1.0 - y)));
  const Tensor z = where(p < 0.5, -size, size);
  return loc_ + scale_ * where(middle, (p - 0.5) / exp(student_log_peak(df_)), z);
}
Tensor StudentT::entropy() const {
  const Tensor half = 0.5 * df_;
  return 0.5 * (df_ + 1.0) * (digamma(half + 0.5) - digamma(half)) - student_log_peak(df_) + log(scale_);
}
Tensor StudentT::mean() const { return where(df_ > 1, loc_, detail::nan_like(loc_)); }
Tensor StudentT::variance() const {
  const Tensor finite = df_ > 2;
  const Tensor safe = where(finite, df_, 3.0);
  const Tensor infinite = constant(std::numeric_limits<double>::infinity());
  return where(finite, square(scale_) * safe / (safe - 2.0), where(df_ > 1, infinite, detail::nan_like(df_)));
}
Tensor StudentT::mode() const { return loc_; }

}  // namespace newtape::distributions
