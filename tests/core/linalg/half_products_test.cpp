// SPDX-License-Identifier: BSD-3-Clause
// Products of f32 with f16 and bf16, against sums in double precision of the widened numbers.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>

using namespace newtape;

namespace {

Array as_f64(const Array& x) { return core::cast(x, f64); }

/// A sum of k products in f32, in any order, with or without fused multiply-adds, is within k eps sum |a| |b| of the exact
/// one (Higham 2002, section 3.1); the bias adds one more term.
void check_product(const Array& got, const Array& a, const Array& b, const Array& bias) {
  REQUIRE(got.dtype() == f32);
  Array want = core::matmul(as_f64(a), as_f64(b));
  Array size = core::matmul(core::abs(as_f64(a)), core::abs(as_f64(b)));
  if (bias.defined()) {
    want = want + as_f64(bias);
    size = size + core::abs(as_f64(bias));
  }
  REQUIRE(got.shape() == want.shape());
  const double k = static_cast<double>(a.shape(-1)) + 1;
  const Array bound = size * (k * epsilon(f32));
  CHECK(core::all(core::less_equal(core::abs(as_f64(got) - want), bound)).item<bool>());
}

}  // namespace

TEST_CASE("half products: any shape and layout of the weight, with and without bias", "[dtypes]") {
  const std::int64_t sizes[][3] = {{1, 1, 1},     {1, 5, 7},      {3, 4, 1},       {2, 33, 65},  {17, 40, 300},
                                   {64, 96, 200}, {1, 1000, 700}, {130, 257, 129}, {5, 2000, 40}};
  std::uint64_t seed = 1;
  for (const DType dtype : {f16, bf16}) {
    for (const auto& [n, k, m] : sizes) {
      INFO(name(dtype) << " " << n << " x " << k << " x " << m);
      const Array x = normal<Array>({n, k}, ++seed, f32);
      const Array w = core::cast(normal<Array>({m, k}, ++seed, f32), dtype);
      const Array b = normal<Array>({m}, ++seed, f32);
      const Array turned = core::transpose(w, 0, 1);
      check_product(core::linear(x, w, b), x, turned, b);
      check_product(core::matmul(x, turned), x, turned, {});
      check_product(core::matmul(x, core::contiguous(turned)), x, turned, {});
      const Array spread = core::select(core::stack(std::vector<Array>{w, w}, -1), -1, 1);
      check_product(core::matmul(x, core::transpose(spread, 0, 1)), x, turned, {});
      const Array column_major = core::transpose(core::contiguous(core::transpose(x, 0, 1)), 0, 1);
      check_product(core::linear(column_major, w, b), x, turned, b);
      check_product(core::transpose(core::matmul(w, core::transpose(x, 0, 1)), 0, 1), x, turned, {});
      const Array stack = core::reshape(core::contiguous(core::expand(x, {2, n, k})), {2, n, k});
      check_product(core::select(core::matmul(stack, turned), 0, 1), x, turned, {});
    }
  }
}

TEST_CASE("half products: empty operands, and what is refused", "[dtypes]") {
  const Array w = core::zeros({4, 0}, f16);
  CHECK(same_bits(core::linear(core::zeros({2, 0}, f32), w, core::ones({4}, f32)), core::ones({2, 4}, f32)));
  CHECK(core::matmul(core::zeros({0, 3}, f32), core::zeros({3, 2}, bf16)).shape() == Shape{0, 2});
  CHECK_THROWS_AS(core::matmul(core::zeros({2, 3}, f64), core::zeros({3, 2}, bf16)), DTypeError);
  CHECK_THROWS_AS(core::matmul(core::zeros({2, 3}, f16), core::zeros({3, 2}, f16)), DTypeError);
  CHECK_THROWS_AS(core::matmul(core::zeros({2, 2, 3}, f32), core::zeros({2, 3, 2}, f16)), DTypeError);
  CHECK_THROWS_AS(core::matmul(core::zeros({2, 3}, f32), core::zeros({3, 2}, u8)), DTypeError);
}
