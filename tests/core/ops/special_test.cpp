// SPDX-License-Identifier: BSD-3-Clause
#include "special.hpp"
#include "accuracy.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/special.hpp>

#include <string>

using namespace newtape;
using accuracy::array_of;
using accuracy::ulps;

namespace {

/// Random numbers between `low` and `high`, appended to `more`.
template <class T>
std::vector<T> between(double low, double high, std::vector<T> more = {}) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> even(low, high);
  for (int i = 0; i < 400; ++i) more.push_back(static_cast<T>(even(random)));
  return more;
}

/// Checks the largest error of `y` in ulps; below `scale`, in ulps of `scale`.
template <class T, class F>
void check_error(const std::string& name, const std::vector<T>& x, const Array& y, F reference, double allowed,
                 long double scale = 0) {
  double worst = 0;
  double at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double want = reference(static_cast<long double>(x[i]));
    const T got = y.data<T>()[i];
    double error = ulps(got, want);
    if (std::fabs(want) < scale) {
      error = static_cast<double>(std::fabs(got - want) / (scale * std::numeric_limits<T>::epsilon()));
    }
    if (!(error <= worst)) {
      worst = error;
      at = static_cast<double>(x[i]);
    }
  }
  INFO(name << (sizeof(T) == 4 ? " of f32 " : " of f64 ") << at << " is wrong by " << worst);
  CHECK(worst <= allowed);
}

/// One Newton step for erfinv from y, in long double; near 1 with erfc.
long double erfinv_from(long double y, long double x) {
  if (!std::isfinite(y) || y == 0) return special::erfinv_of(x);
  const long double u = std::fabs(x);
  const long double v = std::fabs(y);
  const long double off = u < 0.5L ? std::erf(v) - u : (1 - u) - std::erfc(v);
  return std::copysign(v - off * std::exp(v * v) * 0.88622692545275801364908374167057L, x);
}

template <class T>
void check_all() {
  const T before_1 = std::nextafter(T(1), T(0));
  auto x = between<T>(-1, 1, {T(0), T(-0.0), T(1), T(-1), T(1.5), T(NAN), before_1, -before_1, T(1e-30), T(-1e-6)});
  for (int i = 1; i < 24; ++i) x.push_back(1 - std::ldexp(T(1), -i));
  const Array inverse = core::erfinv(array_of(x));
  std::size_t next = 0;
  check_error<T>(
      "erfinv", x, inverse, [&](long double u) { return erfinv_from(inverse.data<T>()[next++], u); }, 2);

  // Near the zeros of lgamma and digamma at negative arguments only the absolute error is bounded.
  const auto positive = between<T>(0, 30, {T(1e-30), T(1e-3), T(1), T(2), T(10), T(1e4), T(1e30)});
  const auto negative = between<T>(-6, 0, {T(-1e-30), T(-0.5), T(-1.5), T(-50.25)});
  const auto digamma = [](long double u) { return special::polygamma_of(0, u); };
  check_error<T>("lgamma", positive, core::lgamma(array_of(positive)), special::lgamma_of, 2);
  check_error<T>("lgamma", negative, core::lgamma(array_of(negative)), special::lgamma_of, 4, 1);
  const std::vector<T> poles{T(-1), T(-7), T(-300)};
  for (int i = 0; i < 3; ++i) {
    CHECK(std::isnan(core::digamma(array_of(poles)).template data<T>()[i]));
    CHECK(std::isinf(core::lgamma(array_of(poles)).template data<T>()[i]));
    CHECK(std::isinf(core::polygamma(1, array_of(poles)).template data<T>()[i]));
  }
  check_error<T>("digamma", positive, core::digamma(array_of(positive)), digamma, 3);
  check_error<T>("digamma", negative, core::digamma(array_of(negative)), digamma, 4, 1);
  for (int n = 1; n <= 5; ++n) {
    const auto reference = [n](long double u) { return special::polygamma_of(n, u); };
    INFO("order " << n);
    check_error<T>("polygamma", positive, core::polygamma(n, array_of(positive)), reference, 8);
    check_error<T>("polygamma", negative, core::polygamma(n, array_of(negative)), reference, 24, 1);
  }
}

}  // namespace

TEST_CASE("elementwise: special functions, against long double") {
  check_all<float>();
  check_all<double>();
}

TEST_CASE("elementwise: published values of special functions") {
  const auto at = [](Array (*f)(Array), double x) { return f(core::full({}, x, f64)).item(); };
  CHECK(at(core::digamma, 1) == Approx(-0.57721566490153286).epsilon(1e-15));
  CHECK(at(core::digamma, 0.5) == Approx(-1.96351002602142348).epsilon(1e-15));
  // The double nearest to the zero 1.46163214496836234126...: the distance times the slope there.
  CHECK(at(core::digamma, 0x1.762d86356be3fp+0) == Approx(-9.241265521729427e-17).epsilon(1e-12).margin(0));
  CHECK(core::polygamma(1, core::ones({}, f64)).item() == Approx(1.64493406684822644).epsilon(1e-15));  // pi^2 / 6
  CHECK(core::polygamma(1, core::full({}, 0.5, f64)).item() == Approx(4.93480220054467931).epsilon(1e-15));
  CHECK(core::polygamma(2, core::ones({}, f64)).item() == Approx(-2.40411380631918857).epsilon(1e-15));  // -2 zeta(3)
  CHECK(at(core::erfinv, 0.5) == Approx(0.476936276204469873).epsilon(1e-15));
  CHECK(at(core::lgamma, 0.5) == Approx(0.572364942924700087).epsilon(1e-15));  // log(pi) / 2
}

TEST_CASE("elementwise: sinc and its derivatives") {
  const std::vector<double> x{0, 1e-9, 0.1, 0.3, 0.5, 0.7, 1, 1.3, 2, -0.6, -3, 12.25, 1e6, NAN, INFINITY};
  const auto whole = core::sinc(array_of(x));
  for (std::size_t i = 0; i + 2 < x.size(); ++i) {
    const long double z = 3.14159265358979323846264338327950288L * x[i];
    const long double want = x[i] == 0 ? 1 : x[i] == std::floor(x[i]) ? 0 : std::sin(z) / z;
    INFO(x[i]);
    CHECK(std::fabs(whole.data<double>()[i] - want) <= 4e-16L * std::fabs(want) + 1e-18L);
  }
  CHECK(std::isnan(whole.data<double>()[13]));
  CHECK(whole.data<double>()[14] == 0);
  // Order n at z = pi x: pi^n times the integral of t^n cos(z t + n pi / 2) over t in [0, 1], by Simpson's rule.
  for (int n = 0; n <= 5; ++n) {
    const auto y = core::sinc(array_of(x), n);
    for (std::size_t i = 0; i < 12; ++i) {
      const long double z = 3.14159265358979323846264338327950288L * x[i];
      const int steps = 20000;
      long double sum = 0;
      for (int k = 0; k <= steps; ++k) {
        const long double t = static_cast<long double>(k) / steps;
        const long double weight = k == 0 || k == steps ? 1 : k % 2 != 0 ? 4 : 2;
        sum += weight * std::pow(t, n) * std::cos(z * t + n * 1.57079632679489661923132169163975144L);
      }
      const long double want = std::pow(3.14159265358979323846264338327950288L, n) * sum / (3 * steps);
      INFO("order " << n << " at " << x[i]);
      CHECK(std::fabs(y.data<double>()[i] - want) <= 1e-11L * (1 + std::fabs(want)));
    }
  }
}

TEST_CASE("elementwise: logaddexp, xlogy and xlog1py at special values") {
  const auto of = [](Array (*f)(Array, Array), double a, double b) {
    return f(core::full({}, a, f64), core::full({}, b, f64)).item();
  };
  CHECK(of(core::logaddexp, INFINITY, INFINITY) == INFINITY);
  CHECK(of(core::logaddexp, -INFINITY, -INFINITY) == -INFINITY);
  CHECK(of(core::logaddexp, -INFINITY, 3) == 3);
  CHECK(of(core::logaddexp, 1000, 1000) == Approx(1000 + std::log(2)).epsilon(1e-15));
  CHECK(std::isnan(of(core::logaddexp, NAN, 3)));
  CHECK(std::isnan(of(core::logaddexp, 3, NAN)));
  CHECK(of(core::xlogy, 0, 0) == 0);
  CHECK(of(core::xlogy, 0, INFINITY) == 0);
  CHECK(of(core::xlogy, 2, 0) == -INFINITY);
  CHECK(std::isnan(of(core::xlogy, 0, NAN)));
  CHECK(of(core::xlog1py, 0, -1) == 0);
  CHECK(of(core::xlog1py, 2, 1e-20) == 2e-20);
}
