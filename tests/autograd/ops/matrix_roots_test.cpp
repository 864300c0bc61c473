// SPDX-License-Identifier: BSD-3-Clause
// Roots and logarithms of larger, badly scaled and nonnormal matrices, by the equations that define them.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <limits>

namespace newtape {
namespace {

constexpr double unit = std::numeric_limits<double>::epsilon();

double largest(const Tensor& x) { return max(abs(x)).item(); }

TEST_CASE("sqrtm: the square is the matrix, with real and complex eigenvalues") {
  manual_seed(3);
  for (const std::int64_t n : {1, 2, 3, 7, 20, 33}) {
    INFO(n);
    // Eigenvalues in a disc of radius about 2 around 3.
    const Tensor a = 2.0 * randn({n, n}, f64) / std::sqrt(static_cast<double>(n)) + 3.0 * eye(n, f64);
    const Tensor y = linalg::sqrtm(a);
    // The error of y y is at most a few n times eps |y|^2 (Higham 2008, section 6.1).
    const double size = linalg::norm(y).item();
    CHECK(linalg::norm(matmul(y, y) - a).item() <= 4 * static_cast<double>(n) * unit * size * size);
    const auto [re, im] = linalg::eigvals(y);
    CHECK(min(re).item() > 0);
  }
}

TEST_CASE("logm: exp of it is the matrix, and its eigenvalues are within the strip") {
  manual_seed(4);
  for (const std::int64_t n : {1, 2, 3, 7, 20}) {
    INFO(n);
    const Tensor a = 2.0 * randn({n, n}, f64) / std::sqrt(static_cast<double>(n)) + 3.0 * eye(n, f64);
    const Tensor y = linalg::logm(a);
    const Tensor back = linalg::matrix_exp(y);
    // exp amplifies an error of log of some n eps |y| by at most its condition number, below |y| exp(|y|) / |a| |a|.
    const double size = linalg::norm(y).item();
    CHECK(linalg::norm(back - a).item() <= 16 * static_cast<double>(n) * unit * size * linalg::norm(a).item() * 8);
    const auto [re, im] = linalg::eigvals(y);
    CHECK(largest(im) < 3.14159265358979);
  }
}

TEST_CASE("logm: exact where it is known") {
  // Of a diagonal over 16 orders of magnitude.
  const Tensor d = tensor({1e-8, 1e-3, 1.0, 2.5, 1e8}, f64);
  CHECK(largest(linalg::logm(diag(d)) - diag(log(d))) <= 64 * unit * 18.5);
  // Of a rotation by an angle near pi: [[0, -t], [t, 0]].
  const double angle = 3.1;
  const Tensor turn = tensor({{std::cos(angle), -std::sin(angle)}, {std::sin(angle), std::cos(angle)}}, f64);
  CHECK(largest(linalg::logm(turn) - tensor({{0.0, -angle}, {angle, 0.0}}, f64)) <=
        64 * unit * angle / std::sin(angle));
  // Of a Jordan block, which cannot be diagonalised: log(2 (1 + n / 2)) = log 2 + n / 2 - n^2 / 8.
  const Tensor block = 2.0 * eye(3, f64) + diag(ones({2}, f64), 1);
  const double l = std::log(2.0);
  const Tensor want = tensor({{l, 0.5, -0.125}, {0.0, l, 0.5}, {0.0, 0.0, l}}, f64);
  CHECK(largest(linalg::logm(block) - want) <= 64 * unit);
  // Near the identity the digits of the difference are kept: x - x^2 / 2 + x^3 / 3, for x of size 2^-20.
  const Tensor x = tensor({{3.0, -1.0}, {2.0, 1.0}}, f64) * std::ldexp(1.0, -20);
  const Tensor a = x + eye(2, f64);
  const Tensor e = a - eye(2, f64);  // exact
  const Tensor e2 = matmul(e, e);
  CHECK(largest(linalg::logm(a) - (e - 0.5 * e2 + matmul(e2, e) / 3.0)) <= 16 * unit * std::ldexp(3.0, -20));
}

TEST_CASE("sqrtm: of a rotation by an angle near pi") {
  const double angle = 3.0;
  const auto rotation = [](double t) { return tensor({{std::cos(t), -std::sin(t)}, {std::sin(t), std::cos(t)}}, f64); };
  CHECK(largest(linalg::sqrtm(rotation(angle)) - rotation(angle / 2)) <= 64 * unit / std::sin(angle));
}

TEST_CASE("solve_sylvester: the equation holds for larger matrices, and the adjoint uses the same factors") {
  manual_seed(5);
  const std::int64_t m = 30, n = 17;
  const Tensor a = randn({m, m}, f64) / 4.0 + 3.0 * eye(m, f64), b = randn({n, n}, f64) / 4.0 + 2.0 * eye(n, f64);
  const Tensor q = randn({m, n}, f64);
  const Tensor x = linalg::solve_sylvester(a, b, q);
  const double size = (linalg::norm(a) + linalg::norm(b)).item() * linalg::norm(x).item();
  CHECK(linalg::norm(matmul(a, x) + matmul(x, b) - q).item() <= 64 * unit * size);
  const Tensor v = variable(q), w = randn({m, n}, f64);
  sum(linalg::solve_sylvester(a, b, v) * w).backward();
  const Tensor z = v.grad();
  CHECK(linalg::norm(matmul(transpose(a), z) + matmul(z, transpose(b)) - w).item() <=
        64 * unit * (linalg::norm(a) + linalg::norm(b)).item() * linalg::norm(z).item());
}

TEST_CASE("ldl: l is unit lower triangular, and d has blocks where pivots are small") {
  manual_seed(6);
  for (const std::int64_t n : {1, 2, 5, 30}) {
    const Tensor s = randn({n, n}, f64);
    const Tensor a = s + transpose(s);
    const auto f = linalg::ldl(a);
    CHECK(largest(triu(f.l, 1)) + largest(diagonal(f.l) - 1.0) == 0);
    CHECK(largest(triu(f.d, 2)) == 0);
    const Tensor left = matmul(f.p, f.l);
    CHECK(largest(matmul(matmul(left, f.d), transpose(left)) - a) <= 64 * static_cast<double>(n) * unit * largest(a));
  }
}

}  // namespace
}  // namespace newtape
