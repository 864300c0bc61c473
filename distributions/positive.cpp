// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/positive.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace newtape::distributions {

namespace {
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Parameters that are all positive, broadcast.
std::vector<Tensor> positive_parameters(const char* name, std::initializer_list<const char*> names,
                                        std::initializer_list<In> values) {
  auto p = detail::parameters(name, values);
  auto parameter = names.begin();
  for (const auto& x : p) detail::expect(name, *parameter++, x, constraints::positive());
  return p;
}
}  // namespace

// --- Chi2 ---

Chi2::Chi2(In df) : Gamma("Chi2", 0.5 * positive_parameters("Chi2", {"df"}, {df})[0], 0.5) {}
Tensor Chi2::df() const { return 2.0 * concentration(); }

// --- Pareto ---

Pareto::Pareto(In scale, In alpha) : Distribution("Pareto") {
  auto p = positive_parameters("Pareto", {"scale", "alpha"}, {scale, alpha});
  scale_ = p[0];
  alpha_ = p[1];
  set_shapes(scale_.shape());
}
Constraint Pareto::support() const {
  return {"numbers >= scale", 0, [low = scale_.detach()](const Tensor& x) { return x >= low; }};
}
Tensor Pareto::draw(const Shape& shape, Generator& generator) const {
  return scale_ * exp(detail::exponential_noise(shape, scale_, generator) / alpha_);
}
Tensor Pareto::log_prob_at(const Tensor& x) const { return log(alpha_ / x) - alpha_ * log(x / scale_); }
Tensor Pareto::cdf_at(const Tensor& x) const {
  const Tensor inside = ~(x <= scale_);  // NaN is
  return where(inside, -expm1(-alpha_ * log(where(inside, x, scale_) / scale_)), 0.0);
}
Tensor Pareto::icdf_at(const Tensor& p) const { return scale_ * exp(-log1p(-p) / alpha_); }
Tensor Pareto::entropy() const { return log(scale_ / alpha_) + 1.0 + reciprocal(alpha_); }
Tensor Pareto::mean() const {
  const Tensor finite = alpha_ > 1;
  const Tensor a = where(finite, alpha_, 2.0);
  return where(finite, a * scale_ / (a - 1.0), infinite);
}
Tensor Pareto::variance() const {
  const Tensor finite = alpha_ > 2;
  const Tensor a = where(finite, alpha_, 3.0);
  return where(finite, square(scale_ / (a - 1.0)) * a / (a - 2.0), infinite);
}
Tensor Pareto::mode() const { return scale_; }

// --- Weibull ---

Weibull::Weibull(In scale, In concentration) : Distribution("Weibull") {
  auto p = positive_parameters("Weibull", {"scale", "concentration"}, {scale, concentration});
  scale_ = p[0];
  concentration_ = p[1];
  set_shapes(scale_.shape());
}
Constraint Weibull::support() const { return constraints::positive(); }
Tensor Weibull::draw(const Shape& shape, Generator& generator) const {
  return scale_ * pow(detail::exponential_noise(shape, scale_, generator), reciprocal(concentration_));
}
Tensor Weibull::log_prob_at(const Tensor& x) const {
  const Tensor z = log(x / scale_);
  return log(concentration_ / x) + concentration_ * z - exp(concentration_ * z);
}
Tensor Weibull::cdf_at(const Tensor& x) const {
  const Tensor inside = ~(x <= 0);  // NaN is
  return where(inside, -expm1(-pow(where(inside, x, 1.0) / scale_, concentration_)), 0.0);
}
Tensor Weibull::icdf_at(const Tensor& p) const { return scale_ * pow(-log1p(-p), reciprocal(concentration_)); }
Tensor Weibull::entropy() const {
  return std::numbers::egamma * (1.0 - reciprocal(concentration_)) + log(scale_ / concentration_) + 1.0;
}
Tensor Weibull::mean() const { return scale_ * exp(lgamma(1.0 + reciprocal(concentration_))); }
Tensor Weibull::variance() const {
  const Tensor r = reciprocal(concentration_);
  const Tensor g = lgamma(1.0 + r);  // the difference of G(1 + 2 r) and G(1 + r)^2 is small for large concentrations
  return square(scale_ * exp(g)) * expm1(lgamma(1.0 + 2.0 * r) - 2.0 * g);
}
Tensor Weibull::mode() const {
  const Tensor inside = concentration_ > 1;
  const Tensor k = where(inside, concentration_, 2.0);
  return where(inside, scale_ * pow((k - 1.0) / k, reciprocal(k)), 0.0);
}

// --- HalfCauchy ---

HalfCauchy::HalfCauchy(In scale) : Distribution("HalfCauchy") {
  scale_ = positive_parameters("HalfCauchy", {"scale"}, {scale})[0];
  set_shapes(scale_.shape());
}
Constraint HalfCauchy::support() const { return constraints::nonnegative(); }
Tensor HalfCauchy::draw(const Shape& shape, Generator& generator) const {
  return icdf_at(detail::uniform_noise(shape, scale_, generator));
}
Tensor HalfCauchy::log_prob_at(const Tensor& x) const {
  return std::log(2 / std::numbers::pi) - log(scale_) - detail::log1p_square(x / scale_);
}
Tensor HalfCauchy::cdf_at(const Tensor& x) const { return 2 / std::numbers::pi * atan(clip(x, 0.0) / scale_); }
Tensor HalfCauchy::icdf_at(const Tensor& p) const {
  // From the other end for p > 1/2: in f32 the half of pi is rounded up, where the tangent is negative.
  const Tensor low = p <= 0.5;
  const Tensor near = tan(std::numbers::pi / 2 * where(low, p, 0.5));
  return scale_ * where(low, near, 1.0 / tan(std::numbers::pi / 2 * (1.0 - where(low, 0.5, p))));
}
Tensor HalfCauchy::entropy() const { return log(2 * std::numbers::pi * scale_); }
Tensor HalfCauchy::mean() const { return constant(infinite); }
Tensor HalfCauchy::variance() const { return constant(infinite); }
Tensor HalfCauchy::mode() const { return constant(0); }

// --- FisherSnedecor ---

FisherSnedecor::FisherSnedecor(In df1, In df2) : Distribution("FisherSnedecor") {
  auto p = positive_parameters("FisherSnedecor", {"df1", "df2"}, {df1, df2});
  df1_ = p[0];
  df2_ = p[1];
  set_shapes(df1_.shape());
}
Constraint FisherSnedecor::support() const { return constraints::positive(); }
Tensor FisherSnedecor::draw(const Shape& shape, Generator& generator) const {
  const auto half = [&](const Tensor& df) {
    return log_standard_gamma(df.shape() == shape ? 0.5 * df : expand(0.5 * df, shape), generator);
  };
  const Tensor above = half(df1_);
  return exp(above - half(df2_)) * (df2_ / df1_);
}
Tensor FisherSnedecor::log_prob_at(const Tensor& x) const {
  const Tensor a = 0.5 * df1_, b = 0.5 * df2_, y = df1_ / df2_ * x;
  return a * log(y) - log(x) - (a + b) * log1p(y) - detail::lbeta(a, b);
}
Tensor FisherSnedecor::cdf_at(const Tensor& x) const {
  const Tensor inside = ~(x <= 0);  // NaN is
  const Tensor y = df1_ / df2_ * where(inside, x, 1.0);
  const Tensor share = where(y < 1, y / (1.0 + y), 1.0 / (1.0 + 1.0 / y));  // y may overflow
  return where(inside, betainc(0.5 * df1_, 0.5 * df2_, share), 0.0);
}
Tensor FisherSnedecor::icdf_at(const Tensor& p) const {
  // From whichever of y and 1 - y is small, which has its digits.
  const Tensor low = p < 0.5;
  const Tensor y = betaincinv(0.5 * df1_, 0.5 * df2_, where(low, p, 0.5));
  const Tensor rest = betaincinv(0.5 * df2_, 0.5 * df1_, where(low, 0.5, 1.0 - p));
  return df2_ / df1_ * where(low, y / (1.0 - y), (1.0 - rest) / rest);
}
Tensor FisherSnedecor::entropy() const {
  // Of the ratio of two gamma variables, and of the factor df2 / df1.
  const Tensor a = 0.5 * df1_, b = 0.5 * df2_;
  return log(df2_ / df1_) + detail::lbeta(a, b) - (a - 1.0) * digamma(a) - (b + 1.0) * digamma(b) +
         (a + b) * digamma(a + b);
}
Tensor FisherSnedecor::mean() const {
  const Tensor finite = df2_ > 2;
  const Tensor d = where(finite, df2_, 3.0);
  return where(finite, d / (d - 2.0), infinite);
}
Tensor FisherSnedecor::variance() const {
  const Tensor finite = df2_ > 4;
  const Tensor d = where(finite, df2_, 5.0);
  const Tensor value = 2.0 * square(d / (d - 2.0)) * (df1_ + d - 2.0) / (df1_ * (d - 4.0));
  return where(finite, value, where(df2_ > 2, constant(infinite), detail::nan_like(df2_)));
}
Tensor FisherSnedecor::mode() const {
  const Tensor inside = df1_ > 2;
  return where(inside, (df1_ - 2.0) / df1_ * df2_ / (df2_ + 2.0), 0.0);
}

}  // namespace newtape::distributions
