// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/normal.hpp>

#include <cmath>
#include <numbers>
#include <utility>

namespace newtape::distributions {

namespace {

const double half_log_2pi = 0.5 * std::log(2 * std::numbers::pi);

Tensor normal_log_prob(const Tensor& z, const Tensor& scale) { return -0.5 * square(z) - log(scale) - half_log_2pi; }

}  // namespace

// --- Normal ---

Normal::Normal(In loc, In scale)
    : LocationScale("Normal", std::move(loc), std::move(scale),
                    {.entropy = 0.5 + half_log_2pi, .mean = 0, .variance = 1}) {}
Tensor Normal::noise(const Shape& shape, Generator& generator) const {
  return detail::normal_noise(shape, loc(), generator);
}
Tensor Normal::standard_log_prob(const Tensor& z) const { return -0.5 * square(z) - half_log_2pi; }
Tensor Normal::standard_cdf(const Tensor& z) const { return ndtr(z); }
Tensor Normal::standard_icdf(const Tensor& p) const { return ndtri(p); }

// --- LogNormal ---

LogNormal::LogNormal(In loc, In scale) : Distribution("LogNormal") {
  auto p = detail::parameters("LogNormal", {loc, scale});
  detail::expect("LogNormal", "scale", p[1], constraints::positive());
  loc_ = p[0];
  scale_ = p[1];
  set_shapes(loc_.shape());
}
Constraint LogNormal::support() const { return constraints::positive(); }
Tensor LogNormal::draw(const Shape& shape, Generator& generator) const {
  return exp(loc_ + scale_ * detail::normal_noise(shape, loc_, generator));
}
Tensor LogNormal::log_prob_at(const Tensor& x) const {
  const Tensor y = log(x);
  return normal_log_prob((y - loc_) / scale_, scale_) - y;
}
Tensor LogNormal::cdf_at(const Tensor& x) const {
  return where(x > 0, ndtr((log(where(x > 0, x, 1.0)) - loc_) / scale_), 0.0);
}
Tensor LogNormal::icdf_at(const Tensor& p) const { return exp(loc_ + scale_ * ndtri(p)); }
Tensor LogNormal::entropy() const { return 0.5 + half_log_2pi + log(scale_) + loc_; }
Tensor LogNormal::mean() const { return exp(loc_ + 0.5 * square(scale_)); }
Tensor LogNormal::variance() const { return expm1(square(scale_)) * exp(2.0 * loc_ + square(scale_)); }
Tensor LogNormal::mode() const { return exp(loc_ - square(scale_)); }

// --- HalfNormal ---

HalfNormal::HalfNormal(In scale) : Distribution("HalfNormal") {
  scale_ = detail::parameters("HalfNormal", {scale})[0];
  detail::expect("HalfNormal", "scale", scale_, constraints::positive());
  set_shapes(scale_.shape());
}
Constraint HalfNormal::support() const { return constraints::nonnegative(); }
Tensor HalfNormal::draw(const Shape& shape, Generator& generator) const {
  return scale_ * abs(detail::normal_noise(shape, scale_, generator));
}
Tensor HalfNormal::log_prob_at(const Tensor& x) const {
  return normal_log_prob(x / scale_, scale_) + std::numbers::ln2;
}
Tensor HalfNormal::cdf_at(const Tensor& x) const { return erf(clip(x, 0.0) / scale_ * (1 / std::numbers::sqrt2)); }
Tensor HalfNormal::icdf_at(const Tensor& p) const { return scale_ * std::numbers::sqrt2 * erfinv(p); }
Tensor HalfNormal::entropy() const { return log(scale_) + 0.5 + 0.5 * std::log(std::numbers::pi / 2); }
Tensor HalfNormal::mean() const { return scale_ * std::sqrt(2 / std::numbers::pi); }
Tensor HalfNormal::variance() const { return square(scale_) * (1 - 2 / std::numbers::pi); }
Tensor HalfNormal::mode() const { return constant(0); }

}  // namespace newtape::distributions
