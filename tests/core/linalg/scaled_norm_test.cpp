// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/scaled_norm.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>

#include <cmath>
#include <limits>

namespace newtape::core {
namespace {

Array pair_of(double a, double b, DType dtype = f64) {
  Array x = Array::empty({2}, f64);
  x.data<double>()[0] = a;
  x.data<double>()[1] = b;
  return cast(x, dtype);
}

TEST_CASE("norms of large and small numbers neither overflow nor underflow") {
  for (int k = -1070; k <= 1020; k += 10) {
    INFO("2^" << k);
    const Array x = pair_of(std::ldexp(3, k), std::ldexp(4, k));
    CHECK(norm2(x) == std::ldexp(5, k));
    CHECK(scaled_norm(x).value() == std::ldexp(5, k));
    CHECK(ratio(scaled_norm(x), scaled_norm(pair_of(0, std::ldexp(10, k)))) == 0.5);
  }
  for (int k = -140; k <= 120; k += 10) {
    CHECK(norm2(pair_of(std::ldexp(3, k), std::ldexp(4, k), f32)) == std::ldexp(5, k));
  }
  // The norm overflows, its ratios do not.
  const double largest = std::numeric_limits<double>::max();
  const auto both = scaled_norm(pair_of(largest, largest));
  CHECK(std::isinf(both.value()));
  CHECK(std::abs(ratio(both, scaled_norm(pair_of(largest, 0))) - std::sqrt(2.0)) <= bounds::gamma(8, f64));
}

TEST_CASE("norms of zeros, infinities and NaN") {
  CHECK(norm2(zeros({3}, f64)) == 0);
  CHECK(norm2(zeros({0}, f64)) == 0);
  CHECK(std::isinf(norm2(pair_of(1, -HUGE_VAL))));
  CHECK(std::isnan(norm2(pair_of(1, std::nan("")))));
  CHECK(std::isnan(norm2(pair_of(1e300, std::nan("")))));
}

}  // namespace
}  // namespace newtape::core
