// SPDX-License-Identifier: BSD-3-Clause
// Bessel functions, and derivatives of the modified ones I0 and I1: these as integrals over a period by the trapezoidal rule, which
// converges exponentially: I0(x) is the mean of exp(x cos t). Their terms have one sign, so that nothing cancels.
#include <newtape/core/kernels/special.hpp>
#include <newtape/core/kernels/special_scalar.hpp>

#include <math.h>  // jn, yn: of POSIX, not of C++

#include <cmath>

#if defined(__MINGW32__) && defined(__STRICT_ANSI__)  // its header declares them in other modes only
extern "C" double __cdecl _jn(int, double);
extern "C" double __cdecl _yn(int, double);
#endif

namespace newtape::core::kernels::special {
namespace {

#ifdef _WIN32
double jn_of(int n, double x) { return ::_jn(n, x); }
double yn_of(int n, double x) { return ::_yn(n, x); }
#else
double jn_of(int n, double x) { return ::jn(n, x); }
double yn_of(int n, double x) { return ::yn(n, x); }
#endif

/// J_n of the C library.
class BesselJ {
 public:
  explicit BesselJ(int n) : n_(n) {}
  double operator()(double x) const { return std::isnan(x) ? x : jn_of(n_, x); }

 private:
  int n_;
};

/// Y_n of the C library.
class BesselY {
 public:
  explicit BesselY(int n) : n_(n) {}
  double operator()(double x) const {
    if (!(x > 0)) return x == 0 ? -infinity : nan;
    return yn_of(n_, x);
  }

 private:
  int n_;
};

/// The mean of f(t) over a period, for even f with terms up to exp(x cos t) and `n` further harmonics: the error of
/// the rule with m points is I_m(x), and for large x exp(-pi^2 m^2 / (8 x)) or less.
template <class F>
double mean_over_period(double x, int n, const F& f) {
  const int half = 24 + n + static_cast<int>(5 * std::sqrt(x));
  double sum = (f(0.0) + f(pi)) / 2;
  for (int k = 1; k < half; ++k) sum += f(pi * k / half);
  return sum / half;
}

/// The n-th derivative of I0 is the mean of cos(t)^n exp(x cos t).
class I0 {
 public:
  explicit I0(int n) : n_(n) {}
  double operator()(double x) const {
    const double z = std::fabs(x);
    if (!(z < 720)) return std::isnan(x) ? x : x < 0 && n_ % 2 != 0 ? -infinity : infinity;
    const int n = n_;
    const double y = mean_over_period(z, n, [n, z](double t) {
      const double c = std::cos(t);
      return std::pow(c, n) * (n % 2 != 0 ? std::sinh(z * c) : std::cosh(z * c));
    });
    return x < 0 && n % 2 != 0 ? -y : y;
  }

 private:
  int n_;
};

/// The n-th derivative of exp(-x) I0(x), x > 0: the mean of (cos(t) - 1)^n exp(x (cos t - 1)).
double scaled_of(int n, double x) {
  const auto less = [](double t) { return -2 * std::sin(t / 2) * std::sin(t / 2); };  // cos(t) - 1
  if (x < 100) {
    return mean_over_period(x, n, [&](double t) { return std::pow(less(t), n) * std::exp(x * less(t)); });
  }
  // Abramowitz and Stegun 9.7.1, sum of ((2k-1)!!)^2 / (k! 8^k) x^(-k-1/2) / sqrt(2 pi), each differentiated n times.
  double coefficient = 1 / std::sqrt(2 * pi);
  for (int j = 0; j < n; ++j) coefficient *= -(j + 0.5) / x;
  double sum = 0;
  for (int k = 0; k < 20; ++k) {
    sum += coefficient;
    coefficient *= (2 * k + 1.0) * (2 * k + 1.0) / (8 * (k + 1.0)) / x * ((k + n + 0.5) / (k + 0.5));
  }
  return sum / std::sqrt(x);
}

/// exp(-|x|) I0(x).
class I0e {
 public:
  explicit I0e(int n) : n_(n) {}
  double operator()(double x) const {
    if (std::isnan(x)) return x;
    if (std::isinf(x) || (x == 0 && n_ % 2 != 0)) return 0;  // a corner at 0
    const double y = scaled_of(n_, std::fabs(x));
    return x < 0 && n_ % 2 != 0 ? -y : y;
  }

 private:
  int n_;
};

/// exp(-|x|) I1(x).
class I1e {
 public:
  explicit I1e(int n) : n_(n) {}
  double operator()(double x) const {
    if (std::isnan(x)) return x;
    if (std::isinf(x) || (x == 0 && n_ % 2 == 0)) return 0;
    const double z = std::fabs(x);
    double y = 0;
    if (z < 1) {  // Leibniz's rule for exp(-z) I1(z)
      double binomial = n_ % 2 != 0 ? -1 : 1;
      for (int j = 0; j <= n_; ++j) {
        y += binomial * I0(j + 1)(z);
        binomial *= -static_cast<double>(n_ - j) / (j + 1);
      }
      y *= std::exp(-z);
    } else {  // I1 = I0'
      y = scaled_of(n_, z) + scaled_of(n_ + 1, z);
    }
    return x < 0 && n_ % 2 == 0 ? -y : y;
  }

 private:
  int n_;
};

}  // namespace

const Kernels bessel_j = floats1_of_order<BesselJ>;
const Kernels bessel_y = floats1_of_order<BesselY>;
const Kernels i0 = floats1_of_order<I0>;
const Kernels i0e = floats1_of_order<I0e>;
const Kernels i1e = floats1_of_order<I1e>;

}  // namespace newtape::core::kernels::special
