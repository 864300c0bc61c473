// SPDX-License-Identifier: BSD-3-Clause
// Variances and norms for which the naive formula loses all digits.
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>

using namespace newtape;
using namespace layouts;

namespace {

TEST_CASE("the variance of numbers far from zero") {
  // NIST StRD NumAcc4: 10000000.2 once, then .1 and .3 alternating; the standard deviation is 0.1.
  std::vector<double> x{10000000.2};
  for (int i = 0; i < 500; ++i) {
    x.push_back(10000000.1);
    x.push_back(10000000.3);
  }
  const Array y = make({1001}, x);
  CHECK(std::abs(core::var(y).item<double>() - 0.01) < 1e-9);
  // Differences below the resolution of f32 are lost, but rounding must not produce any.
  CHECK(core::var(core::full({1000}, 16777217, f32)).item<double>() == 0);
  CHECK(elements(core::var(core::full({3, 1000}, 0.1, f32), 1)) == std::vector<double>(3, 0.0));
}

TEST_CASE("the variance over any axes") {
  const Array x = scattered({3, 40, 50}, f32);
  const Array y = core::var(x, {0, 2}, 0, true);
  CHECK(y.shape() == Shape{1, 40, 1});
  for (std::int64_t j = 0; j < 40; ++j) {
    double mean = 0;
    double square = 0;
    for (std::int64_t i = 0; i < 150; ++i) mean += at(x, {i / 50, j, i % 50}) / 150;
    for (std::int64_t i = 0; i < 150; ++i) square += std::pow(at(x, {i / 50, j, i % 50}) - mean, 2) / 150;
    CHECK(std::abs(at(y, {0, j, 0}) - square) < 1e-6 * square);
  }
}

TEST_CASE("norms whose squares overflow or underflow") {
  for (const double size : {1e-300, 1e-160, 1.0, 1e160, 1e300}) {
    INFO(size);
    const Array x = make({2, 2}, {3 * size, 4 * size, -5 * size, 12 * size});
    CHECK(std::abs(at(core::norm(x, 2, 1), {0}) / (5 * size) - 1) < 1e-15);
    CHECK(std::abs(at(core::norm(x, 2, 1), {1}) / (13 * size) - 1) < 1e-15);
    CHECK(std::abs(at(core::norm(x, 3, 1), {0}) / (std::cbrt(91.0) * size) - 1) < 1e-14);
  }
  const Array narrow = make({2}, {3e-30, 4e-30}, f32);
  CHECK(std::abs(core::norm(narrow, 2).item<double>() / 5e-30 - 1) < 1e-6);
  CHECK(std::abs(core::norm(make({2}, {3e30, 4e30}, f32), 2).item<double>() / 5e30 - 1) < 1e-6);
}

TEST_CASE("norms of zeros, infinities and empty arrays") {
  CHECK(core::norm(core::zeros({3}, f32), 2).item<double>() == 0);
  CHECK(core::norm(core::zeros({3}, f32), 2.5).item<double>() == 0);
  CHECK(core::norm(make({2}, {1, -inf}), 2).item<double>() == inf);
  CHECK(core::norm(make({2}, {1, -inf}), 3).item<double>() == inf);
  CHECK(std::isnan(core::norm(make({2}, {1, std::nan("")}), 2).item<double>()));
  CHECK(core::norm(core::zeros({0}, f64), 2).item<double>() == 0);
  CHECK(core::norm(core::zeros({2, 0}, f64), 3, 1).shape() == Shape{2});
  CHECK(core::norm(make({2}, {2, 2}), -1).item<double>() == 1);
  CHECK(core::norm(make({2}, {2, 0}), -1).item<double>() == 0);
}

}  // namespace
