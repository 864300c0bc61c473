// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/distributions/detail/parts.hpp>
#include <newtape/distributions/normal.hpp>
#include <newtape/distributions/unit_interval.hpp>

#include <cmath>
#include <memory>
#include <numbers>
#include <utility>

namespace newtape::distributions {

namespace {
Constraint open_interval() {
  return {"numbers in (0, 1)", 0, [](const Tensor& x) { return (x > 0) & (x < 1); }};
}
}  // namespace

// --- Kumaraswamy ---

Kumaraswamy::Kumaraswamy(In concentration1, In concentration0) : Distribution("Kumaraswamy") {
  auto p = detail::parameters("Kumaraswamy", {concentration1, concentration0});
  detail::expect("Kumaraswamy", "concentration1", p[0], constraints::positive());
  detail::expect("Kumaraswamy", "concentration0", p[1], constraints::positive());
  concentration1_ = p[0];
  concentration0_ = p[1];
  set_shapes(p[0].shape());
}
Constraint Kumaraswamy::support() const { return constraints::unit_interval(); }
Tensor Kumaraswamy::draw(const Shape& shape, Generator& generator) const {
  const Tensor e = detail::exponential_noise(shape, concentration1_, generator);
  return exp(log(-expm1(-e / concentration0_)) / concentration1_);
}
Tensor Kumaraswamy::log_prob_at(const Tensor& x) const {
  const Tensor& a = concentration1_;
  const Tensor& b = concentration0_;
  return log(a * b) + xlogy(a - 1.0, x) + xlog1py(b - 1.0, -pow(x, a));
}
Tensor Kumaraswamy::cdf_at(const Tensor& x) const {
  const Tensor inside = (x > 0) & (x < 1);
  const Tensor value = -expm1(concentration0_ * log1p(-pow(where(inside, x, 0.5), concentration1_)));
  return where(inside, value, clip(floor(x), 0.0, 1.0));
}
Tensor Kumaraswamy::icdf_at(const Tensor& p) const {
  return exp(log(-expm1(log1p(-p) / concentration0_)) / concentration1_);
}
namespace {
/// E[x^n] = b B(1 + n / a, b).
Tensor kumaraswamy_moment(const Tensor& a, const Tensor& b, double n) {
  return exp(log(b) + detail::lbeta(1.0 + n / a, b));
}
}  // namespace
Tensor Kumaraswamy::entropy() const {
  const Tensor harmonic = digamma(concentration0_ + 1.0) + std::numbers::egamma;
  return 1.0 - reciprocal(concentration0_) + (1.0 - reciprocal(concentration1_)) * harmonic -
         log(concentration1_ * concentration0_);
}
Tensor Kumaraswamy::mean() const { return kumaraswamy_moment(concentration1_, concentration0_, 1); }
Tensor Kumaraswamy::variance() const {
  return kumaraswamy_moment(concentration1_, concentration0_, 2) - square(mean());
}
Tensor Kumaraswamy::mode() const {
  const Tensor inside = (concentration1_ >= 1) & (concentration0_ >= 1) & (concentration1_ * concentration0_ > 1);
  const Tensor a = where(inside, concentration1_, 2.0), b = where(inside, concentration0_, 2.0);
  return where(inside, pow((a - 1.0) / (a * b - 1.0), reciprocal(a)), detail::nan_like(concentration1_));
}

// --- ContinuousBernoulli: the density is exp(t x) t / (exp(t) - 1) for the logit t ---

namespace {

/// log(sinh(h) / h), by its series to h^20 for |h| < 1/2, elsewhere without overflow, and its first two derivatives.
struct LogSinhc {
  static constexpr double coefficients[] = {1.0 / 6,
                                            -1.0 / 180,
                                            1.0 / 2835,
                                            -1.0 / 37800,
                                            1.0 / 467775,
                                            -691.0 / 3831077250,
                                            2.0 / 127702575,
                                            -3617.0 / 2605132530000,
                                            43867.0 / 350813659321125,
                                            -174611.0 / 15313294652906250};
  Tensor near, h, small, size;

  explicit LogSinhc(const Tensor& of)
      : near(abs(of.detach()) < 0.5), h(of), small(where(near, of, 0.0)), size(where(near, 1.0, abs(of))) {}

  /// The sum over n of factor(2 n) c_n h^(2 n - order).
  template <class Factor>
  Tensor series(const Factor& factor, int order) const {
    const Tensor s = square(small);
    Tensor total = full_like(small.detach(), 0);
    for (int n = 10; n >= 1; --n) total = total * s + factor(2.0 * n) * coefficients[n - 1];
    return order == 0 ? total * s : order == 1 ? total * small : total;
  }
  Tensor value() const {
    const Tensor far = size + log(-expm1(-2.0 * size)) - log(2.0 * size);
    return where(near, series([](double) { return 1.0; }, 0), far);
  }
  Tensor slope() const {
    const Tensor far = 1.0 / tanh(size) - 1.0 / size;
    return where(near, series([](double k) { return k; }, 1), where(h < 0, -far, far));
  }
  Tensor curvature() const {
    const Tensor e = exp(-size);  // 1 / sinh = 2 e / (1 - e^2)
    const Tensor far = square(1.0 / size) - square(2.0 * e / -expm1(-2.0 * size));
    return where(near, series([](double k) { return k * (k - 1); }, 2), far);
  }
};
/// log of the integral of exp(t x) over [0, 1].
Tensor log_normalizer(const Tensor& t) { return 0.5 * t + LogSinhc(0.5 * t).value(); }

}  // namespace

ContinuousBernoulli::ContinuousBernoulli(In probs) : Distribution("ContinuousBernoulli") {
  probs_ = detail::parameters("ContinuousBernoulli", {probs})[0];
  detail::expect("ContinuousBernoulli", "probs", probs_, open_interval());
  logits_ = logit(probs_);
  set_shapes(probs_.shape());
}
Constraint ContinuousBernoulli::support() const { return constraints::unit_interval(); }
Tensor ContinuousBernoulli::draw(const Shape& shape, Generator& generator) const {
  return icdf_at(detail::uniform_noise(shape, probs_, generator));
}
Tensor ContinuousBernoulli::log_prob_at(const Tensor& x) const { return logits_ * x - log_normalizer(logits_); }
Tensor ContinuousBernoulli::cdf_at(const Tensor& value) const {
  const Tensor x = clip(value, 0.0, 1.0);
  return x * exp(log_normalizer(logits_ * x) - log_normalizer(logits_));
}
Tensor ContinuousBernoulli::icdf_at(const Tensor& p) const {
  // log(1 + p (exp(t) - 1)) / t; near 0 its series, whose terms are the cumulants of Bernoulli(p). For t > 0 from above.
  const Tensor near = abs(logits_.detach()) < 1e-3;
  const Tensor t = where(near, logits_, 0.0), q = p * (1.0 - p);
  const Tensor series = p + t * q * (0.5 + t * ((1.0 - 2.0 * p) / 6.0 + t * (1.0 - 6.0 * q) / 24.0));
  const Tensor size = where(near, 1.0, abs(logits_));
  const Tensor rising = logits_ > 0;
  const Tensor y = -log1p(where(rising, 1.0 - p, p) * expm1(-size)) / size;
  return where(near, series, where(rising, 1.0 - where(y > 1.0, 1.0, y), y));  // y may round to more than 1
}
Tensor ContinuousBernoulli::entropy() const { return log_normalizer(logits_) - logits_ * mean(); }
Tensor ContinuousBernoulli::mean() const { return 0.5 + 0.5 * LogSinhc(0.5 * logits_).slope(); }
Tensor ContinuousBernoulli::variance() const { return 0.25 * LogSinhc(0.5 * logits_).curvature(); }

// --- RelaxedBernoulli: the sigmoid of a logistic variable of mean logits / temperature and scale 1 / temperature ---

RelaxedBernoulli::RelaxedBernoulli(In temperature, In probs) : Distribution("RelaxedBernoulli") {
  auto p = detail::parameters("RelaxedBernoulli", {temperature, probs});
  detail::expect("RelaxedBernoulli", "temperature", p[0], constraints::positive());
  detail::expect("RelaxedBernoulli", "probs", p[1], open_interval());
  temperature_ = p[0];
  probs_ = p[1];
  logits_ = logit(probs_);
  set_shapes(probs_.shape());
}
Constraint RelaxedBernoulli::support() const { return open_interval(); }
Tensor RelaxedBernoulli::draw(const Shape& shape, Generator& generator) const {
  const Tensor e = detail::exponential_noise(shape, probs_, generator);
  const Tensor x = sigmoid((logits_ + log(e / detail::exponential_noise(shape, probs_, generator))) / temperature_);
  const double least = epsilon(dtype()) / 2;  // the ends, to which draws may round, are not in the support
  return clip(x, least, 1 - least);
}
Tensor RelaxedBernoulli::log_prob_at(const Tensor& x) const {
  const Tensor distance = temperature_ * logit(x) - logits_;
  return log(temperature_) - softplus(distance) - softplus(-distance) - log(x) - log1p(-x);
}
Tensor RelaxedBernoulli::cdf_at(const Tensor& x) const {
  const Tensor inside = (x > 0) & (x < 1);
  return where(inside, sigmoid(temperature_ * logit(where(inside, x, 0.5)) - logits_), clip(floor(x), 0.0, 1.0));
}
Tensor RelaxedBernoulli::icdf_at(const Tensor& p) const { return sigmoid((logits_ + logit(p)) / temperature_); }

// --- RelaxedOneHotCategorical ---

RelaxedOneHotCategorical::RelaxedOneHotCategorical(In temperature, In probs)
    : Distribution("RelaxedOneHotCategorical"), indices_(probs) {
  temperature_ =
      temperature.is_number() ? full_like(zeros({}, indices_.dtype()), temperature.number()) : temperature.tensor();
  if (temperature_.ndim() != 0) {
    raise<ShapeError>("RelaxedOneHotCategorical: the temperature is one number", "[]", to_string(temperature_.shape()));
  }
  detail::expect("RelaxedOneHotCategorical", "temperature", temperature_, constraints::positive());
  detail::expect("RelaxedOneHotCategorical", "probs", indices_.probs(), constraints::positive());
  set_shapes(indices_.batch_shape(), {indices_.num_events()});
}
Constraint RelaxedOneHotCategorical::support() const { return constraints::simplex(); }
Tensor RelaxedOneHotCategorical::draw(const Shape& shape, Generator& generator) const {
  const Tensor gumbel = -log(detail::exponential_noise(shape, probs(), generator));
  return softmax((logits() + gumbel) / temperature_, -1);
}
Tensor RelaxedOneHotCategorical::log_prob_at(const Tensor& x) const {
  const auto k = static_cast<double>(indices_.num_events());
  const Tensor logs = log(x);
  const Tensor score = logits() - temperature_ * logs;
  return std::lgamma(k) + (k - 1) * log(temperature_) + sum(score - logs, -1) - k * logsumexp(score, -1);
}

// --- LogisticNormal ---

namespace {
Normal normal_of(const In& loc, const In& scale) {
  Normal base(loc, scale);
  if (base.batch_shape().empty())
    raise<ShapeError>("LogisticNormal: the parameters must have an axis", "[.., k]", "[]");
  return base;
}
}  // namespace
LogisticNormal::LogisticNormal(In loc, In scale)
    : TransformedDistribution("LogisticNormal", share(normal_of(loc, scale)),
                              {std::make_shared<const StickBreakingTransform>()}) {}

}  // namespace newtape::distributions
