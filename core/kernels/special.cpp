// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/special.hpp>
#include <newtape/core/kernels/special_scalar.hpp>

#include <cmath>
#include <vector>

namespace newtape::core::kernels::special {
namespace {

/// log |Gamma(x)| by lgamma_r, as POSIX' lgamma writes a global variable.
double log_of_gamma(double x) {
#if defined(_WIN32)
  return std::lgamma(x);
#else
  int sign = 0;
  return ::lgamma_r(x, &sign);
#endif
}

/// cot(pi x), without the rounding error of pi x.
double cotangent(double x) {
  const double r = x - std::rint(x);
  const double t = std::fabs(r) > 0.25 ? std::tan(pi * (0.5 - std::fabs(r))) : 1 / std::tan(pi * std::fabs(r));
  return std::copysign(t, r);
}

/// digamma on [1, 2]: (x - its zero) times a Chebyshev interpolant in x - 1.5.
double digamma_between_1_and_2(double x) {
  constexpr double factor[] = {
      0.95105587603183287971,    -0.42362742128146059979,    0.24054248424078698304,   -0.14840492305388091493,
      0.094988724452890381645,   -0.061922133275488312017,   0.040760833940846082799,  -0.026975796659787055062,
      0.017907248317313295827,   -0.011908220105959716185,   0.0079270217968681539808, -0.0052799372555327082537,
      0.0035181065638024723413,  -0.0023454947397380835176,  0.0015633696313653505125, -0.001036458481731283792,
      0.00069092557612829863631, -0.00048595039220036256214, 0.0003239594540134519833, -0.00014480643368061613052,
      9.6536462614100616785e-5,  -0.00017821885488559231885, 0.00011881232908510335};
  const double t = x - 1.5;
  double y = 0;
  for (std::size_t i = std::size(factor); i-- > 0;) y = y * t + factor[i];
  return ((x - 0x1.762d86356be3fp+0) - 0x1.b86a722197829p-54) * y;
}

double digamma_of(double x) {
  if (x == 0) return std::copysign(infinity, -x);
  double y = 0;
  if (x < 0) {
    if (x == std::floor(x)) return nan;  // a pole
    // Reflection: psi(x) = psi(1 - x) - pi cot(pi x); for x >= -1/2 the recurrence is as accurate and cancels less.
    if (x < -0.5) {
      y = -pi * cotangent(x);
      x = 1 - x;
    } else {
      y = -1 / x;
      x += 1;
    }
  }
  if (x < 10) {
    // psi(x) = psi(x + 1) - 1/x
    if (x < 1) return (digamma_between_1_and_2(x + 1) - 1 / x) + y;
    double sum = 0;
    for (; x > 2; x -= 1) sum += 1 / (x - 1);
    return (digamma_between_1_and_2(x) + sum) + y;
  }
  // Abramowitz and Stegun 6.3.18: ln x - 1/(2x) - sum of B_2k / (2k x^2k)
  constexpr double tail[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12};
  const double z = 1 / (x * x);
  double sum = 0;
  for (std::size_t i = std::size(tail); i-- > 0;) sum = sum * z + tail[i];
  return ((std::log(x) - 0.5 / x) - z * sum) + y;
}

/// The n-th derivative of digamma, n > 0.
class Polygamma {
 public:
  explicit Polygamma(int n) : n_(n), factorial_(std::tgamma(n + 1.0)) {
    // d^n/dx^n cot(pi x) = pi^n p_n(c) with c = cot(pi x), p_0 = c, p_(k+1) = -(1 + c^2) p_k'.
    derivative_ = {0, 1};
    for (int k = 0; k < n; ++k) {
      std::vector<double> next(derivative_.size() + 1);
      for (std::size_t i = 1; i < derivative_.size(); ++i) {
        next[i - 1] -= static_cast<double>(i) * derivative_[i];
        next[i + 1] -= static_cast<double>(i) * derivative_[i];
      }
      derivative_ = std::move(next);
    }
  }

  double operator()(double x) const {
    const bool odd = n_ % 2 != 0;
    if (x < 0 && x == std::floor(x)) return odd ? infinity : nan;  // a pole, two-sided when n + 1 is even
    // The sum in `zeta` has no cancellation either where its first term dominates.
    if (x < -0.5) {
      // Reflection: psi_n(x) = (-1)^n psi_n(1 - x) - pi d^n/dx^n cot(pi x)
      const double c = cotangent(x);
      double p = 0;
      for (std::size_t i = derivative_.size(); i-- > 0;) p = p * c + derivative_[i];
      const double right = zeta(1 - x) * factorial_;
      return -right - std::pow(pi, n_ + 1) * p;
    }
    const double y = zeta(x) * factorial_;
    return odd ? y : -y;
  }

 private:
  /// sum over k >= 0 of 1 / (x + k)^(n+1) for x >= -1/2: direct up to x + k > n + 10, then the Euler-Maclaurin formula.
  double zeta(double x) const {
    const double s = n_ + 1;
    double sum = 0;
    while (x < s + 10) {
      sum += std::pow(x, -s);
      x += 1;
    }
    // B_2k / (2k)!
    constexpr double bernoulli[] = {1.0 / 12,
                                    -1.0 / 720,
                                    1.0 / 30240,
                                    -1.0 / 1209600,
                                    1.0 / 47900160,
                                    -691.0 / 1307674368000,
                                    1.0 / 74724249600,
                                    -3617.0 / 10670622842880000,
                                    43867.0 / 5109094217170944000};
    // x^-n (1/n + 1/(2x) + ...): the limit at infinity is 0, and x^-s may underflow before x^-n.
    double tail = 0.5;
    double rising = s / x;
    double k = s;
    for (const double b : bernoulli) {
      tail += b * rising;
      rising *= (k + 1) / x * ((k + 2) / x);
      k += 2;
    }
    return sum + std::pow(x, -n_) * (1.0 / n_ + tail / x);
  }

  int n_;
  double factorial_;
  std::vector<double> derivative_;
};

/// The n-th derivative of sin(pi x) / (pi x).
class Sinc {
 public:
  explicit Sinc(int n) : n_(n) {}
  double operator()(double x) const {
    const int n = n_;
    const double z = pi * std::fabs(x);
    double y = 0;
    if (z < n + 1 || z < 0.5) {
      // sum over even 2j >= n of (-1)^j z^(2j-n) / ((2j+1) (2j-n)!)
      int m = n + n % 2;
      double term = (m / 2) % 2 == 0 ? 1 : -1;
      if (m > n) term *= z;
      for (int i = 0; i < 200; ++i, m += 2) {
        y += term / (m + 1);
        term *= -(z * z) / ((m - n + 1.0) * (m - n + 2.0));
        if (std::fabs(term) < 1e-18 * std::fabs(y)) break;
      }
    } else if (std::isfinite(x)) {
      // Recurrence in the order k: z f^(k) + k f^(k-1) is the k-th derivative of the sine.
      const double r = std::fabs(x) - 2 * std::rint(std::fabs(x) / 2);  // exact
      const double sine = r > 0.5 ? std::sin(pi * (1 - r)) : r < -0.5 ? -std::sin(pi * (1 + r)) : std::sin(pi * r);
      const double cosine = std::fabs(r) > 0.25 ? std::sin(pi * (0.5 - std::fabs(r))) : std::cos(pi * r);
      const double turns[] = {sine, cosine, -sine, -cosine};
      y = sine / z;
      for (int k = 1; k <= n; ++k) y = (turns[k % 4] - k * y) / z;
      if (z == infinity) y = turns[n % 4] / pi / std::fabs(x);  // the terms with y vanish
    }
    if (std::isnan(x)) return x;
    for (int k = 0; k < n; ++k) y *= pi;
    return n % 2 != 0 && x < 0 ? -y : y;
  }

 private:
  int n_;
};

}  // namespace

double digamma_at(double x) { return digamma_of(x); }
double polygamma_at(int n, double x) { return n == 0 ? digamma_of(x) : Polygamma(n)(x); }

const Kernels lgamma = floats1<log_of_gamma>;
const Kernels digamma = floats1<digamma_of>;
const Kernels polygamma = floats1_of_order<Polygamma>;
const Kernels sinc = floats1_of_order<Sinc>;

}  // namespace newtape::core::kernels::special
