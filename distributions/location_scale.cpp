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
#include <utility>

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

// --- LocationScale ---

LocationScale::LocationScale(const char* name, In loc, In scale, const Moments& moments)
    : Distribution(name), moments_(moments) {
  auto p = detail::parameters(name, {std::move(loc), std::move(scale)});
  detail::expect(name, "scale", p[1], constraints::positive());
  loc_ = p[0];
  scale_ = p[1];
  set_shapes(loc_.shape());
}
Constraint LocationScale::support() const { return constraints::real(); }
Tensor LocationScale::draw(const Shape& shape, Generator& generator) const {
  return loc_ + scale_ * noise(shape, generator);
}
Tensor LocationScale::log_prob_at(const Tensor& x) const {
  return standard_log_prob((x - loc_) / scale_) - log(scale_);
}
Tensor LocationScale::cdf_at(const Tensor& x) const { return standard_cdf((x - loc_) / scale_); }
Tensor LocationScale::icdf_at(const Tensor& p) const { return loc_ + scale_ * standard_icdf(p); }
Tensor LocationScale::entropy() const { return log(scale_) + moments_.entropy; }
Tensor LocationScale::mean() const { return moments_.mean == 0 ? loc_ : loc_ + moments_.mean * scale_; }
Tensor LocationScale::variance() const { return moments_.variance * square(scale_); }
Tensor LocationScale::mode() const { return moments_.mode == 0 ? loc_ : loc_ + moments_.mode * scale_; }

// --- Laplace ---

Laplace::Laplace(In loc, In scale)
    : LocationScale("Laplace", std::move(loc), std::move(scale),
                    {.entropy = 1 + std::numbers::ln2, .mean = 0, .variance = 2}) {}
Tensor Laplace::noise(const Shape& shape, Generator& generator) const {
  const Tensor size = detail::exponential_noise(shape, loc(), generator);
  return size * Tensor(random::rademacher(shape, dtype(), generator));
}
Tensor Laplace::standard_log_prob(const Tensor& z) const { return -abs(z) - std::numbers::ln2; }
Tensor Laplace::standard_cdf(const Tensor& z) const {
  return where(z < 0, 0.5 * exp(where(z < 0, z, 0.0)), 1.0 - 0.5 * exp(where(z < 0, 0.0, -z)));
}
Tensor Laplace::standard_icdf(const Tensor& p) const { return where(p < 0.5, log(2.0 * p), -log(2.0 * (1.0 - p))); }

// --- Cauchy ---

Cauchy::Cauchy(In loc, In scale)
    : LocationScale("Cauchy", std::move(loc), std::move(scale),
                    {.entropy = std::log(4 * pi),
                     .mean = std::numeric_limits<double>::quiet_NaN(),
                     .variance = std::numeric_limits<double>::infinity()}) {}
Tensor Cauchy::noise(const Shape& shape, Generator& generator) const {
  return tan(pi * (detail::uniform_noise(shape, loc(), generator) - 0.5));
}
Tensor Cauchy::standard_log_prob(const Tensor& z) const { return -detail::log1p_square(z) - std::log(pi); }
// The angle between (-z, 1) and the first axis, which does not cancel in the tails, as 1 / 2 + atan(z) / pi does.
Tensor Cauchy::standard_cdf(const Tensor& z) const {
  const Tensor is_tail = abs(z) > 1.0;
  return where(is_tail, atan2(1.0, -z) * (1 / pi), 0.5 + atan(where(is_tail, 0.0, z)) * (1 / pi));
}
Tensor Cauchy::standard_icdf(const Tensor& p) const {
  const Tensor tail = minimum(p, 1.0 - p);
  const Tensor is_tail = tail < 0.25;
  const Tensor far = 1.0 / tan(pi * where(is_tail, tail, 0.25));
  return where(is_tail, where(p < 0.5, -far, far), tan(pi * (where(is_tail, 0.5, p) - 0.5)));
}

// --- Gumbel ---

Gumbel::Gumbel(In loc, In scale)
    : LocationScale("Gumbel", std::move(loc), std::move(scale),
                    {.entropy = 1 + std::numbers::egamma, .mean = std::numbers::egamma, .variance = pi * pi / 6}) {}
Tensor Gumbel::noise(const Shape& shape, Generator& generator) const {
  return -log(detail::exponential_noise(shape, loc(), generator));
}
Tensor Gumbel::standard_log_prob(const Tensor& z) const { return -z - exp(-z); }
Tensor Gumbel::standard_cdf(const Tensor& z) const { return exp(-exp(-z)); }
Tensor Gumbel::standard_icdf(const Tensor& p) const { return -log(-log(p)); }

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
