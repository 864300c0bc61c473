// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/kernels/blocks.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/linalg/block_products.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/sparse_cholesky.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace newtape;
namespace k = newtape::core::kernels;

namespace {

std::vector<const k::BlockTable*> tables() {
  std::vector<const k::BlockTable*> all;
  for (const auto set : {k::Isa::baseline, k::Isa::avx2, k::Isa::avx512}) {
    if (set <= k::best_isa()) all.push_back(&k::table_for<k::BlockTable>(set));
  }
  return all;
}

std::vector<double> numbers(std::int64_t n, std::uint64_t seed) {
  const Array x = normal<Array>({n}, seed);
  return {x.data<double>(), x.data<double>() + n};
}

Array matrix(std::int64_t rows, std::int64_t columns, const std::vector<double>& values) {
  Array a = Array::empty({rows, columns}, f64);
  std::copy_n(values.begin(), a.size(), a.data<double>());
  return a;
}

/// b b^T + n, positive definite.
Array definite(std::int64_t n, std::uint64_t seed) {
  const Array b = normal<Array>({n, n}, seed);
  return core::matmul(b, core::transpose(b, 0, 1)) + core::eye(n, f64) * static_cast<double>(n);
}

}  // namespace

TEST_CASE("products of blocks with every instruction set") {
  for (const auto* table : tables()) {
    for (std::int64_t r = 1; r <= 6; ++r) {
      for (std::int64_t q = 1; q <= 21; ++q) {
        const std::int64_t p = q % 7 + 1, n = 3, a_row = p + 2, b_row = q + 1, c_row = q + 3;
        const auto a = numbers(n * r * a_row, 1), b = numbers(n * r * b_row, 2);
        auto c = numbers(2 * p * c_row, 3);
        const auto before = c;
        // The first and the last are added at one place, the second is left out.
        const std::vector<std::int64_t> at = {p * c_row, -1, p * c_row};
        table->gram({n, r, p, q, a.data(), r * a_row, a_row, b.data(), r * b_row, b_row, c.data(), at.data(), c_row});
        double wrong = 0;
        for (std::int64_t i = 0; i < 2 * p * c_row; ++i) {
          double expected = before[static_cast<std::size_t>(i)], terms = std::abs(expected);
          const std::int64_t row = i / c_row - p, column = i % c_row;
          for (const std::int64_t block : {0, 2}) {
            for (std::int64_t s = 0; row >= 0 && column < q && s < r; ++s) {
              const double x = a[static_cast<std::size_t>((block * r + s) * a_row + row)];
              const double y = b[static_cast<std::size_t>((block * r + s) * b_row + column)];
              expected += x * y;
              terms += std::abs(x * y);
            }
          }
          const double bound = bounds::gamma(static_cast<double>(2 * (2 * r + 1)), f64) * terms;
          wrong = std::max(wrong, std::abs(c[static_cast<std::size_t>(i)] - expected) - bound);
        }
        INFO("r " << r << ", q " << q);
        CHECK(wrong <= 0);
      }
    }
  }
}

TEST_CASE("Schur complements with every instruction set") {
  // One eliminated block with three neighbours, of 2, 9 and 12 unknowns: S - Y^T V^-1 Y by dense algebra.
  const std::vector<std::int64_t> size = {2, 9, 12}, column = {0, 2, 11}, first = {0, 3};
  for (const auto* table : tables()) {
    for (const std::int64_t e : {1, 3, 5}) {
      const std::int64_t n = 23;
      const Array v = definite(e, 4);
      std::vector<double> values(v.data<double>(), v.data<double>() + e * e), damping(static_cast<std::size_t>(e), 0.5);
      const std::vector<std::int64_t> y_at = {0, 2 * e, 11 * e};
      const auto y = numbers(e * n, 5);
      std::vector<double> factor(values.size()), scratch(static_cast<std::size_t>(e * n)),
          s(static_cast<std::size_t>(n * n));
      k::SchurElimination x{.count = 1,
                            .e = e,
                            .v = values.data(),
                            .damping = damping.data(),
                            .first = first.data(),
                            .column = column.data(),
                            .size = size.data(),
                            .y_at = y_at.data(),
                            .pair_at = nullptr,
                            .pair_first = nullptr,
                            .y = y.data(),
                            .factor = factor.data(),
                            .scratch = scratch.data(),
                            .target = k::SchurTarget::dense,
                            .s = s.data(),
                            .s_row = n};
      REQUIRE(table->eliminate(x) == -1);
      const std::vector<Array> parts = {matrix(e, 2, y), matrix(e, 9, {y.begin() + 2 * e, y.end()}),
                                        matrix(e, 12, {y.begin() + 11 * e, y.end()})};
      const Array whole = core::concatenate(parts, 1);
      const Array expected =
          core::matmul(core::transpose(whole, 0, 1), core::solve(v + core::eye(e, f64) * 0.5, whole));
      // V is well conditioned: its eigenvalues are e or more, and a few times that at most.
      const double bound = 1000 * bounds::gamma(static_cast<double>(10 * e), f64) * core::norm_inf(expected);
      double wrong = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          const auto block = [&](std::int64_t c) { return c < 2 ? 0 : c < 11 ? 1 : 2; };
          const double got = s[static_cast<std::size_t>(i * n + j)];
          const double wanted = block(i) <= block(j) ? -expected.data<double>()[i * n + j] : 0;
          wrong = std::max(wrong, std::abs(got - wanted));
        }
      }
      CHECK(wrong < bound);

      // The blocks one after the other, and the diagonal ones only.
      const std::vector<std::int64_t> pair_at = {0, 4, 22, 46, 127, 235}, pair_first = {0}, diagonal_at = {0, 4, 85};
      std::vector<double> blocks(379), diagonal(229);
      x.target = k::SchurTarget::blocks;
      x.pair_at = pair_at.data();
      x.pair_first = pair_first.data();
      x.s = blocks.data();
      REQUIRE(table->eliminate(x) == -1);
      CHECK(std::abs(blocks[46] + expected.data<double>()[2 * n + 2]) < bound);
      CHECK(std::abs(blocks[127 + 12] + expected.data<double>()[3 * n + 11]) < bound);
      x.target = k::SchurTarget::diagonal;
      x.pair_at = diagonal_at.data();
      x.s = diagonal.data();
      REQUIRE(table->eliminate(x) == -1);
      CHECK(std::abs(diagonal[228] + expected.data<double>()[22 * n + 22]) < bound);

      damping.assign(damping.size(), -100);
      CHECK(table->eliminate(x) == 0);
    }
  }
}

TEST_CASE("Cholesky and QR factorizations in place") {
  const std::int64_t n = 12;
  const Array a = definite(n, 6);
  const Array b = normal<Array>({n}, 7);
  const auto error = [&](const std::vector<double>& x) {
    const Array wrong = core::matmul(a, matrix(n, 1, x)) - core::reshape(b, {n, 1});
    return core::norm_inf(wrong);
  };
  const double bound = bounds::residual(n, core::norm_inf(a), core::norm_inf(b), f64);
  std::vector<double> r(a.data<double>(), a.data<double>() + n * n), x(b.data<double>(), b.data<double>() + n);
  REQUIRE(core::cholesky_in_place(n, r.data()));
  core::cholesky_solve_in_place(n, r.data(), x.data());
  CHECK(error(x) < bound);
  r[0] = -1;
  CHECK_FALSE(core::cholesky_in_place(n, r.data()));

  // The least squares solution is where the residual is orthogonal to the columns.
  const Array tall = normal<Array>({30, 4}, 8), right = normal<Array>({30}, 9);
  const Array by_columns = core::contiguous(core::transpose(tall, 0, 1));
  const core::HouseholderQR qr(30, 4, {by_columns.data<double>(), by_columns.data<double>() + 120}, "test");
  std::vector<double> t(right.data<double>(), right.data<double>() + 30);
  qr.apply_transposed(t.data());
  REQUIRE(qr.solve_triangle(t.data()));
  const Array residual = core::matmul(tall, matrix(4, 1, t)) - core::reshape(right, {30, 1});
  CHECK(core::norm_inf(core::matmul(by_columns, residual)) < 100 * bounds::gamma(120, f64));
  // R^T R = A^T A.
  std::vector<double> u = {1, 2, 3, 4};
  qr.solve_transposed_triangle(u.data());
  REQUIRE(qr.solve_triangle(u.data()));
  const Array back = core::matmul(core::matmul(by_columns, tall), matrix(4, 1, u));
  for (std::int64_t i = 0; i < 4; ++i)
    CHECK(back.data<double>()[i] == Approx(static_cast<double>(i + 1)).epsilon(1e-10));
}

TEST_CASE("sparse Cholesky factorizations") {
  if (!core::SparseCholesky::available()) {
    CHECK_THROWS_WITH(core::SparseCholesky({0, 1}, {0}), contains("libsuitesparse-dev"));
    return;
  }
  // An arrow: a diagonal, and a last row.
  const std::int64_t n = 40;
  std::vector<std::int64_t> starts{0}, rows;
  std::vector<double> values;
  Array a = core::eye(n, f64) * 3.0;
  for (std::int64_t j = 0; j < n; ++j) {
    rows.push_back(j);
    values.push_back(j + 1 < n ? 3 : 30);
    if (j + 1 < n) {
      rows.push_back(n - 1);
      values.push_back(0.01 * static_cast<double>(j));
      a.data<double>()[j * n + n - 1] = a.data<double>()[(n - 1) * n + j] = 0.01 * static_cast<double>(j);
    }
    starts.push_back(static_cast<std::int64_t>(rows.size()));
  }
  a.data<double>()[n * n - 1] = 30;
  core::SparseCholesky cholesky(starts, rows);
  CHECK(cholesky.order() == n);
  CHECK(cholesky.factor_size() == 2 * n - 1);  // no fill in a good order
  REQUIRE(cholesky.factorize(values));
  std::vector<double> b = numbers(2 * n, 10), x = b;
  cholesky.solve(x.data(), 2);
  for (std::int64_t c = 0; c < 2; ++c) {
    const Array wrong =
        core::matmul(a, matrix(n, 1, {x.begin() + c * n, x.end()})) - matrix(n, 1, {b.begin() + c * n, b.end()});
    CHECK(core::norm_inf(wrong) < bounds::residual(n, 30, 3, f64));
  }
  values[0] = -3;
  CHECK_FALSE(cholesky.factorize(values));
  values[0] = 3;
  CHECK(cholesky.factorize(values));
}
