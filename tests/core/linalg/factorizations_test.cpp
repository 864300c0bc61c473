// SPDX-License-Identifier: BSD-3-Clause
// Aspects not covered by the tests of the autograd operations: memory layouts, stacks, threads, errors of core's
// factorizations.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace newtape {
namespace {

Array random_matrices(const Shape& shape, DType dtype, std::uint64_t seed = 1) {
  Array x = Array::empty(shape, f64);
  Generator g(seed);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    x.data<double>()[i] = static_cast<double>(g.next() >> 11) * 0x1p-52 - 1;
  }
  return core::cast(x, dtype);
}
Array transposed(const Array& a) { return core::transpose(a, -2, -1); }
/// A positive definite matrix.
Array positive(const Shape& shape, DType dtype) {
  const Array x = random_matrices(shape, dtype);
  return core::add(core::matmul(x, transposed(x)), core::eye(shape.back(), dtype));
}
double difference(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  return a.size() == 0 ? 0 : core::max(core::abs(core::sub(a, b))).item();
}
/// The same matrix: row-major, column-major, and with a column stride of 2.
std::vector<Array> three_layouts(const Array& a) {
  const std::vector<Array> twice{a, a};
  const Array wide = core::stack(twice, -1);
  return {a, transposed(core::copy(transposed(a))), core::select(wide, -1, 1)};
}

/// LAPACK sees a copy that lies in memory the same each time. These two hand the matrices to BLAS as they lie, and a
/// transposed one may be summed in another order.
double allowed_difference(const std::string& what, const Array& a, const Array& want) {
  const auto n = static_cast<double>(a.shape(-1));
  const auto largest = [](const Array& x) { return core::max(core::abs(x)).item(); };
  // Some 20 products of n terms, whose errors log2 |a| squarings double each.
  if (what == "matrix_exp") return bounds::gamma(20 * n, a.dtype()) * n * largest(a) * n * largest(want);
  // Substitution errs by gamma_n |T^-1||T||x| (Higham, theorem 8.5), on both sides of the comparison.
  if (what == "triangles") {
    const Array eye = core::eye(a.shape(-1), a.dtype());
    const double inverse =
        std::max(largest(core::solve_triangular(a, eye, {})), largest(core::solve_triangular(a, eye, {.upper = true})));
    return 2 * bounds::gamma(n, a.dtype()) * n * n * inverse * largest(a) * largest(want);
  }
  return 0;
}

using Factor = std::function<std::vector<Array>(const Array&)>;
const std::vector<std::pair<std::string, Factor>>& factors() {
  static const std::vector<std::pair<std::string, Factor>> all{
      {"lu",
       [](const Array& a) {
         const auto f = core::lu_factor(a);
         return std::vector<Array>{f.factors,
                                   core::lu_det(f),
                                   core::lu_slogdet(f).logabs,
                                   core::lu_solve(f, a),
                                   core::lu_solve(f, transposed(a), true),
                                   core::lu_inverse(f)};
       }},
      {"cholesky",
       [](const Array& a) {
         const Array l = core::cholesky(a);
         return std::vector<Array>{l, core::cholesky_solve(l, a), core::cholesky_grad(l, a)};
       }},
      {"triangles",
       [](const Array& a) {
         return std::vector<Array>{core::solve_triangular(a, a, {}), core::solve_triangular(a, a, {.upper = true}),
                                   core::solve_triangular(a, a, {.transposed = true, .left = false})};
       }},
      {"qr",
       [](const Array& a) {
         const auto [q, r] = core::qr(a);
         return std::vector<Array>{q, r};
       }},
      {"eigh",
       [](const Array& a) {
         const auto [w, v] = core::eigh(a);
         return std::vector<Array>{w, v, core::eigh(a, false).w};
       }},
      {"svd",
       [](const Array& a) {
         const auto [u, s, vh] = core::svd(a);
         return std::vector<Array>{u, s, vh, core::svd(a, core::SVDPart::values).s};
       }},
      {"eig",
       [](const Array& a) {
         const auto e = core::eig(a);
         return std::vector<Array>{e.w_real, e.w_imag, e.v_real, e.v_imag};
       }},
      {"matrix_exp", [](const Array& a) { return std::vector<Array>{core::matrix_exp(a)}; }},
  };
  return all;
}

TEST_CASE("factorisations read any layout and do not change their operand", "[linalg]") {
  for (const DType dtype : {f32, f64}) {
    for (const auto& [what, f] : factors()) {
      INFO(what << ' ' << name(dtype));
      const Array a = positive({2, 5, 5}, dtype);
      const Array before = core::copy(a);
      const auto want = f(core::copy(a));
      for (const auto& x : three_layouts(a)) {
        const auto got = f(x);
        for (std::size_t i = 0; i < got.size(); ++i)
          CHECK(difference(got[i], want[i]) <= allowed_difference(what, a, want[i]));
        CHECK(difference(x, before) == 0);
      }
    }
  }
}

TEST_CASE("matrices of a stack are factored independently, for any number of threads", "[linalg][threads]") {
  const int threads = num_threads();
  const Array a = positive({3, 70, 24, 24}, f64);
  for (const auto& [what, f] : factors()) {
    if (what == "eig") continue;  // slow
    set_num_threads(1);
    const auto want = f(a);
    set_num_threads(3);
    const auto got = f(a);
    const auto one = f(core::select(core::select(a, 0, 2), 0, 41));
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO(what << ", result " << i);
      CHECK(difference(got[i], want[i]) == 0);
      CHECK(difference(core::select(core::select(got[i], 0, 2), 0, 41), one[i]) == 0);
    }
  }
  set_num_threads(threads);
}

TEST_CASE("a single matrix or right-hand side broadcasts over a stack", "[linalg]") {
  const Array a = positive({4, 4}, f64);
  const Array stretched = core::expand(a, {3, 4, 4});
  const Array b = random_matrices({3, 4, 2}, f64, 2);
  CHECK(difference(core::solve(a, b), core::solve(stretched, b)) == 0);
  const Array one = random_matrices({4, 2}, f64, 3);
  const Array stack = positive({3, 4, 4}, f64);
  CHECK(difference(core::solve(stack, one), core::solve(stack, core::expand(one, {3, 4, 2}))) == 0);
  const Array l = core::cholesky(a);
  CHECK(difference(core::cholesky_solve(l, b), core::cholesky_solve(core::expand(l, {3, 4, 4}), b)) == 0);
}

TEST_CASE("factorisations say which matrix of a stack fails, and how", "[linalg]") {
  Array a = core::copy(core::expand(core::eye(3, f64), {2, 2, 3, 3}));
  a.data<double>()[2 * 9 + 4] = -1;  // matrix [1, 0], element [1, 1]
  CHECK_THROWS_WITH(core::cholesky(a), contains("the minor of order 2 is not positive, in matrix [1, 0] of the stack"));
  a.data<double>()[2 * 9 + 4] = 0;
  CHECK_THROWS_WITH(core::solve(a, core::ones({3}, f64)), contains("pivot 2 is 0, in matrix [1, 0] of the stack"));
  CHECK_THROWS_WITH(core::solve_triangular(a, a, {}), contains("0 in row 2, in matrix [1, 0] of the stack"));
  a.data<double>()[2 * 9 + 4] = std::nan("");
  for (const auto& [what, f] : factors()) {
    if (what == "triangles") continue;
    INFO(what);
    CHECK_THROWS_WITH(f(a), contains("must be finite") && contains("in matrix [1, 0] of the stack"));
    CHECK_THROWS_AS(f(core::full({2, 2}, INFINITY, f32)), NumericalError);
    CHECK_THROWS_AS(f(core::ones({2, 2}, i64)), DTypeError);
    CHECK_THROWS_AS(f(core::ones({2}, f64)), ShapeError);
  }
}

TEST_CASE("eigh and svd go on by QR where divide and conquer does not converge", "[linalg]") {
  const auto largest = [](const Array& x) { return core::max(core::abs(x)).item(); };
  for (const DType dtype : {f32, f64}) {
    for (const auto& [rows, columns] : {std::pair{7, 7}, std::pair{9, 4}, std::pair{4, 9}, std::pair{1, 1}}) {
      INFO(name(dtype) << ' ' << rows << " x " << columns);
      const Array a = random_matrices({2, rows, columns}, dtype, 5);
      const double bound = bounds::gamma(30.0 * (rows + columns), dtype) * 10;
      const Array before = core::copy(a);
      const Array values = core::svd(a, core::SVDPart::values).s;
      const core::DivideAndConquerFails fails;
      for (const auto part : {core::SVDPart::reduced, core::SVDPart::full}) {
        const auto [u, s, vh] = core::svd(a, part);
        const auto k = s.shape(-1);
        const Array product =
            core::matmul(core::mul(core::slice(u, -1, 0, k), core::unsqueeze(s, -2)), core::slice(vh, -2, 0, k));
        CHECK(largest(core::sub(product, a)) <= bound);
        const Array gram = core::matmul(core::transpose(u, -2, -1), u);
        CHECK(largest(core::sub(gram, core::eye(u.shape(-1), dtype))) <= bound);
        CHECK(largest(core::sub(s, values)) <= bound);
      }
      CHECK(largest(core::sub(core::svd(a, core::SVDPart::values).s, values)) <= bound);
      const Array symmetric = core::matmul(a, core::transpose(a, -2, -1));
      const auto [w, v] = core::eigh(symmetric);
      const Array residual = core::sub(core::matmul(symmetric, v), core::mul(v, core::unsqueeze(w, -2)));
      CHECK(largest(residual) <= bound * (1 + largest(symmetric)));
      CHECK(largest(core::sub(core::eigh(symmetric, false).w, w)) <= bound * (1 + largest(symmetric)));
      CHECK(difference(a, before) == 0);
    }
  }
}

TEST_CASE("matrices that LAPACK cannot count are refused before any work", "[linalg]") {
  const Array a = core::expand(core::ones({1, 1}, f32), {40000, 40000});
  CHECK_THROWS_WITH(core::eigh(a), contains("too large for LAPACK"));
  CHECK_THROWS_WITH(core::svd(a), contains("too large for LAPACK"));
}

TEST_CASE("matrix_exp keeps its digits at nonnormal and large matrices", "[linalg]") {
  const auto two = [](double a, double b, double c, double d, DType dtype) {
    Array x = Array::empty({2, 2}, f64);
    const std::array<double, 4> values{a, b, c, d};
    std::copy(values.begin(), values.end(), x.data<double>());
    return core::cast(x, dtype);
  };
  const auto close = [](const Array& got, const Array& want, double roundings) {
    const double eps = got.dtype() == f32 ? 1.2e-7 : 2.3e-16;
    const Array x = core::contiguous(core::cast(got, f64));
    const Array y = core::contiguous(core::cast(want, f64));
    for (std::int64_t i = 0; i < x.size(); ++i) {
      INFO("element " << i << ": " << x.data<double>()[i] << ", right " << y.data<double>()[i]);
      // Each element, relative to itself.
      CHECK(std::abs(x.data<double>()[i] - y.data<double>()[i]) <= roundings * eps * std::abs(y.data<double>()[i]));
    }
  };
  const double e = std::exp(1.0);
  for (const DType dtype : {f64, f32}) {
    for (const double c : {1.0, 1e4, 1e8, 1e12}) {
      INFO(name(dtype) << ", c = " << c);
      // [[a, c], [0, b]] has the exponential [[e^a, c (e^a - e^b) / (a - b)], [0, e^b]].
      close(core::matrix_exp(two(1, c, 0, -1, dtype)), two(e, c * std::sinh(1.0), 0, 1 / e, dtype), 32);
      close(core::matrix_exp(two(0, c, 0, 0, dtype)), two(1, c, 0, 1, dtype), 4);
      close(core::matrix_exp(two(-2, c, 0, -2, dtype)), two(1 / (e * e), c / (e * e), 0, 1 / (e * e), dtype), 32);
    }
    // e^a of diagonal and rotating matrices, whose squarings multiply errors by the norm.
    close(core::matrix_exp(two(30, 0, 0, -1, dtype)), two(std::exp(30.0), 0, 0, 1 / e, dtype), 256);
    close(core::matrix_exp(two(0, -20, 20, 0, dtype)),
          two(std::cos(20.0), -std::sin(20.0), std::sin(20.0), std::cos(20.0), dtype), 256);
  }
  // Moler and Van Loan's example (1978): eigenvalues -1 and -17, terms of the series up to 1e7.
  const double f = std::exp(-17.0);
  const double g = std::exp(-1.0);
  close(core::matrix_exp(two(-49, 24, -64, 31, f64)),
        two(3 * f - 2 * g, 1.5 * (g - f), 4 * (f - g), 3 * g - 2 * f, f64), 4096);
}

}  // namespace
}  // namespace newtape
