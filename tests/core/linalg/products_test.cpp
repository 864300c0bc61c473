// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>

using namespace newtape;
using namespace layouts;

namespace {

/// Largest error of c = a b relative to the sum of the absolute products, which bounds the rounding error.
double product_error(const Array& a, const Array& b, const Array& c) {
  double worst = 0;
  const auto k = a.shape(-1);
  each_index(c.shape(), [&](const Dims& i) {
    const auto operand = [&](const Array& x, std::int64_t row, std::int64_t column) {
      Dims at_x;
      for (std::size_t d = 0; d + 2 < x.ndim(); ++d) {
        at_x.push_back(x.shape()[d] == 1 ? 0 : i[c.ndim() - x.ndim() + d]);
      }
      at_x.push_back(row);
      at_x.push_back(column);
      return static_cast<long double>(at(x, at_x));
    };
    long double sum = 0;
    long double size = 1e-30L;
    for (std::int64_t l = 0; l < k; ++l) {
      const long double p = operand(a, i[c.ndim() - 2], l) * operand(b, l, i[c.ndim() - 1]);
      sum += p;
      size += std::abs(p);
    }
    const auto e = static_cast<double>(std::abs(at(c, i) - sum) / size);
    worst = std::isnan(e) ? INFINITY : std::max(worst, e);
  });
  return worst;
}

/// What product_error(a, b, c) may be: each product is rounded, and takes part in at most k - 1 additions.
double allowed_error(const Array& a) { return bounds::gamma(static_cast<double>(a.shape(-1)), a.dtype()); }
double largest_magnitude(const Array& x) { return x.size() == 0 ? 0 : core::max(core::abs(x)).item(); }

/// Matrices [n, m] with different memory layouts.
std::vector<Named> matrices(std::int64_t n, std::int64_t m, DType dtype) {
  const Array column = core::expand(scattered({n, 1}, dtype), {n, m});
  const Array row = core::expand(scattered({m}, dtype), {n, m});
  return {{"contiguous", scattered({n, m}, dtype)},
          {"transposed", core::transpose(scattered({m, n}, dtype), 0, 1)},
          {"some columns", core::slice(scattered({n, m + 5}, dtype), 1, 2, m + 2)},
          {"some rows, transposed", core::transpose(core::slice(scattered({m, n + 3}, dtype), 1, 1, n + 1), 0, 1)},
          {"every second column", core::slice(scattered({n, 2 * m}, dtype), 1, 0, 2 * m, 2)},
          {"every third row", core::slice(scattered({3 * n, m}, dtype), 0, 0, 3 * n, 3)},
          {"columns broadcast", column},
          {"rows broadcast", row},
          {"one element broadcast", core::expand(scattered({}, dtype), {n, m})}};
}

}  // namespace

TEST_CASE("matmul multiplies matrices of every layout and shape", "[linalg]") {
  for (const DType dtype : {f32, f64, i64}) {
    for (const auto& [n, k, m] : std::vector<std::array<std::int64_t, 3>>{
             {3, 4, 5}, {1, 4, 5}, {3, 1, 5}, {3, 4, 1}, {1, 7, 1}, {1, 1, 1}, {17, 33, 9}}) {
      for (const auto& [of_a, a] : matrices(n, k, dtype)) {
        for (const auto& [of_b, b] : matrices(k, m, dtype)) {
          INFO(name(dtype) << " " << n << " x " << k << " x " << m << ": a " << of_a << ", b " << of_b);
          const Array c = core::matmul(a, b);
          REQUIRE(c.shape() == Shape{n, m});
          CHECK(product_error(a, b, c) <= allowed_error(a));
        }
      }
    }
  }
}

TEST_CASE("matmul broadcasts leading axes", "[linalg]") {
  const std::vector<std::array<Shape, 3>> cases{
      {Shape{6, 3, 4}, Shape{4, 5}, Shape{6, 3, 5}},         {Shape{3, 4}, Shape{6, 4, 5}, Shape{6, 3, 5}},
      {Shape{6, 3, 4}, Shape{6, 4, 5}, Shape{6, 3, 5}},      {Shape{2, 1, 3, 4}, Shape{6, 4, 5}, Shape{2, 6, 3, 5}},
      {Shape{1, 3, 4}, Shape{6, 4, 5}, Shape{6, 3, 5}},      {Shape{2, 6, 3, 4}, Shape{2, 1, 4, 5}, Shape{2, 6, 3, 5}},
      {Shape{2, 3, 1, 4}, Shape{4, 1}, Shape{2, 3, 1, 1}},   {Shape{40, 20, 30}, Shape{40, 30, 20}, Shape{40, 20, 20}},
      {Shape{0, 3, 4}, Shape{4, 5}, Shape{0, 3, 5}},         {Shape{1, 3, 4}, Shape{0, 4, 5}, Shape{0, 3, 5}},
      {Shape{1, 1, 3, 4}, Shape{1, 4, 5}, Shape{1, 1, 3, 5}}};
  for (const DType dtype : {f32, f64, i64}) {
    for (const auto& [of_a, of_b, of_c] : cases) {
      INFO(name(dtype) << " " << to_string(of_a) << " times " << to_string(of_b));
      const Array a = scattered(of_a, dtype);
      const Array b = scattered(of_b, dtype, 2);
      const Array c = core::matmul(a, b);
      REQUIRE(c.shape() == of_c);
      CHECK(product_error(a, b, c) <= allowed_error(a));
      // The same with the matrices of every operand transposed in memory, and batches broadcast by stride 0.
      const auto turned = [](const Array& x) {
        return core::transpose(core::copy(core::transpose(x, -1, -2)), -1, -2);
      };
      CHECK(product_error(a, b, core::matmul(turned(a), turned(b))) <= allowed_error(a));
      const auto stretched = [&c](const Array& x) {
        Shape full(c.shape().begin(), c.shape().end() - 2);
        full.push_back(x.shape(-2));
        full.push_back(x.shape(-1));
        return core::expand(x, full);
      };
      CHECK(product_error(a, b, core::matmul(stretched(a), stretched(b))) <= allowed_error(a));
      CHECK(product_error(a, b, core::matmul(stretched(a), b)) <= allowed_error(a));
    }
  }
}

TEST_CASE("Products with operands whose rows or columns are broadcast", "[linalg]") {
  for (const DType dtype : {f32, f64, i64}) {
    const Array a = scattered({2, 5, 4}, dtype);
    const Array b = scattered({4, 3}, dtype, 2);
    const Array same_rows = core::expand(core::slice(a, 1, 2, 3), {2, 6, 4});
    const Array same_columns = core::expand(core::slice(b, 1, 1, 2), {4, 7});
    const Array one_number = core::expand(core::slice(core::slice(b, 0, 3, 4), 1, 0, 1), {4, 3});
    CHECK(core::matmul(same_rows, b).shape() == Shape{2, 6, 3});
    CHECK(product_error(same_rows, b, core::matmul(same_rows, b)) <= allowed_error(same_rows));
    CHECK(core::matmul(a, same_columns).shape() == Shape{2, 5, 7});
    CHECK(product_error(a, same_columns, core::matmul(a, same_columns)) <= allowed_error(a));
    CHECK(product_error(same_rows, same_columns, core::matmul(same_rows, same_columns)) <= allowed_error(same_rows));
    CHECK(product_error(a, one_number, core::matmul(a, one_number)) <= allowed_error(a));
  }
}

TEST_CASE("An inner length of 0 gives zeros, other lengths of 0 an empty product", "[linalg]") {
  for (const DType dtype : {f32, f64, i64}) {
    CHECK(elements(core::matmul(Array::empty({2, 0}, dtype), Array::empty({0, 3}, dtype))) ==
          std::vector<double>(6, 0));
    CHECK(elements(core::matmul(Array::empty({2, 1, 0}, dtype), Array::empty({0, 2}, dtype))) ==
          std::vector<double>(4, 0));
    CHECK(core::matmul(Array::empty({0, 3}, dtype), Array::empty({3, 2}, dtype)).shape() == Shape{0, 2});
    CHECK(core::matmul(Array::empty({2, 3}, dtype), Array::empty({3, 0}, dtype)).shape() == Shape{2, 0});
  }
}

TEST_CASE("Previous contents of the result's memory do not matter", "[linalg]") {
  for (const DType dtype : {f32, f64}) {
    for (const auto& [n, k, m] : std::vector<std::array<std::int64_t, 3>>{
             {2, 2, 2}, {1, 8, 64}, {64, 8, 1}, {1, 1, 1}, {30, 30, 30}, {64, 100, 70}}) {
      const Array a = scattered({n, k}, dtype);
      const Array b = scattered({k, m}, dtype);
      for (int attempt = 0; attempt < 4; ++attempt) {
        core::full({n, m}, NAN, dtype);  // the allocator reuses this memory
        const Array c = core::matmul(a, b);
        CHECK(product_error(a, b, c) <= allowed_error(a));
      }
    }
  }
}

TEST_CASE("NaN and infinities spread over their rows and columns only", "[linalg]") {
  for (const DType dtype : {f32, f64}) {
    for (const std::int64_t m : {1, 3}) {
      std::vector<double> values(12, 1);
      values[5] = NAN;       // row 1
      values[8] = INFINITY;  // row 2
      const Array c = core::matmul(make({3, 4}, values, dtype), core::ones({4, m}, dtype));
      for (std::int64_t j = 0; j < m; ++j) {
        CHECK(at(c, {0, j}) == 4);
        CHECK(std::isnan(at(c, {1, j})));
        CHECK(at(c, {2, j}) == INFINITY);
      }
      // 0 times NaN is NaN.
      CHECK(std::isnan(at(core::matmul(core::zeros({1, 1}, dtype), core::full({1, m}, NAN, dtype)), {0, 0})));
    }
  }
}

TEST_CASE("Large products agree for any number of threads", "[linalg][threads]") {
  const int before = num_threads();
  for (const auto& [of_a, of_b] : std::vector<std::array<Shape, 2>>{{Shape{200, 150}, Shape{150, 130}},
                                                                    {Shape{33, 700}, Shape{700, 411}},
                                                                    {Shape{2000, 900}, Shape{900, 1}},
                                                                    {Shape{1, 900}, Shape{900, 2000}},
                                                                    {Shape{30, 40, 50}, Shape{30, 50, 60}}}) {
    const Array a = scattered(of_a, f32);
    const Array b = scattered(of_b, f32);
    for (const int threads : {1, 2, 3}) {
      INFO(to_string(of_a) << " times " << to_string(of_b) << ", " << threads << " threads");
      set_num_threads(threads);
      CHECK(product_error(a, b, core::matmul(a, b)) <= allowed_error(a));
    }
  }
  set_num_threads(before);
}

TEST_CASE("linear multiplies by the transposed weight and adds the bias", "[linalg]") {
  for (const DType dtype : {f32, f64}) {
    for (const auto& [n, k, m] : std::vector<std::array<std::int64_t, 3>>{
             {3, 4, 5}, {1, 4, 5}, {3, 4, 1}, {3, 1, 5}, {100, 120, 130}, {0, 4, 5}, {3, 0, 5}, {3, 4, 0}}) {
      for (const auto& [of_x, x] : matrices(n, k, dtype)) {
        INFO(name(dtype) << " " << n << " x " << k << " x " << m << ", x " << of_x);
        const Array w = scattered({m, k}, dtype, 4);
        const Array b = scattered({m}, dtype, 5);
        const Array y = core::linear(x, w, b);
        REQUIRE(y.shape() == Shape{n, m});
        // x w^T + b is the product of [x, 1] and [w, b]^T.
        const std::vector<Array> left{x, core::ones({n, 1}, dtype)};
        const std::vector<Array> right{w, core::reshape(b, {m, 1})};
        const Array extended = core::concatenate(left, 1);
        CHECK(product_error(extended, core::transpose(core::concatenate(right, 1), 0, 1), y) <=
              allowed_error(extended));
      }
    }
  }
  const auto z = [](const Shape& s, DType t = f32) { return core::zeros(s, t); };
  CHECK_THROWS_AS(core::linear(z({2, 3}), z({4, 2}), z({4})), ShapeError);
  CHECK_THROWS_AS(core::linear(z({2, 3}), z({4, 3}), z({3})), ShapeError);
  CHECK_THROWS_AS(core::linear(z({3}), z({4, 3}), z({4})), ShapeError);
  CHECK_THROWS_AS(core::linear(z({2, 3}), z({4, 3}, f64), z({4})), DTypeError);
}

TEST_CASE("matmul reports mismatched shapes", "[linalg]") {
  const auto z = [](const Shape& s, DType t = f32) { return core::zeros(s, t); };
  CHECK_THROWS_AS(core::matmul(z({2, 3}), z({2, 3})), ShapeError);
  CHECK_THROWS_WITH(core::matmul(z({2, 3}), z({4, 5})), contains("[2, 3]") && contains("[4, 5]"));
  CHECK_THROWS_AS(core::matmul(z({3}), z({3, 2})), ShapeError);
  CHECK_THROWS_AS(core::matmul(z({2, 3}), z({3})), ShapeError);
  CHECK_THROWS_AS(core::matmul(z({2, 3, 4}), z({3, 4, 5})), ShapeError);
  CHECK_THROWS_AS(core::matmul(z({2, 3}), z({3, 2}, f64)), DTypeError);
  CHECK_THROWS_AS(core::matmul(z({2, 3}, boolean), z({3, 2}, boolean)), DTypeError);
}

TEST_CASE("solve satisfies its equation", "[linalg]") {
  for (const DType dtype : {f32, f64}) {
    for (const auto& [of_a, a] : matrices(6, 6, dtype)) {
      if (of_a.find("broadcast") != std::string::npos) continue;  // singular
      for (const Shape& of_b : {Shape{6}, Shape{6, 1}, Shape{6, 3}, Shape{6, 0}}) {
        INFO(name(dtype) << ", a " << of_a << ", b " << to_string(of_b));
        const Array b = scattered(of_b, dtype, 8);
        const Array x = core::solve(a, b);
        REQUIRE(x.shape() == b.shape());
        const Array back = core::matmul(a, core::reshape(x, {6, of_b.size() == 1 ? 1 : of_b[1]}));
        const auto expected = elements(b);
        const auto got = elements(back);
        const double bound = bounds::residual(6, largest_magnitude(a), largest_magnitude(x), dtype);
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) <= bound);
      }
    }
    CHECK_THROWS_AS(core::solve(core::ones({3, 3}, dtype), core::ones({3}, dtype)), NumericalError);
  }
  CHECK(core::solve(Array::empty({0, 0}, f64), Array::empty({0, 2}, f64)).shape() == Shape{0, 2});
  CHECK_THROWS_AS(core::solve(core::ones({2, 3}, f64), core::ones({2}, f64)), ShapeError);
  CHECK_THROWS_AS(core::solve(core::ones({2, 2}, f64), core::ones({3}, f64)), ShapeError);
  CHECK_THROWS_AS(core::solve(core::ones({2, 2}, i64), core::ones({2}, i64)), DTypeError);
}
