// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/runtime/random_distributions.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/location_scale.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace newtape::distributions {

using std::numbers::pi;

// --- Uniform ---

Uniform::Uniform(In low, In high) : Distribution("Uniform") {
  auto p = detail::parameters("Uniform", {low, high});
  detail::expect("Uniform", "high - low", p[1] - p[0], constraints::positive());
  low_ = p[0];
  high_ = p[1];
  set_shapes(low_.shape());
}
Constraint Uniform::support() const { return constraints::interval(low_, high_); }
Tensor Uniform::draw(const Shape& shape, Generator& generator) const {
  return low_ + (high_ - low_) * detail::uniform_noise(shape, low_, generator);
}
Tensor Uniform::log_prob_at(const Tensor& x) const { return -log(high_ - low_) + full_like(x.detach(), 0); }
Tensor Uniform::cdf_at(const Tensor& x) const { return clip((x - low_) / (high_ - low_), 0.0, 1.0); }
Tensor Uniform::icdf_at(const Tensor& p) const { return low_ + (high_ - low_) * p; }
Tensor Uniform::entropy() const { return log(high_ - low_); }
Tensor Uniform::mean() const { return 0.5 * (low_ + high_); }
Tensor Uniform::variance() const { return square(high_ - low_) / 12.0; }

// --- Laplace ---

Laplace::Laplace(In loc, In scale) : Distribution("Laplace") {
  auto p = detail::parameters("Laplace", {loc, scale});
  detail::expect("Laplace", "scale", p[1], constraints::positive());
  loc_ = p[0];
  scale_ = p[1];
  set_shapes(loc_.shape());
}
Constraint Laplace::support() const { return constraints::real(); }
Tensor Laplace::draw(const Shape& shape, Generator& generator) const {
  const Tensor size = detail::exponential_noise(shape, loc_, generator);
  return loc_ + scale_ * (size * Tensor(random::rademacher(shape, loc_.dtype(), generator)));
}
Tensor Laplace::log_prob_at(const Tensor& x) const { return -abs(x - loc_) / scale_ - log(2.0 * scale_); }
Tensor Laplace::cdf_at(const Tensor& x) const {
  const Tensor z = (x - loc_) / scale_;
  return where(z < 0, 0.5 * exp(where(z < 0, z, 0.0)), 1.0 - 0.5 * exp(where(z < 0, 0.0, -z)));
}
Tensor Laplace::icdf_at(const Tensor& p) const {
  return loc_ + scale_ * where(p < 0.5, log(2.0 * p), -log(2.0 * (1.0 - p)));
}
Tensor Laplace::entropy() const { return 1.0 + log(2.0 * scale_); }
Tensor Laplace::mean() const { return loc_; }
Tensor Laplace::variance() const { return 2.0 * square(scale_); }
Tensor Laplace::mode() const { return loc_; }

// --- Cauchy ---

Cauchy::Cauchy(In loc, In scale) : Distribution("Cauchy") {
  auto p = detail::parameters("Cauchy", {loc, scale});
  detail::expect("Cauchy", "scale", p[1], constraints::positive());
  loc_ = p[0];
  scale_ = p[1];
  set_shapes(loc_.shape());
}
Constraint Cauchy::support() const { return constraints::real(); }
Tensor Cauchy::draw(const Shape& shape, Generator& generator) const {
  return loc_ + scale_ * tan(pi * (detail::uniform_noise(shape, loc_, generator) - 0.5));
}
Tensor Cauchy::log_prob_at(const Tensor& x) const {
  return -log1p(square((x - loc_) / scale_)) - log(scale_) - std::log(pi);
}
Tensor Cauchy::cdf_at(const Tensor& x) const { return 0.5 + atan((x - loc_) / scale_) * (1 / pi); }
Tensor Cauchy::icdf_at(const Tensor& p) const { return loc_ + scale_ * tan(pi * (p - 0.5)); }
Tensor Cauchy::entropy() const { return log(scale_) + std::log(4 * pi); }
Tensor Cauchy::mean() const { return detail::nan_like(loc_); }
Tensor Cauchy::variance() const { return constant(std::numeric_limits<double>::infinity()); }
Tensor Cauchy::mode() const { return loc_; }

// --- Gumbel ---

Gumbel::Gumbel(In loc, In scale) : Distribution("Gumbel") {
  auto p = detail::parameters("Gumbel", {loc, scale});
  detail::expect("Gumbel", "scale", p[1], constraints::positive());
  loc_ = p[0];
  scale_ = p[1];
  set_shapes(loc_.shape());
}
Constraint Gumbel::support() const { return constraints::real(); }
Tensor Gumbel::draw(const Shape& shape, Generator& generator) const {
  return loc_ - scale_ * log(detail::exponential_noise(shape, loc_, generator));
}
Tensor Gumbel::log_prob_at(const Tensor& x) const {
  const Tensor z = (x - loc_) / scale_;
  return -z - exp(-z) - log(scale_);
}
Tensor Gumbel::cdf_at(const Tensor& x) const { return exp(-exp((loc_ - x) / scale_)); }
Tensor Gumbel::icdf_at(const Tensor& p) const { return loc_ - scale_ * log(-log(p)); }
Tensor Gumbel::entropy() const { return log(scale_) + (1 + std::numbers::egamma); }
Tensor Gumbel::mean() const { return loc_ + std::numbers::egamma * scale_; }
Tensor Gumbel::variance() const { return pi * pi / 6 * square(scale_); }
Tensor Gumbel::mode() const { return loc_; }

// --- VonMises ---

VonMises::VonMises(In loc, In concentration) : Distribution("VonMises") {
  auto p = detail::parameters("VonMises", {loc, concentration});
  detail::expect("VonMises", "concentration", p[1], constraints::positive());
  loc_ = p[0];
  concentration_ = p[1];
  set_shapes(loc_.shape());
}
Constraint VonMises::support() const { return constraints::real(); }
Tensor VonMises::draw(const Shape& shape, Generator& generator) const {
  const Tensor angle = loc_ + Tensor(random::von_mises(detail::repeated(concentration_, shape), generator));
  return remainder(angle + pi, 2 * pi) - pi;
}
Tensor VonMises::log_prob_at(const Tensor& x) const {
  // cos(d) - 1 = -2 sin(d / 2)^2
  const Tensor s = sin(0.5 * (x - loc_));
  return -2.0 * concentration_ * square(s) - log(i0e(concentration_)) - std::log(2 * pi);
}
Tensor VonMises::entropy() const { return log(i0e(concentration_)) + std::log(2 * pi) + concentration_ * variance(); }
Tensor VonMises::mean() const { return loc_; }
Tensor VonMises::variance() const { return 1.0 - i1e(concentration_) / i0e(concentration_); }
Tensor VonMises::mode() const { return loc_; }

}  // namespace newtape::distributions
