// SPDX-License-Identifier: BSD-3-Clause
#include "accuracy.hpp"
#include "special.hpp"

#include <newtape/core/ops/activation.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/special.hpp>

using namespace newtape;
using accuracy::array_of;
using accuracy::check_accuracy;
using accuracy::ScalarReference;
using accuracy::ulps;

namespace {

long double sigmoid_reference(long double x) { return 1 / (1 + std::exp(-x)); }
long double softplus_reference(long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
long double gelu_tanh_reference(long double x) {
  const long double u = 0.797884560802865355879892119869L * (x + 0.044715L * x * x * x);
  return std::fabs(u) > 6000 ? (x < 0 ? -0.0L : x) : x / (1 + std::exp(-2 * u));
}
long double silu_reference(long double x) { return x < -11000 ? -0.0L : x * sigmoid_reference(x); }
/// tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2)
long double mish_reference(long double x) {
  if (std::fabs(x) > 5000) return x < 0 ? -0.0L : x;
  const long double e = std::exp(x);
  const long double n = e * (e + 2);
  return x * (n / (n + 2));
}
long double gelu_reference(long double x) { return x < -1000 ? -0.0L : x / 2 * std::erfc(-x / std::sqrt(2.0L)); }

}  // namespace

TEST_CASE("elementwise: elementary functions, against long double") {
  const auto both = [](const char* name, Array (*f)(Array), ScalarReference reference, double low, double high,
                       double f32_ulps, double f64_ulps) {
    check_accuracy<float>(name, f, reference, low, high, f32_ulps);
    check_accuracy<double>(name, f, reference, low, high, f64_ulps);
  };
  check_accuracy<float>("exp", core::exp, std::exp, -105, 90, 1);
  check_accuracy<double>("exp", core::exp, std::exp, -747, 711, 1);
  check_accuracy<float>("expm1", core::expm1, std::expm1, -30, 90, 2);
  check_accuracy<double>("expm1", core::expm1, std::expm1, -60, 711, 2);
  both("log", core::log, std::log, 0, 100, 1, 1);
  both("log1p", core::log1p, std::log1p, -1, 100, 1, 1);
  both("sin", core::sin, std::sin, -1e3, 1e3, 1, 1);
  both("cos", core::cos, std::cos, -5e5, 5e5, 1, 1);
  both("tanh", core::tanh, std::tanh, -20, 20, 2.5, 2.5);
  both("sigmoid", core::sigmoid, sigmoid_reference, -110, 40, 2.5, 2.5);
  both("softplus", core::softplus, softplus_reference, -110, 110, 2, 2);
  both("erf", core::erf, std::erf, -7, 7, 1.5, 1.5);
  both("gelu", core::gelu, gelu_reference, -15, 15, 6, 8);
  both("sqrt", core::sqrt, std::sqrt, 0, 100, 0.5, 0.5);
  both(
      "rsqrt", core::rsqrt, [](long double x) { return 1 / std::sqrt(x); }, 0, 100, 1.5, 1.5);
  check_accuracy<float>("exp2", core::exp2, std::exp2, -150, 128, 1);
  check_accuracy<double>("exp2", core::exp2, std::exp2, -1075, 1024, 1.1);
  both("log2", core::log2, std::log2, 0, 100, 1, 1);
  both("log10", core::log10, std::log10, 0, 100, 1, 1);
  both("cbrt", core::cbrt, std::cbrt, -100, 100, 1, 1);
  both("tan", core::tan, std::tan, -1e3, 1e3, 1, 3);
  both("asin", core::asin, std::asin, -1, 1, 1.5, 1.5);
  both("acos", core::acos, std::acos, -1, 1, 1.5, 1.5);
  both("atan", core::atan, std::atan, -30, 30, 2, 2);
  check_accuracy<float>("sinh", core::sinh, std::sinh, -91, 91, 2);
  check_accuracy<double>("sinh", core::sinh, std::sinh, -712, 712, 2);
  check_accuracy<float>("cosh", core::cosh, std::cosh, -91, 91, 2);
  check_accuracy<double>("cosh", core::cosh, std::cosh, -712, 712, 2);
  both("asinh", core::asinh, std::asinh, -100, 100, 2.5, 2.5);
  both("acosh", core::acosh, std::acosh, 1, 100, 2.5, 2.5);
  both("atanh", core::atanh, std::atanh, -1, 1, 3, 3);
  both("erfc", core::erfc, std::erfc, -7, 28, 4, 4);
  both("tanhshrink", core::tanhshrink, special::tanhshrink_of, -4, 4, 5, 5);
  // Further to the left the sigmoid is subnormal.
  both("silu", core::silu, silu_reference, -87, 40, 4, 4);
  both("mish", core::mish, mish_reference, -87, 40, 6, 6);
  // The relative error of the argument of the sigmoid, up to -90 and -300 here, is amplified by its magnitude.
  both("gelu_tanh", core::gelu_tanh, gelu_tanh_reference, -9, 9, 150, 600);
}

TEST_CASE("elementwise: pow of f32, against long double") {
  std::mt19937 random(3);
  std::vector<float> a{0.F, -0.F, 1, -1, 2, -2, 0.5F, INFINITY, -INFINITY, NAN, 1e30F, -1e30F, 1e-40F, -3};
  std::vector<float> b{0.F, -0.F, 1, -1, 2, 3, -3, 0.5F, -0.5F, INFINITY, -INFINITY, NAN, 1e10F, 2.5F};
  for (int i = 0; i < 200; ++i) {
    a.push_back(std::exp2(std::uniform_real_distribution<float>(-20, 20)(random)));
    b.push_back(std::uniform_real_distribution<float>(-9, 9)(random));
  }
  const Array y = core::pow(Array::view_of(array_of(a), {static_cast<std::int64_t>(a.size()), 1}, {1, 1}), array_of(b));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      const float got = y.data<float>()[i * b.size() + j];
      const double error = ulps(got, std::pow(static_cast<long double>(a[i]), static_cast<long double>(b[j])));
      if (error > 0.51) FAIL_CHECK("pow(" << a[i] << ", " << b[j] << ") = " << got);
    }
  }
}

TEST_CASE("elementwise: fused pullbacks, against their formulas in long double") {
  for (const double g : {1.0, -2.5}) {
    for (const double p : {-1e4, -300.0, -20.0, -3.0, -0.7, -1e-9, 0.0, 1e-9, 0.3, 2.0, 15.0, 300.0, 1e4}) {
      const long double x = p;
      const long double sigmoid = sigmoid_reference(x);
      const long double tail = x < -1000 ? 0 : std::erfc(-x / std::sqrt(2.0L)) / 2;
      const long double density = std::exp(-x * x / 2) * 0.398942280401432677939946059934L;
      const Array up = core::full({3}, g, f64);
      const Array at = core::full({3}, p, f64);
      const auto close = [](const Array& y, long double want) {
        return std::fabs(static_cast<long double>(y.data<double>()[2]) - want) <= 1e-15L * (1 + std::fabs(want));
      };
      INFO("g = " << g << ", x = " << p);
      CHECK(close(core::softplus_grad(up, at), g * sigmoid));
      CHECK(close(core::gelu_grad(up, at), g * (tail + x * density)));
      const long double e = std::exp(-std::fabs(x));
      CHECK(close(core::tanh_grad(up, at), g * std::pow(2 * e / (1 + e * e), 2.0L)));
      CHECK(close(core::sigmoid_grad(up, at), g * e / ((1 + e) * (1 + e))));
      CHECK(close(core::silu_grad(up, at), g * (sigmoid + x * sigmoid * (1 - sigmoid))));
      const long double m = std::tanh(softplus_reference(x));
      CHECK(close(core::mish_grad(up, at), g * (m + x * sigmoid * (1 - m * m))));
      const long double v = sigmoid_reference(2 * 0.797884560802865355879892119869L * (x + 0.044715L * x * x * x));
      const long double slope = 2 * 0.797884560802865355879892119869L * (1 + 3 * 0.044715L * x * x);
      CHECK(close(core::gelu_tanh_grad(up, at), g * (v + x * v * (1 - v) * slope)));
      CHECK(close(core::hardswish_grad(up, at), x <= -3 ? 0 : x < 3 ? g * (x / 3 + 0.5L) : g));
      const Array part = core::full({}, 0.25, f64);
      CHECK(close(core::prelu_grad(up, at, part), x > 0 ? g : 0.25L * g));
      CHECK(close(core::elu_grad(up, at, part), x > 0 ? g : 0.25L * g * std::exp(x)));
    }
  }
}

template <class T>
void check_pairs() {
  std::vector<T> u{T(0), T(-0.0), T(1), T(-1), T(3), T(INFINITY), T(-INFINITY), T(NAN)};
  u.push_back(std::numeric_limits<T>::max() / 4);
  u.push_back(std::numeric_limits<T>::min() * 16);
  std::mt19937_64 random(5);
  for (int i = 0; i < 60; ++i) {
    u.push_back(static_cast<T>(std::exp2(std::uniform_real_distribution<double>(-12, 12)(random))));
    if (i % 2 != 0) u.back() = -u.back();
  }
  const auto n = static_cast<std::int64_t>(u.size());
  const Array row = array_of(u);
  const Array column = Array::view_of(row, {n, 1}, {1, 1});
  const Array angle = core::atan2(column, row);
  const Array length = core::hypot(column, row);
  for (std::size_t i = 0; i < u.size(); ++i) {
    for (std::size_t j = 0; j < u.size(); ++j) {
      const long double a = u[i];
      const long double b = u[j];
      INFO(a << ", " << b);
      const T got_angle = angle.data<T>()[i * u.size() + j];
      const T got_length = length.data<T>()[i * u.size() + j];
      if (ulps(got_angle, std::atan2(a, b)) > 2) FAIL_CHECK("atan2 is " << got_angle);
      if (ulps(got_length, std::hypot(a, b)) > 1.5) FAIL_CHECK("hypot is " << got_length);
    }
  }
}
TEST_CASE("elementwise: atan2 and hypot, against long double") {
  check_pairs<float>();
  check_pairs<double>();
}
