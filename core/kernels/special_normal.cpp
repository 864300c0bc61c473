// SPDX-License-Identifier: BSD-3-Clause
// erfcx, log_ndtr and their derivatives, ndtri.
#include <newtape/core/kernels/special.hpp>
#include <newtape/core/kernels/special_scalar.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace newtape::core::kernels::special {
namespace {

/// exp(factor z^2) for |factor| <= 1, with the rounding error of z^2.
double exp_of_square(double z, double factor) {
  const double square = z * z;
  if (std::isinf(square)) return factor > 0 ? infinity : 0;
  return std::exp(factor * square) * (1 + factor * std::fma(z, z, -square));
}

/// The n-th derivative of exp(z^2) erfc(z): (-2)^n n! a_n(z), where a_n = exp(z^2) i^n erfc(z) of the repeated integrals
/// of erfc, a_(n-2) = 2 n a_n + 2 z a_(n-1) (Abramowitz and Stegun 7.2.5), a_(-1) = 2 / sqrt(pi).
class Erfcx {
 public:
  explicit Erfcx(int n) : n_(n), factor_(std::tgamma(n + 1.0) * std::ldexp(n % 2 != 0 ? -1.0 : 1.0, n)) {}
  double operator()(double z) const {
    if (std::isnan(z)) return z;
    // For z > 0 the a_n are the minimal solution, which backward recurrence gives (Gautschi 1961).
    return factor_ * (z < (n_ == 0 ? 5 : 0.7) ? forward(z) : backward(z));
  }

 private:
  static constexpr double first = 2 * std::numbers::inv_sqrtpi;

  double forward(double z) const {
    double before = first;
    double a = exp_of_square(z, 1) * std::erfc(z);
    for (int k = 1; k <= n_ && std::isfinite(a); ++k) {
      const double next = (before / 2 - z * a) / k;
      before = a;
      a = next;
    }
    return a;
  }
  double backward(double z) const {
    // Ratios r_k = a_k / a_(k-1).
    double ratio = 0;
    double a = first;
    for (int k = n_ + 40 + static_cast<int>(500 / (z * z)); k >= 0; --k) {
      ratio = 1 / (2 * z + 2 * (k + 1) * ratio);
      if (k <= n_) a *= ratio;
    }
    return a;
  }

  int n_;
  double factor_;
};

/// Derivatives of log ndtr: r = phi / Phi, and r' = -r s with s = x + r.
class LogNdtr {
 public:
  explicit LogNdtr(int n) : n_(n) {}
  double operator()(double x) const {
    if (std::isnan(x)) return x;
    if (n_ == 0) return value(x);
    if (x == -infinity) return n_ == 1 ? infinity : n_ == 2 ? -1 : 0;
    return x < -2 ? by_fraction(-x)[static_cast<std::size_t>(n_ - 1)] : by_recurrence(x);
  }
  static double value(double x) {
    if (x > 0) return std::log1p(-std::erfc(x * root_half) / 2);
    if (x >= -5) return std::log(std::erfc(-x * root_half) / 2);
    return -0.5 * x * x - std::log(hazard(-x) * std::sqrt(2 * pi));
  }
  /// t + 1/(t + 2/(t + 3/(t + ...))) = phi(t) / Phi(-t), t >= 2 (Abramowitz and Stegun 26.2.14).
  static double hazard(double t) {
    double c = 0;
    for (int k = terms(t); k > 0; --k) c = k / (t + c);
    return t + c;
  }

 private:
  static constexpr double root_half = std::numbers::sqrt2 / 2;
  static int terms(double t) { return 30 + static_cast<int>(1000 / (t * t)); }

  /// r, r', ... in x = -t for t > 2: the fraction in Taylor coefficients, whose divisions do not cancel.
  std::vector<double> by_fraction(double t) const {
    const auto n = static_cast<std::size_t>(n_);
    std::vector<double> c(n);  // k / d
    std::vector<double> d(n);
    for (int k = terms(t); k > 0; --k) {
      d = c;
      d[0] += t;
      if (n > 1) d[1] += 1;
      c[0] = k / d[0];
      for (std::size_t i = 1; i < n; ++i) {
        double sum = 0;
        for (std::size_t j = 1; j <= i; ++j) sum += d[j] * c[i - j];
        c[i] = -sum / d[0];
      }
    }
    c[0] += t;
    if (n > 1) c[1] += 1;
    double factor = 1;
    for (std::size_t i = 1; i < n; ++i) c[i] *= factor *= -static_cast<double>(i);
    return c;
  }
  double by_recurrence(double x) const {
    const auto n = static_cast<std::size_t>(n_);
    std::vector<double> r(n);
    std::vector<double> s(n);
    r[0] = exp_of_square(x, -0.5) / (std::sqrt(pi / 2) * std::erfc(-x * root_half));
    s[0] = x + r[0];
    for (std::size_t k = 1; k < n; ++k) {
      if (r[0] == 0) return 0;
      double binomial = 1;
      for (std::size_t j = 0; j < k; ++j) {
        r[k] -= binomial * r[j] * s[k - 1 - j];
        binomial *= static_cast<double>(k - 1 - j) / static_cast<double>(j + 1);
      }
      s[k] = r[k] + (k == 1 ? 1 : 0);
    }
    return r[n - 1];
  }

  int n_;
};

double ndtri_of(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -infinity : p == 1 ? infinity : nan;
  if (p > 0.9) return -ndtri_of(1 - p);
  // Abramowitz and Stegun 26.2.23, of error 4.5e-4, and Newton's method.
  const double q = std::min(p, 1 - p);
  const double t = std::sqrt(-2 * std::log(q));
  double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  if (p > 0.5) x = -x;
  for (int i = 0; i < 4; ++i) {
    if (p < 0.1) {  // Halley's, for log Phi(x) = log p
      const LogNdtr slope(1);
      const double r = slope(x);
      const double step = (LogNdtr::value(x) - std::log(p)) / r;
      x -= step / (1 + step * (x + r) / 2);
    } else {
      const double density = exp_of_square(x, -0.5) / std::sqrt(2 * pi);
      const double step = (std::erf(x / std::numbers::sqrt2) / 2 - (p - 0.5)) / density;
      x -= step / (1 + step * x / 2);
    }
  }
  return x;
}

double ndtr_of(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }
double logit_of(double x) {
  return x > 0.25 && x < 0.75 ? std::log1p((2 * x - 1) / (1 - x)) : std::log(x) - std::log1p(-x);  // 2 x - 1 is exact
}
double entr_of(double x) { return x < 0 ? -infinity : x == 0 ? 0 : -x * std::log(x); }

}  // namespace

const Kernels ndtr = floats1<ndtr_of>;
const Kernels logit = floats1<logit_of>;
const Kernels entr = floats1<entr_of>;
const Kernels erfcx = floats1_of_order<Erfcx>;
const Kernels log_ndtr = floats1_of_order<LogNdtr>;
const Kernels ndtri = floats1<ndtri_of>;

}  // namespace newtape::core::kernels::special
