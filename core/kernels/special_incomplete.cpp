// SPDX-License-Identifier: BSD-3-Clause
// Incomplete gamma and beta functions with derivatives of any kind in their parameters, zeta. An algorithm is written once, for
// numbers and for jets, whose coefficients are the derivatives.
#include <newtape/core/kernels/jet.hpp>
#include <newtape/core/kernels/special.hpp>
#include <newtape/core/kernels/special_scalar.hpp>

#include <cmath>
#include <iterator>
#include <utility>

namespace newtape::core::kernels::special {
namespace {

constexpr int most_terms = 200'000;

/// log Gamma(a), a > 0, in extended precision: Stirling's series after the recurrence.
long double log_gamma(long double a) {
  long double product = 1;
  while (a < 25) product *= a++;
  constexpr long double b[] = {1.0L / 12,   -1.0L / 360,      1.0L / 1260, -1.0L / 1680,
                               1.0L / 1188, -691.0L / 360360, 1.0L / 156};
  const long double z = 1 / (a * a);
  long double sum = 0;
  for (std::size_t i = std::size(b); i-- > 0;) sum = sum * z + b[i];
  return (a - 0.5L) * std::log(a) - a + 0.918938533204672741780329736406L + sum / a - std::log(product);
}

/// log Gamma(1 + a), 0 < a < 1, to a relative precision: -log(1 + a) + a (1 - euler) + the sum over n of
/// (zeta(n) - 1) (-a)^n / n (Abramowitz and Stegun 6.1.33).
long double log_gamma_1p(long double a) {
  if (a > 0.25L) return log_gamma(1 + a);
  constexpr long double euler = 0.577215664901532860606512090082402431L;
  // zeta(n) - 1 from n = 2 on
  constexpr long double less_one[] = {
      0.6449340668482264364724L,     0.2020569031595942853997L,      0.082323233711138191516L,
      0.03692775514336992633137L,    0.01734306198444913971452L,     0.008349277381922826839798L,
      0.004077356197944339378685L,   0.002008392826082214417853L,    0.000994575127818085337146L,
      0.0004941886041194645587023L,  0.000246086553308048298638L,    0.0001227133475784891467518L,
      0.00006124813505870482925855L, 0.00003058823630702049355173L,  0.00001528225940865187173257L,
      0.0000076371976378997622736L,  0.000003817293264999839856462L, 0.000001908212716553938925657L,
      9.53962033872796113152e-7L,    4.769329867878064631167e-7L,    2.384505027277329900036e-7L,
      1.192199259653110730678e-7L,   5.960818905125947961244e-8L,    2.980350351465228018606e-8L};
  long double sum = 0;
  for (std::size_t i = std::size(less_one); i-- > 0;) {
    sum = (sum + (i % 2 == 0 ? 1 : -1) * less_one[i] / static_cast<long double>(i + 2)) * a;
  }
  return -std::log1p(a) + a * (1 - euler) + a * sum;
}

/// x^a exp(-x) / Gamma(a) for x = exp(y). Where a and x are large and near each other, the exponent is the small
/// difference of large numbers: of their ratio, instead.
double gamma_density_of(double a, double y) {
  if (!(a > 0) || std::isnan(y)) return nan;
  if (std::isinf(y)) return 0;
  const long double x = std::exp(static_cast<long double>(y));
  if (!(x < 1e300L)) return 0;
  if (a < 200) return static_cast<double>(std::exp(a * static_cast<long double>(y) - x - log_gamma(a)));
  const long double difference = y - std::log(static_cast<long double>(a));
  // x - a - a log(x / a) = a (expm1(d) - d), and Gamma(a) by Stirling's series
  const long double exponent = -a * (std::expm1(difference) - difference);
  const long double z = 1 / (static_cast<long double>(a) * a);
  const long double correction = (1.0L / 12 - z * (1.0L / 360 - z * (1.0L / 1260 - z / 1680))) / a;
  return static_cast<double>(std::exp(exponent - correction) * std::sqrt(a / (2 * std::numbers::pi_v<long double>)));
}

/// The sum over n of x^n / ((a+1) .. (a+n)): P = density / a times it.
template <class T>
T gamma_series(const T& a, T one, double x) {
  T term = one;
  T sum = one;
  T peak = one;
  for (int n = 1; n < most_terms; ++n) {
    term = term * x / (a + n);
    sum = sum + term;
    raise_peak(peak, sum);
    if (n > x - constant_of(a) && negligible(term, peak)) break;
  }
  return sum;
}
/// Q / density, by Legendre's continued fraction: 1/(x+1-a - (1-a)/(x+3-a - 2(2-a)/(x+5-a - ...)))
template <class T>
T gamma_fraction(const T& a, T one, double x) {
  const T first = a * -1.0 + (x + 1);
  return one / continued_fraction(first, one, most_terms, [&](int k) {
           return std::pair<T, T>((a + -static_cast<double>(k)) * static_cast<double>(k), a * -1.0 + (x + 1 + 2.0 * k));
         });
}
/// Q for a < 1 and x of the series, where P may be near 1: P = x^a / Gamma(1 + a) (1 + a s), s the sum over n of
/// (-x)^n / (n! (a + n)).
double small_shape_upper(double a, double x) {
  long double term = 1, sum = 0;
  for (int n = 1; std::abs(term) > 1e-22L; ++n) {
    term *= -static_cast<long double>(x) / n;
    sum += term / (a + n);
  }
  const long double power = a * std::log(static_cast<long double>(x)) - log_gamma_1p(a);
  return static_cast<double>(-std::expm1(power + std::log1p(a * sum)));
}
/// Where the series is used.
bool by_series(double a, double x) { return x < (a < 1 ? 0.5 + a : a + 1); }

template <bool upper>
double incomplete_gamma(double a, double x) {
  if (!(a >= 0 && x >= 0)) return nan;
  if (a == 0 && x == 0) return nan;
  if (x == 0 || std::isinf(a)) return std::isinf(x) ? nan : upper ? 1 : 0;
  if (a == 0 || std::isinf(x)) return upper ? 0 : 1;
  if (upper && a < 1 && by_series(a, x)) return small_shape_upper(a, x);
  const double density = gamma_density_of(a, std::log(x));
  if (by_series(a, x)) {
    const double p = density == 0 ? 0 : density / a * gamma_series(a, 1.0, x);
    return upper ? 1 - p : p;
  }
  const double q = density == 0 ? 0 : density * gamma_fraction(a, 1.0, x);
  return upper ? q : 1 - q;
}

/// density(a + e) / density(a), and with `shift` 1 the same of density / a
Jet gamma_density_jet(double a, double y, int n, int shift = 0) {
  Jet s(n, 0);
  double factorial = 1;
  for (int k = 1; k <= n; ++k) {
    factorial *= k;
    s(k, 0) = ((k == 1 ? y : 0) - polygamma_at(k - 1, a + shift)) / factorial;
  }
  return exp(s);
}
double gamma_ratio_of(double a, double y, double order) {
  const int n = static_cast<int>(order);
  if (!(a > 0) || std::isnan(y) || n > Jet::highest) return nan;
  const double x = std::exp(y);
  if (std::isinf(x)) return 0;  // all of the mass is below
  const Jet at(n, 0, a, 1, 0);
  const Jet one(n, 0, 1);
  // density / a, whose logarithm is smooth at a = 0
  if (by_series(a, x)) return (gamma_density_jet(a, y, n, 1) * gamma_series(at, one, x)).last() / a;
  return -(gamma_density_jet(a, y, n) * gamma_fraction(at, one, x)).last();
}

// --- beta ---

double beta_density_of(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return nan;
  if (x == 0 || x == 1) return 0;
  const long double wide = x;
  return static_cast<double>(std::exp(a * std::log(wide) + b * std::log1p(-wide) -
                                      (log_gamma(a) + log_gamma(b) - log_gamma(static_cast<long double>(a) + b))));
}
/// I / density, for x below about the mean: 1/(a (1 + d1/(1 + d2/(1 + ...)))) (Abramowitz and Stegun 26.5.8).
template <class T>
T beta_fraction(const T& a, const T& b, T one, double x) {
  return one / (a * continued_fraction(one, one, most_terms, [&](int k) {
                  const double m = k / 2;
                  const T even = a + 2.0 * m;
                  if (k % 2 != 0) return std::pair<T, T>((a + m) * (a + b + m) * -x / (even * (even + 1.0)), one);
                  return std::pair<T, T>((b + -m) * (m * x) / ((even + -1.0) * even), one);
                }));
}
bool below_mean(double a, double b, double x) { return x * (a + b + 2) < a + 1; }

double betainc_of(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return nan;
  if (x == 0 || x == 1) return x;
  const double density = beta_density_of(a, b, x);
  if (below_mean(a, b, x)) return density == 0 ? 0 : density * beta_fraction(a, b, 1.0, x);
  return density == 0 ? 1 : 1 - density * beta_fraction(b, a, 1.0, 1 - x);
}

/// density(a + e, b + f) / density(a, b)
Jet beta_density_jet(double a, double b, double x, int j, int k) {
  Jet s(j, k);
  s.each([&](int p, int q) {
    const int n = p + q;
    if (n == 0) return;
    const double both = polygamma_at(n - 1, a + b) / (std::tgamma(p + 1.0) * std::tgamma(q + 1.0));
    const double own = q == 0 ? polygamma_at(n - 1, a) : p == 0 ? polygamma_at(n - 1, b) : 0;
    s(p, q) = both - own / std::tgamma(n + 1.0);
    if (n == 1) s(p, q) += p == 1 ? std::log(x) : std::log1p(-x);
  });
  return exp(s);
}
template <int j, int k>
double beta_ratio_of(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return nan;
  if (x == 0 || x == 1) return 0;
  const Jet first(j, k, a, 1, 0);
  const Jet second(j, k, b, 0, 1);
  const Jet one(j, k, 1);
  const Jet density = beta_density_jet(a, b, x, j, k);
  if (below_mean(a, b, x)) return (density * beta_fraction(first, second, one, x)).last();
  return -(density * beta_fraction(second, first, one, 1 - x)).last();
}

// --- inverses ---

/// The zero of an increasing function by Newton's method within a bracket. `f(t)` is {value, slope}.
template <class F>
double increasing_zero(double t, const F& f) {
  double low = -infinity;
  double high = infinity;
  for (int i = 0; i < 200; ++i) {
    const auto [value, slope] = f(t);
    if (value == 0) return t;
    (value < 0 ? low : high) = t;
    double next = t - value / slope;
    if (!(next > low && next < high)) {
      const double far = 1 + std::fabs(t);
      next = std::isinf(low) ? high - far : std::isinf(high) ? low + far : low + (high - low) / 2;
    }
    const double step = std::fabs(next - t);
    t = next;
    if (step <= 4e-16 * std::fabs(t) || next == low || next == high) break;
  }
  return t;
}
/// log(tail / goal) of the tail that is the smaller one at the solution, increasing, and its slope.
std::pair<double, double> log_of_tail(double tail, double goal, double density, bool upper) {
  if (tail == 0) return {upper ? infinity : -infinity, 1};
  const double value = std::log(tail / goal);
  return upper ? std::pair(-value, density / tail) : std::pair(value, density / tail);
}

double log_igammainv_of(double a, double p) {
  if (!(a > 0 && p >= 0 && p <= 1)) return nan;
  if (p == 0 || p == 1) return p == 0 ? -infinity : infinity;
  const bool upper = p > 0.5;
  const double start = std::fmin((std::log(p) + static_cast<double>(log_gamma(a + 1.0L))) / a, std::log(a + 1));
  return increasing_zero(start, [&](double y) {
    const double x = std::exp(y);
    if (x == 0) return std::pair(static_cast<double>(a * y - log_gamma(a + 1.0L)) - std::log(p), a);
    const double tail = upper ? incomplete_gamma<true>(a, x) : incomplete_gamma<false>(a, x);
    return log_of_tail(tail, upper ? 1 - p : p, gamma_density_of(a, y), upper);
  });
}

double betaincinv_of(double a, double b, double p) {
  if (!(a > 0 && b > 0 && p >= 0 && p <= 1)) return nan;
  if (p == 0 || p == 1) return p;
  const bool upper = p > 0.5;
  const double t = increasing_zero(std::log(a / b), [&](double s) {
    const double x = 1 / (1 + std::exp(-s));
    const double rest = 1 / (1 + std::exp(s));
    const double tail = upper ? betainc_of(b, a, rest) : betainc_of(a, b, x);
    return log_of_tail(tail, upper ? 1 - p : p, beta_density_of(a, b, x), upper);
  });
  return 1 / (1 + std::exp(-t));
}

// --- zeta ---

/// The n-th derivative in s of the sum over k >= 0 of (q + k)^-s: direct up to q + k > s + 10, then the Euler-Maclaurin
/// formula.
double zeta_of(double s, double q, double order) {
  const int n = static_cast<int>(order);
  if (std::isnan(s) || std::isnan(q) || s < 1 || n > Jet::highest) return nan;
  if (s == 1) return infinity;
  if (q <= 0) return q == std::floor(q) ? infinity : nan;
  if (std::isinf(q)) return 0;
  const Jet at(n, 0, s, 1, 0);
  const auto power = [n, s](double x) {  // x^-s
    Jet y = exp(Jet(n, 0, 0, -std::log(x), 0));
    return y * std::pow(x, -s);
  };
  Jet sum(n, 0);
  Jet peak(n, 0);
  double x = q;
  for (int count = 0; x < s + 10; ++count, x += 1) {
    const Jet term = power(x);
    sum = sum + term;
    raise_peak(peak, sum);
    if (count > n + 2 && negligible(term * x, peak)) return sum.last();
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
  Jet tail = Jet(n, 0, x) / (at + -1.0) + 0.5;
  Jet rising = at * (1 / x);
  double k = 0;
  for (const double b : bernoulli) {
    tail = tail + rising * b;
    rising = rising * ((at + (k + 1)) * (1 / x)) * ((at + (k + 2)) * (1 / x));
    k += 2;
  }
  return (sum + power(x) * tail).last();
}

template <int j, int... k>
constexpr void fill_row(Kernels (&row)[Jet::highest + 1], std::integer_sequence<int, k...>) {
  ((j + k > 0 && j + k <= Jet::highest ? void(row[k] = floats3<beta_ratio_of<j, k>>) : void()), ...);
}
template <int... j>
constexpr auto beta_ratios(std::integer_sequence<int, j...> orders) {
  struct Table {
    Kernels of[Jet::highest + 1][Jet::highest + 1];
  } table{};
  (fill_row<j>(table.of[j], orders), ...);
  return table;
}

}  // namespace

const Kernels igamma = floats2<incomplete_gamma<false>>;
const Kernels igammac = floats2<incomplete_gamma<true>>;
const Kernels gamma_density = floats2<gamma_density_of>;
const Kernels gamma_ratio = floats3<gamma_ratio_of>;
const Kernels betainc = floats3<betainc_of>;
const Kernels beta_density = floats3<beta_density_of>;
const Kernels log_igammainv = floats2<log_igammainv_of>;
const Kernels betaincinv = floats3<betaincinv_of>;
const Kernels zeta = floats3<zeta_of>;
const Kernels& beta_ratio(int j, int k) {
  static constexpr auto table = beta_ratios(std::make_integer_sequence<int, Jet::highest + 1>());
  return table.of[j][k];
}

}  // namespace newtape::core::kernels::special
