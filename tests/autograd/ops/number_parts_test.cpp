// SPDX-License-Identifier: BSD-3-Clause
// Neighbours and exponents of floats, bit for bit; the rows compare within some roundings.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/number_parts.hpp>

#include <cmath>
#include <limits>

namespace newtape {
namespace {

template <class T>
void check_neighbours() {
  constexpr T inf = std::numeric_limits<T>::infinity(), tiny = std::numeric_limits<T>::denorm_min();
  for (const T a : {T(1), T(-1), T(0), tiny, -tiny, std::numeric_limits<T>::max(), inf, T(3.7)}) {
    for (const T b : {inf, -inf, T(0), a}) {
      const T next = nextafter(tensor(a, dtype_of<T>), tensor(b, dtype_of<T>)).template item<T>();
      CHECK(next == std::nextafter(a, b));
      CHECK((next == a) == (a == b));
    }
  }
}

TEST_CASE("nextafter gives the neighbour") {
  check_neighbours<float>();
  check_neighbours<double>();
}

TEST_CASE("isposinf and isneginf of numbers") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  CHECK(isposinf(inf).item<bool>());
  CHECK(isneginf(-inf).item<bool>());
  CHECK_FALSE((isposinf(-inf).item<bool>() || isneginf(inf).item<bool>() || isposinf(1.0).item<bool>()));
}

TEST_CASE("frexp and ldexp are inverse to each other, bit for bit") {
  for (const double x : {1.0, -0.75, 1e-310, 5e-324, 1.7e308, 0.0, -3.1}) {
    const Frexp parts = frexp(tensor(x, f64));
    CHECK(ldexp(parts.mantissa, parts.exponent).item() == x);
    if (x != 0) CHECK((std::abs(parts.mantissa.item()) >= 0.5 && std::abs(parts.mantissa.item()) < 1));
  }
  CHECK(std::isnan(frexp(tensor(std::nan(""), f64)).mantissa.item()));
  CHECK(frexp(tensor(INFINITY)).exponent.item<std::int64_t>() == 0);
  CHECK(ldexp(tensor(1.0, f64), tensor(std::numeric_limits<std::int64_t>::max())).item() == INFINITY);
  CHECK(ldexp(3, 2).item() == 12);
}

TEST_CASE("gcd and lcm of the largest integers") {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  CHECK(gcd(tensor(least), tensor(6)).item<std::int64_t>() == 2);
  constexpr std::int64_t two40 = std::int64_t{1} << 40;
  CHECK(lcm(tensor(two40), tensor(3 * two40 / 2)).item<std::int64_t>() == 3 * two40);
}

}  // namespace
}  // namespace newtape
