// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/metrics/labels.hpp>
#include <newtape/inspect/metrics/regression.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::inspect {

void MeanSquaredError::update(const ArrayLike& predicted, const ArrayLike& target) {
  detail::expect_same_shape("MeanSquaredError", predicted, target);
  const Array p = detail::metric_values(predicted);
  const Array t = detail::metric_values(target);
  for (std::int64_t i = 0; i < p.size(); ++i) {
    const double off = p.data<double>()[i] - t.data<double>()[i];
    squares_.add(off * off);
  }
}

void MeanAbsoluteError::update(const ArrayLike& predicted, const ArrayLike& target) {
  detail::expect_same_shape("MeanAbsoluteError", predicted, target);
  const Array p = detail::metric_values(predicted);
  const Array t = detail::metric_values(target);
  for (std::int64_t i = 0; i < p.size(); ++i) errors_.add(std::abs(p.data<double>()[i] - t.data<double>()[i]));
}

/// The same sums of t + by: the binomial theorem.
R2::Sums R2::Sums::shifted(double by) const noexcept {
  const double b2 = by * by;
  Sums s = *this;
  s.t = t + n * by;
  s.tt = tt + 2 * by * t + n * b2;
  s.ttt = ttt + 3 * by * tt + 3 * b2 * t + n * b2 * by;
  s.tttt = tttt + 4 * by * ttt + 6 * b2 * tt + 4 * b2 * by * t + n * b2 * b2;
  s.et = et + by * e;
  s.ett = ett + 2 * by * et + b2 * e;
  return s;
}

void R2::Sums::add(const Sums& o) noexcept {
  n += o.n, e += o.e, ee += o.ee, t += o.t, tt += o.tt, ttt += o.ttt, tttt += o.tttt, et += o.et, ett += o.ett;
}

void R2::update(const ArrayLike& predicted, const ArrayLike& target) {
  detail::expect_same_shape("R2", predicted, target);
  const Array p = detail::metric_values(predicted);
  const Array y = detail::metric_values(target);
  if (sums_.n == 0) {
    RunningMean first;
    for (std::int64_t i = 0; i < y.size(); ++i) first.add(y.data<double>()[i]);
    shift_ = first.mean();
  }
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const double off = y.data<double>()[i] - p.data<double>()[i];
    const double e = off * off;
    const double t = y.data<double>()[i] - shift_;
    const double tt = t * t;
    sums_.add({1, e, e * e, t, tt, tt * t, tt * tt, e * t, e * tt});
  }
}

void R2::merge(const R2& other) noexcept {
  if (sums_.n == 0) shift_ = other.shift_;
  sums_.add(other.sums_.shifted(other.shift_ - shift_));
}

Estimate R2::compute(double confidence) const {
  const double z = detail::two_sided_z(confidence);
  if (sums_.n < 2) return {};
  const Sums s = sums_.shifted(-sums_.t / sums_.n);
  const double error = s.e / s.n;
  const double variance = s.tt / s.n;
  if (!(variance > 0)) return {};
  const double ratio = error / variance;
  // The influence of an example on the ratio is (e - ratio t^2) / variance: its mean is 0, and that of t itself none.
  const double spread = (s.ee - 2 * ratio * s.ett + ratio * ratio * s.tttt) / s.n / (variance * variance);
  const double half = z * std::sqrt(std::max(0.0, spread) / s.n);
  return {1 - ratio, 1 - ratio - half, std::min(1.0, 1 - ratio + half), static_cast<std::int64_t>(s.n)};
}

}  // namespace newtape::inspect
