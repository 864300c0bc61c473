// SPDX-License-Identifier: BSD-3-Clause
// Defining identities of the factorisations, on matrices with condition numbers up to 1e10 and on Hilbert matrices; and
// derivatives there, and at equal and zero eigenvalues, against closed forms.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape {
namespace {

using namespace linalg;

double eps(DType dtype) {
  return dtype == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}
double size_of(const Tensor& x) { return x.size() == 0 ? 0 : max(abs(x.to(f64))).item(); }
/// The largest difference, relative to the largest element.
double distance(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  return size_of(got - want) / std::max(size_of(want), 1e-300);
}

Tensor random(const Shape& shape, std::uint64_t seed = 1, DType dtype = f64) {
  Array x = Array::empty(shape, f64);
  Generator g(seed);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    x.data<double>()[i] = static_cast<double>(g.next() >> 11) * 0x1p-52 - 1;
  }
  return core::cast(x, dtype);
}
/// Orthonormal columns.
Tensor orthogonal(std::int64_t m, std::int64_t n, std::uint64_t seed, DType dtype = f64) {
  return qr(random({m, n}, seed, dtype)).q;
}
/// 1, .., 1 / condition.
Tensor spectrum(std::int64_t n, double condition, DType dtype = f64) {
  Array s = Array::empty({n}, f64);
  for (std::int64_t i = 0; i < n; ++i) {
    s.data<double>()[i] =
        std::pow(condition, -static_cast<double>(i) / std::max<double>(1, static_cast<double>(n - 1)));
  }
  return core::cast(s, dtype);
}
Tensor general(std::int64_t m, std::int64_t n, double condition, DType dtype = f64) {
  const auto k = std::min(m, n);
  return matmul(orthogonal(m, k, 3, dtype) * spectrum(k, condition, dtype), transpose(orthogonal(n, k, 4, dtype)));
}
Tensor positive(std::int64_t n, double condition, DType dtype = f64) {
  const Tensor q = orthogonal(n, n, 5, dtype);
  const Tensor a = matmul(q * spectrum(n, condition, dtype), transpose(q));
  return (a + transpose(a)) * 0.5;
}
Tensor hilbert(std::int64_t n) {
  Array a = Array::empty({n, n}, f64);
  for (std::int64_t i = 0; i < n * n; ++i) a.data<double>()[i] = 1.0 / static_cast<double>(i / n + i % n + 1);
  return a;
}
Tensor transposed_memory(const Tensor& a) { return transpose(Tensor(core::copy(transpose(a).value()))); }

/// A matrix, its condition, its dtype.
template <class F>
void each_matrix(F f) {
  for (const DType dtype : {f64, f32}) {
    for (const double condition : {1.0, 1e3, 1e10}) {
      if (dtype == f32 && condition > 1e3) continue;
      for (const std::int64_t n : {1, 2, 7, 33, 70}) {
        INFO(name(dtype) << ", n = " << n << ", condition " << condition);
        f(n, condition, dtype);
      }
    }
  }
}

TEST_CASE("linalg: solutions solve their equations", "[linalg]") {
  each_matrix([](std::int64_t n, double condition, DType dtype) {
    const Tensor a = general(n, n, condition, dtype);
    const double unit = 20 * static_cast<double>(n) * eps(dtype);
    for (const Tensor& m : {a, transposed_memory(a), slice(concatenate({a, a}, -1), -1, 0, n)}) {
      const Tensor b = random({n, 3}, 7, dtype);
      const Tensor x = solve(m, b);
      // Backward stability: the residual is small relative to |a| |x| for any condition number.
      CHECK(size_of(matmul(a, x) - b) <= unit * (size_of(a) * size_of(x) * static_cast<double>(n) + size_of(b)));
      const Tensor f = lu_solve(lu_factor(m), b);
      CHECK(size_of(matmul(a, f) - b) <= unit * (size_of(a) * size_of(f) * static_cast<double>(n) + size_of(b)));
      const Tensor y = inv(m);
      CHECK(size_of(matmul(y, a) - eye(n, dtype)) <= unit * condition);
      const auto [p, l, u] = lu(m);
      CHECK(distance(matmul(p, matmul(l, u)), a) <= unit);
      CHECK(size_of(l) <= 1);
      if (n <= 7) CHECK(distance(det(m) * det(y), tensor(1, dtype)) <= unit * condition);
      const auto [sign, logabs] = slogdet(m);
      double want = 0;
      for (std::int64_t i = 0; i < n; ++i) want += std::log(select(spectrum(n, condition), 0, i).item());
      CHECK(logabs.item() == Approx(want).margin(unit * condition));
    }
  });
}

TEST_CASE("linalg: Cholesky factors", "[linalg]") {
  each_matrix([](std::int64_t n, double condition, DType dtype) {
    const Tensor a = positive(n, condition, dtype);
    const double unit = 20 * static_cast<double>(n) * eps(dtype);
    const Tensor l = cholesky(a);
    CHECK(size_of(triu(l, 1)) == 0);
    CHECK(distance(matmul(l, transpose(l)), a) <= unit);
    const Tensor u = cholesky(transposed_memory(a), true);
    CHECK(distance(matmul(transpose(u), u), a) <= unit);
    const Tensor b = random({n}, 7, dtype);
    const Tensor x = cholesky_solve(b, l);
    CHECK(size_of(matmul(a, x) - b) <= unit * (size_of(x) * static_cast<double>(n) + 1));
    CHECK(distance(cholesky_solve(b, u, true), x) <= 10 * unit * condition);
    // Only the lower triangle is read.
    CHECK(distance(cholesky(tril(a)), l) == 0);
  });
}

TEST_CASE("linalg: orthogonal factors", "[linalg]") {
  each_matrix([](std::int64_t n, double condition, DType dtype) {
    const double unit = 20 * static_cast<double>(n + 3) * eps(dtype);
    for (const auto& [rows, columns] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{n, n}, {n + 3, n}, {n, n + 3}}) {
      const Tensor a = general(rows, columns, condition, dtype);
      const auto k = std::min(rows, columns);
      for (const bool complete : {false, true}) {
        const auto [q, r] = qr(a, complete ? QRMode::complete : QRMode::reduced);
        CHECK(q.shape() == Shape{rows, complete ? rows : k});
        CHECK(distance(matmul(transpose(q), q), eye(q.shape(1), dtype)) <= unit);
        CHECK(distance(matmul(q, r), a) <= unit);
        CHECK(size_of(tril(r, -1)) == 0);
        const auto [u, s, vh] = svd(a, complete);
        CHECK(distance(matmul(transpose(u), u), eye(u.shape(1), dtype)) <= unit);
        CHECK(distance(matmul(vh, transpose(vh)), eye(vh.shape(0), dtype)) <= unit);
        CHECK(distance(matmul(slice(u, -1, 0, k) * s, slice(vh, -2, 0, k)), a) <= unit);
        CHECK(distance(s, spectrum(k, condition, dtype)) <= unit);
        CHECK(distance(svdvals(a), s) <= unit);
      }
      const Tensor y = pinv(a, 0.01 / condition);
      CHECK(distance(matmul(matmul(a, y), a), a) <= unit * condition);
      CHECK(distance(matmul(matmul(y, a), y), y) <= unit * condition);
      const Tensor b = random({rows, 2}, 8, dtype);
      const auto found = lstsq(a, b, 0.01 / condition);
      CHECK(distance(found.solution, matmul(y, b)) <= unit * condition * condition);
      CHECK(found.rank.item<std::int64_t>() == k);
      CHECK(matrix_rank(a, 0.01 / condition).item<std::int64_t>() == k);
      if (k > 1) CHECK(distance(cond(a), tensor(condition, dtype)) <= unit * condition);
      if (rows > columns) {
        CHECK(distance(found.residuals, sum(square(matmul(a, found.solution) - b), 0)) <= unit);
        // The residual is orthogonal to the columns.
        CHECK(size_of(matmul(transpose(a), matmul(a, found.solution) - b)) <= unit * size_of(found.solution));
      } else {
        CHECK(found.residuals.shape() == Shape{0});
      }
    }
  });
}

TEST_CASE("linalg: eigenvalues and eigenvectors", "[linalg]") {
  each_matrix([](std::int64_t n, double condition, DType dtype) {
    const double unit = 20 * static_cast<double>(n) * eps(dtype);
    const Tensor a = positive(n, condition, dtype);
    const auto [w, v] = eigh(a);
    CHECK(distance(matmul(transpose(v), v), eye(n, dtype)) <= unit);
    CHECK(size_of(matmul(a, v) - v * w) <= unit);
    CHECK(distance(eigvalsh(a), w) <= unit);
    CHECK(all(slice(w, 0, 0, n - 1) <= slice(w, 0, 1, n)).item<bool>());
    const Tensor root = matrix_sqrt(a);
    CHECK(distance(matmul(root, root), a) <= unit);
    const Tensor x = solve_lyapunov(a, v);
    CHECK(size_of(matmul(a, x) + matmul(x, a) - v) <= unit * size_of(x));

    const Tensor m = random({n, n}, 9, dtype);
    const Eig e = eig(m);
    CHECK(size_of(matmul(m, e.v_real) - (e.v_real * e.w_real - e.v_imag * e.w_imag)) <= 4 * unit * size_of(m));
    CHECK(size_of(matmul(m, e.v_imag) - (e.v_real * e.w_imag + e.v_imag * e.w_real)) <= 4 * unit * size_of(m));
    CHECK(distance(sum(square(e.v_real) + square(e.v_imag), 0), ones({n}, dtype)) <= unit);
    CHECK(std::abs(sum(e.w_real).item() - trace(m).item()) <= 4 * unit * static_cast<double>(n));
  });
}

TEST_CASE("linalg: exponentials", "[linalg]") {
  for (const std::int64_t n : {1, 3, 20}) {
    for (const double scale : {1e-3, 0.1, 0.5, 1.5, 4.0, 30.0}) {
      INFO("n = " << n << ", scale " << scale);
      // By eigenvalues, for symmetric matrices.
      const Tensor a = positive(n, 1e3) * scale;
      const auto [w, v] = eigh(a);
      CHECK(distance(matrix_exp(a), matmul(v * exp(w), transpose(v))) <= 1e-13 * (1 + scale));
      if (scale < 10) {
        const Tensor m = random({n, n}, 3) * (scale / 4);
        CHECK(distance(matmul(matrix_exp(m), matrix_exp(-m)), eye(n, f64)) <= 1e-10);
      }
      // In f32 the size may be large too.
      CHECK(distance(matrix_exp(a.to(f32)).to(f64), matrix_exp(a)) <= 1e-5 * (1 + scale));
    }
  }
  // Nilpotent: the series ends.
  const Tensor jordan = triu(ones({5, 5}, f64), 1) * 100.0;
  Tensor want = eye(5, f64);
  Tensor term = want;
  for (int k = 1; k < 5; ++k) {
    term = matmul(term, jordan) * (1.0 / k);
    want = want + term;
  }
  CHECK(distance(matrix_exp(jordan), want) <= 1e-13);
}

TEST_CASE("linalg: Hilbert matrix", "[linalg]") {
  // Its inverse has integer elements, and its determinant is known.
  const std::int64_t n = 6;  // condition 1.5e7
  const Tensor h = hilbert(n);
  const Tensor y = inv(h);
  CHECK(select(select(y, 0, 0), 0, 0).item() == Approx(36).epsilon(1e-8));
  CHECK(select(select(y, 0, 5), 0, 5).item() == Approx(698544).epsilon(1e-8));
  CHECK(det(h).item() == Approx(1 / 186313420339200000.0).epsilon(1e-8));
  const Tensor l = cholesky(h);
  CHECK(distance(matmul(l, transpose(l)), h) <= 1e-15);
  // d log det = inverse, by the exact inverse's known entries.
  const Tensor a = variable(h);
  CHECK(distance(grad(slogdet(a).logabsdet, a), y) <= 1e-8);
}

TEST_CASE("linalg: derivatives at ill-conditioned matrices", "[linalg]") {
  // With w the cotangent: each gradient in closed form, from the exact inverse and spectrum.
  const std::int64_t n = 12;
  for (const double condition : {1e2, 1e6, 1e10}) {
    INFO("condition " << condition);
    const Tensor q = orthogonal(n, n, 5);
    const Tensor s = spectrum(n, condition);
    const Tensor exact = positive(n, condition);
    const Tensor inverse = matmul(q * (1.0 / s), transpose(q));
    const double unit = 100 * static_cast<double>(n) * eps(f64) * condition;
    const Tensor w = random({n, n}, 6);
    const Tensor a = variable(exact);

    const Tensor through_inv = grad(inv(a), a, {.grad_outputs = {w}});
    CHECK(distance(through_inv, -matmul(matmul(inverse, w), inverse)) <= unit);
    const Tensor x = solve(a, w);
    const Tensor through_solve = grad(x, a, {.grad_outputs = {w}});
    CHECK(distance(through_solve, -matmul(matmul(inverse, w), transpose(matmul(inverse, w)))) <= unit);
    const Tensor chained = grad(cholesky_solve(w, cholesky(a)), a, {.grad_outputs = {w}});
    const Tensor symmetric = (through_solve + transpose(through_solve)) * 0.5;
    CHECK(distance(chained, symmetric) <= 10 * unit);
    // log det through the factor: 2 sum log l_ii.
    const Tensor through_factor = grad(sum(log(diagonal(cholesky(a), 0, -2, -1))) * 2.0, a);
    CHECK(distance(through_factor, inverse) <= unit);
    // Eigenvalues: v diag(c) v^T, independent of gaps; and sin(a), with divided differences.
    const Tensor c = random({n}, 8);
    const Tensor ascending = Tensor(core::copy(eigvalsh(exact).value()));
    const Tensor through_values = grad(eigvalsh(a), a, {.grad_outputs = {c}});
    const Tensor v = eigh(exact).v;
    CHECK(distance(through_values, matmul(v * c, transpose(v))) <= 1e-12);
    const auto e = eigh(a);
    const Tensor through_sine = grad(matmul(e.v * sin(e.w), transpose(e.v)), a, {.grad_outputs = {w}});
    const Tensor differences = unsqueeze(ascending, -1) - unsqueeze(ascending, -2);
    const Tensor means = (unsqueeze(ascending, -1) + unsqueeze(ascending, -2)) * 0.5;
    // (sin x - sin y) / (x - y) = cos((x + y) / 2) sinc((x - y) / 2)
    const Tensor half = differences * 0.5;
    const Tensor sinc = where(half == 0.0, 1.0, sin(half) / where(half == 0.0, 1.0, half));
    const Tensor inner = matmul(matmul(transpose(v), (w + transpose(w)) * 0.5), v) * cos(means) * sinc;
    CHECK(distance(through_sine, matmul(matmul(v, inner), transpose(v))) <= 100 * unit);
  }
}

TEST_CASE("linalg: derivatives at equal eigenvalues", "[linalg]") {
  const Tensor q = orthogonal(4, 4, 2);
  const Tensor a = variable(matmul(q * tensor({1, 1, 1, 3}, f64), transpose(q)));
  const Tensor w = random({4, 4}, 4);

  // The sum of f(w): f'(a).
  CHECK(distance(grad(sum(exp(eigvalsh(a))), a), matrix_exp(a.detach())) <= 1e-13);
  CHECK(distance(grad(sum(exp(eigh(a).w)), a), matrix_exp(a.detach())) <= 1e-13);
  // The projection on a simple eigenvalue's space, although the others are equal.
  const auto [e, v] = eigh(a);
  const Tensor last = slice(v, -1, 3, 4);
  const Tensor p = matmul(last, transpose(last));
  const Tensor got = grad(p, a, {.retain_graph = true, .grad_outputs = {w}});
  const Tensor pv = p.detach();
  const Tensor rest = eye(4, f64) - pv;
  const Tensor sym = (w + transpose(w)) * 0.5;
  const Tensor want = (matmul(matmul(pv, sym), rest) + matmul(matmul(rest, sym), pv)) * 0.5;  // the gap is 2
  CHECK(distance(got, want) <= 1e-12);
  // v v^T is the identity for any v.
  CHECK(size_of(grad(matmul(v, transpose(v)), a, {.retain_graph = true, .grad_outputs = {w}})) <= 1e-12);
  // One of the vectors of the triple depends on the choice of basis.
  CHECK_THROWS_AS(grad(sum(slice(v, -1, 0, 1) * slice(w, -1, 0, 1)), a), NumericalError);
  // Second derivatives: the Hessian of the sum of squares is 2 <., .>.
  const Tensor g = grad(sum(square(eigvalsh(a))), a, {.create_graph = true});
  CHECK(distance(g, a.detach() * 2.0) <= 1e-13);
}

TEST_CASE("linalg: derivatives at equal and zero singular values", "[linalg]") {
  const Tensor u = orthogonal(4, 3, 2);
  const Tensor v = orthogonal(3, 3, 3);
  const Tensor w = random({4, 3}, 4);
  {
    // The polar factor at equal singular values (2, 2, 1): its inner derivative has the sums of singular values below.
    const Tensor a = variable(matmul(u * tensor({2, 2, 1}, f64), transpose(v)));
    const auto [x, s, yh] = svd(a);
    const Tensor polar = matmul(x, yh);
    const Tensor got = grad(polar, a, {.grad_outputs = {w}});
    const auto differences = [&] {
      // From h = (a^T a)^(1/2), which is smooth: polar = a h^-1.
      return grad(matmul(a, inv(matrix_sqrt(matmul(transpose(a), a)))), a, {.grad_outputs = {w}});
    }();
    CHECK(distance(got, differences) <= 1e-12);
    CHECK(distance(grad(sum(svdvals(a)), a), polar.detach()) <= 1e-13);
  }
  {
    // The nuclear norm's gradient at a matrix of rank 2: finite.
    const Tensor a = variable(matmul(u * tensor({2, 1, 0}, f64), transpose(v)));
    CHECK(std::isfinite(size_of(grad(matrix_norm(a, MatrixNorm::nuc), a))));
    // The part of rank 2 is smooth there.
    const auto [x, s, yh] = svd(a);
    const Tensor part = matmul(slice(x, -1, 0, 2) * slice(s, -1, 0, 2), slice(yh, -2, 0, 2));
    const Tensor got = grad(part, a, {.retain_graph = true, .grad_outputs = {w}});
    // dP = U U^T da + da V V^T - U U^T da V V^T for the projections on its columns and rows.
    const Tensor pu = matmul(slice(x, -1, 0, 2), transpose(slice(x, -1, 0, 2))).detach();
    const Tensor pv = matmul(transpose(slice(yh, -2, 0, 2)), slice(yh, -2, 0, 2)).detach();
    CHECK(distance(got, matmul(pu, w) + matmul(w, pv) - matmul(matmul(pu, w), pv)) <= 1e-12);
    CHECK_THROWS_AS(grad(sum(slice(x, -1, 2, 3) * slice(w, -1, 0, 1)), a), NumericalError);
  }
}

TEST_CASE("linalg: the derivative of a determinant is the adjugate, for any rank", "[linalg]") {
  // Known adjugate of a singular matrix: rows 1 2 3, 4 5 6, 7 8 9.
  const Tensor a = variable(tensor({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, f64));
  const Tensor cofactors = tensor({{-3, 6, -3}, {6, -12, 6}, {-3, 6, -3}}, f64);
  // Elimination gives the determinant of a matrix that is gamma_n |L||U| <= gamma_n n 9 away (Higham, theorem 9.3).
  CHECK(std::abs(det(a).item()) <= bounds::gamma(6, f64) * 3 * 9 * sum(abs(cofactors)).item());
  CHECK(distance(grad(det(a), a), cofactors) <= 1e-13);
  CHECK(size_of(grad(det(variable(zeros({3, 3}, f64))) * 1.0 + 0.0, a, {.allow_unused = true})) == 0);
  // In a stack with a regular one.
  const Tensor both = variable(stack({a.detach(), eye(3, f64) * 2.0}));
  const Tensor g = grad(sum(det(both)), both);
  CHECK(distance(select(g, 0, 0), cofactors) <= 1e-13);
  CHECK(distance(select(g, 0, 1), eye(3, f64) * 4.0) <= 1e-15);
  // Nearly singular: the adjugate is the product of all singular values but one, of which 1e-8 is the least, and
  // each is known to n roundings of the largest.
  const Tensor near = variable(general(6, 6, 1e10));
  const Tensor s = spectrum(6, 1e10);
  const auto [u, sv, vh] = svd(near.detach());
  const Tensor others = prod(s) / s;
  const double sign = det(u).item() * det(vh).item();
  CHECK(distance(grad(det(near), near), matmul(u * others, vh) * sign) <= bounds::gamma(6 * 6, f64) * 1e8);
}

TEST_CASE("linalg: least squares at constant rank", "[linalg]") {
  // Moore-Penrose conditions and least norm for a matrix of rank 2.
  const Tensor a = matmul(random({5, 2}, 1), random({2, 4}, 2));
  const Tensor b = random({5}, 3);
  const auto [x, residuals, rank, s] = lstsq(a, b);
  CHECK(rank.item<std::int64_t>() == 2);
  CHECK(s.shape() == Shape{4});
  CHECK(residuals.shape() == Shape{0});
  CHECK(size_of(matmul(transpose(a), matmul(a, x) - b)) <= 1e-13);
  CHECK(distance(matmul(pinv(a), matmul(a, x)), x) <= 1e-13);
  const Tensor y = pinv(a);
  CHECK(size_of(matmul(a, y) - transpose(matmul(a, y))) <= 1e-13);
  CHECK(size_of(matmul(y, a) - transpose(matmul(y, a))) <= 1e-13);
}

TEST_CASE("linalg: other functions by their definitions", "[linalg]") {
  const Tensor a = random({3, 3}, 1);
  CHECK(distance(matrix_power(a, 0), eye(3, f64)) == 0);
  CHECK(matrix_power(random({2, 3, 3}, 1), 0).shape() == Shape{2, 3, 3});
  CHECK(distance(matrix_power(a, 6), matmul(matmul(matmul(a, a), matmul(a, a)), matmul(a, a))) <= 1e-14);
  CHECK(linalg::norm(tensor({3, 4}, f64)).item() == 5);
  CHECK(linalg::norm(tensor({3, -4}, f64), 1).item() == 7);
  CHECK(linalg::norm(tensor({3, -4}, f64), std::numeric_limits<double>::infinity()).item() == 4);
  CHECK(size_of(grad(linalg::norm(variable(zeros({3}, f64))), variable(zeros({3}, f64)), {.allow_unused = true})) == 0);
  const Tensor zero = variable(zeros({3, 3}, f64));
  CHECK(size_of(grad(linalg::norm(zero), zero)) == 0);
  CHECK(std::isinf(cond(zeros({2, 2}, f64) + tensor({{1, 0}, {0, 0}}, f64)).item()));
  CHECK(distance(vander(tensor({2, 3}, f64), 1), ones({2, 1}, f64)) == 0);
  CHECK(distance(vander(tensor({2, 3}, f64), 4), tensor({{8, 4, 2, 1}, {27, 9, 3, 1}}, f64)) == 0);
  CHECK(std::isnan(logdet(tensor({{0, 1}, {1, 0}}, f64)).item()));
  CHECK(logdet(zeros({2, 2}, f64)).item() == -std::numeric_limits<double>::infinity());
  CHECK(slogdet(tensor({{0, 1}, {1, 0}}, f64)).sign.item() == -1);
  CHECK(slogdet(zeros({2, 2}, f64)).sign.item() == 0);
  CHECK(det(zeros({2, 2}, f64)).item() == 0);
}

}  // namespace
}  // namespace newtape
