// SPDX-License-Identifier: BSD-3-Clause
// Functions at the ends of their ranges: no overflow where the result is representable, integers beyond 2^53, -inf.
#include "catch.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <limits>

namespace newtape {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double huge = 1.7e308;

TEST_CASE("edge values: ranges that are longer than the largest number") {
  CHECK(array_equal(linspace(-huge, huge, 3, f64), tensor({-huge, 0.0, huge}, f64)));
  // Integers beyond the digits of f32.
  const Tensor large = tensor({16777217, 16777219, 16777221});
  CHECK(array_equal(histogram(large, 2, {.range = std::pair(16777216.0, 16777220.0)}).hist, tensor({1, 1})));
  CHECK(array_equal(histogram(large, tensor({16777217.0, 16777218.0, 16777221.0}, f64)).hist, tensor({1, 2})));
  CHECK(array_equal(histc(large, 4, 16777217, 16777221), tensor({1, 0, 1, 1})));
  CHECK(array_equal(histogram(tensor({1e300, -1e300, huge, -huge}, f64), 4).hist, tensor({1, 1, 1, 1})));
}

TEST_CASE("edge values: integers are close within the tolerances, as for NumPy") {
  const std::int64_t large = std::int64_t{1} << 53;
  CHECK(allclose(tensor({100000}), tensor({100001})));
  CHECK_FALSE(allclose(tensor({1}), tensor({2})));
  CHECK(allclose(tensor({1}), tensor({2}), 0, 1));
  CHECK_FALSE(allclose(tensor({large}), tensor({large + 1}), 0, 0.5));  // the same number as doubles
  CHECK(allclose(tensor({large}), tensor({large}), 0, 0));
}

TEST_CASE("edge values: correlations of very large and very small numbers") {
  const Tensor x = tensor({{1, 2, 4}, {1, 5, 2}}, f64);
  const Tensor expected = corrcoef(x);
  for (const double scale : {1e200, 1e-200}) {
    CHECK(allclose(corrcoef(x * tensor({{scale}, {1}}, f64)), expected, 0, 1e-15));
    CHECK(allclose(corrcoef(transpose(x) * tensor({scale, 1}, f64), false), expected, 0, 1e-15));
  }
}

TEST_CASE("edge values: sums of exponentials of -inf have the derivative 0") {
  const auto gradient = [](const Tensor& x) {
    return grad([](const Tensor& t) { return sum(logcumsumexp(t, 0)); })(x);
  };
  CHECK(array_equal(gradient(tensor({-inf, -inf, 0.0}, f64)), tensor({0, 0, 1}, f64)));
  CHECK(array_equal(gradient(tensor({0.0, -inf}, f64)), tensor({2, 0}, f64)));
}

TEST_CASE("edge values: lengths for fast transforms") {
  const auto is_smooth = [](std::int64_t n) {
    for (const int prime : {2, 3, 5}) {
      while (n % prime == 0) n /= prime;
    }
    return n == 1;
  };
  for (std::int64_t n = 0; n < 3000; ++n) {
    std::int64_t expected = n < 1 ? 1 : n;
    while (!is_smooth(expected)) ++expected;
    CHECK(fft::next_fast_len(n) == expected);
  }
  const std::int64_t far = fft::next_fast_len((std::int64_t{1} << 61) + 1);
  CHECK((is_smooth(far) && far > std::int64_t{1} << 61 && far < (std::int64_t{1} << 61) * 1.01));
}

}  // namespace
}  // namespace newtape
