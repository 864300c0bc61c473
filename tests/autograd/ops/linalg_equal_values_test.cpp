// SPDX-License-Identifier: BSD-3-Clause
// eigh, svd and eig at equal, zero and nearly equal values: their derivatives are right, in closed form, or an error.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>

namespace newtape {
namespace {

using namespace linalg;

double difference_of(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  return max(abs(got - want)).item() / std::max(max(abs(want)).item(), 1e-300);
}
Tensor matrix_of(std::initializer_list<double> values, std::int64_t columns) {
  Array a = Array::empty({static_cast<std::int64_t>(values.size()) / columns, columns}, f64);
  std::copy(values.begin(), values.end(), a.data<double>());
  return a;
}
Tensor vector_of(std::initializer_list<double> values) {
  return squeeze(matrix_of(values, static_cast<std::int64_t>(values.size())), 0);
}
Tensor diagonal_of(std::initializer_list<double> values) { return diag_embed(vector_of(values)); }
Tensor a_rotation(std::int64_t n) {
  Array a = Array::empty({n, n}, f64);
  for (std::int64_t i = 0; i < n * n; ++i) a.data<double>()[i] = std::sin(static_cast<double>(i * i + 1));
  return qr(a).q;
}

using Elementwise = Tensor (*)(In);
Tensor by_eigh(Elementwise f, const Tensor& a) {
  const auto e = eigh(a);
  return matmul(e.v * f(e.w), transpose(e.v));
}
Tensor by_svd(Elementwise f, const Tensor& a) {
  const auto d = svd(a);
  return matmul(d.u * f(d.s), d.vh);
}
Tensor itself(In x) { return x * 1.0; }

/// The points of the table: a symmetric matrix each.
std::vector<Tensor> singular_points() {
  const Tensor q = a_rotation(3);
  const auto with = [&](std::initializer_list<double> w) { return matmul(q * vector_of(w), transpose(q)); };
  return {eye(3, f64),
          diagonal_of({1, 1, 2}),
          zeros({3, 3}, f64),
          with({1, 1, 2}),
          with({2, 0, 0}),
          diagonal_of({1, 1 + 1e-8, 2}),
          with({1, 1 + 1e-8, 2}),
          diagonal_of({1, 1 + 1e-12, 2}),
          with({1, 1 + 1e-12, 2}),
          with({1, 1 + 1e-14, 2})};
}

/// Either `f` throws NumericalError that names one of the functions of matrices, or its result is `want`.
template <class F>
bool right_or_error(F f, const Tensor& want, double bound) {
  try {
    const Tensor got = f();
    const double found = difference_of(got, want);
    INFO("relative difference " << found);
    CHECK(found <= bound);
    return true;
  } catch (const NumericalError& e) {
    INFO(e.what());
    CHECK(std::string(e.what()).find("linalg::") != std::string::npos);
    return false;
  }
}

const Tensor weight_matrix = matrix_of({1, 2, -1, 3, 4, 0.5, 2, -3, 1}, 3);

TEST_CASE("linalg: functions of eigh at equal values are right to order one, and right or an error to order two",
          "[linalg]") {
  const Tensor& b = weight_matrix;
  const double bound = std::pow(2.2e-16, 0.375);  // as documented
  for (const auto& a : singular_points()) {
    INFO("at " << max(abs(a)).item());
    const auto weighted = [&](const Tensor& y) { return sum(y * b); };
    // f(a) = a: the gradient is the symmetric part of b, the derivative along t is t, the second derivative is 0.
    const UnaryFunction same = [&](const Tensor& x) { return weighted(by_eigh(itself, x)); };
    const Tensor symmetric_b = (b + transpose(b)) * 0.5;
    CHECK(right_or_error([&] { return grad(same)(a); }, symmetric_b, bound));
    const UnaryFunction rebuilt = [](const Tensor& x) { return by_eigh(itself, x); };
    CHECK(right_or_error([&] { return jvp(rebuilt, a, symmetric_b).second; }, symmetric_b, bound));
    right_or_error([&] { return hvp(same, a, symmetric_b).second + eye(3, f64); }, eye(3, f64), 1e-4);
    // exp(a), against the exponential without eigenvalues.
    const UnaryFunction exponential = [&](const Tensor& x) { return weighted(by_eigh(exp, x)); };
    const UnaryFunction reference = [&](const Tensor& x) { return weighted(matrix_exp((x + transpose(x)) * 0.5)); };
    CHECK(right_or_error([&] { return grad(exponential)(a); }, grad(reference)(a), bound));
    right_or_error([&] { return hvp(exponential, a, symmetric_b).second; }, hvp(reference, a, symmetric_b).second,
                   1e-4);
    // Functions of the values: tr(a^2) and its derivatives 2 a and 2 t.
    const UnaryFunction squares = [](const Tensor& x) { return sum(square(eigvalsh(x))); };
    CHECK(difference_of(grad(squares)(a) + eye(3, f64), a * 2.0 + eye(3, f64)) <= 1e-13);
    right_or_error([&] { return hvp(squares, a, symmetric_b).second; }, symmetric_b * 2.0, 1e-4);
    const auto along = jvp(squares, a, symmetric_b).second;
    CHECK(std::abs(along.item() - sum(a * symmetric_b).item() * 2) <= 1e-12);
    // The trace has a second derivative of 0.
    const UnaryFunction total = [](const Tensor& x) { return sum(eigvalsh(x)); };
    right_or_error([&] { return hvp(total, a, symmetric_b).second + eye(3, f64); }, eye(3, f64), 1e-4);
  }
}

TEST_CASE("linalg: functions of svd at equal and zero values are right to order one, right or an error to order two",
          "[linalg]") {
  const Tensor& b = weight_matrix;
  const double bound = std::pow(2.2e-16, 0.375);
  auto points = singular_points();
  points.push_back(outer(vector_of({1, 2, 3}), vector_of({1, -1, 2})));
  for (const auto& a : points) {
    for (const std::int64_t rows : {3, 2}) {
      const Tensor x = slice(a, 0, 0, rows);
      const Tensor c = slice(b, 0, 0, rows);
      const UnaryFunction same = [&](const Tensor& y) { return sum(by_svd(itself, y) * c); };
      CHECK(right_or_error([&] { return grad(same)(x); }, c, bound));
      const UnaryFunction rebuilt = [](const Tensor& y) { return by_svd(itself, y); };
      CHECK(right_or_error([&] { return jvp(rebuilt, x, c).second; }, c, bound));
      right_or_error([&] { return hvp(same, x, c).second + 1.0; }, ones({rows, 3}, f64), 1e-4);
      const UnaryFunction wave = [&](const Tensor& y) { return sum(by_svd(sin, y) * c); };
      const UnaryFunction reference = [&](const Tensor& y) {
        return sum(singular_value_function([](const Tensor& s) { return sin(s); }, y) * c);
      };
      CHECK(right_or_error([&] { return grad(wave)(x); }, grad(reference)(x), bound));
      right_or_error([&] { return hvp(wave, x, c).second; }, hvp(reference, x, c).second, 1e-4);
      const UnaryFunction squares = [](const Tensor& y) { return sum(square(svdvals(y))); };
      CHECK(max(abs(grad(squares)(x) - x * 2.0)).item() <= 1e-13);
      right_or_error([&] { return hvp(squares, x, c).second; }, c * 2.0, 1e-4);
    }
  }
}

TEST_CASE("linalg: functions of eig at equal values are right or an error", "[linalg]") {
  const Tensor& b = weight_matrix;
  auto points = singular_points();
  points.push_back(matrix_of({1, 1, 0, 0, 1, 1, 0, 0, 1}, 3));  // defective
  for (const auto& a : points) {
    // v diag(w) v^-1 of real values.
    const UnaryFunction same = [&](const Tensor& x) {
      const Eig e = eig(x);
      return sum(matmul(e.v_real * e.w_real, inv(e.v_real)) * b);
    };
    right_or_error([&] { return grad(same)(a); }, b, 1e-4);
    const UnaryFunction total = [](const Tensor& x) { return sum(eigvals(x)[0]); };
    right_or_error([&] { return grad(total)(a); }, eye(3, f64), 1e-4);
    const UnaryFunction squares = [](const Tensor& x) {
      const auto [re, im] = eigvals(x);
      return sum(re * re - im * im);
    };
    right_or_error([&] { return grad(squares)(a) + eye(3, f64); }, transpose(a) * 2.0 + eye(3, f64), 1e-4);
    right_or_error([&] { return hvp(squares, a, b).second; }, transpose(b) * 2.0, 1e-4);
  }
}

TEST_CASE("linalg: what is determined at equal values is right, not an error", "[linalg]") {
  const Tensor& b = weight_matrix;
  const Tensor symmetric_b = (b + transpose(b)) * 0.5;
  const Tensor a = diagonal_of({1, 1, 2});
  // The largest value and its projection, where the others are equal.
  const UnaryFunction largest = [&](const Tensor& x) {
    const auto [w, v] = eigh(x);
    return sum(matmul(slice(v, -1, 2, 3) * slice(w, -1, 2, 3), transpose(slice(v, -1, 2, 3))) * b);
  };
  // d(w p) for p = e3 e3^T: p s p + w (p s (1 - p) + (1 - p) s p) / gap, symmetric s.
  Tensor want = symmetric_b * matrix_of({0, 0, 2, 0, 0, 2, 2, 2, 1}, 3);
  CHECK(difference_of(grad(largest)(a), want) <= 1e-13);
  // The projection alone, also forward.
  const UnaryFunction projection = [](const Tensor& x) {
    const Tensor v = slice(eigh(x).v, -1, 2, 3);
    return matmul(v, transpose(v));
  };
  want = symmetric_b * matrix_of({0, 0, 1, 0, 0, 1, 1, 1, 0}, 3);
  CHECK(difference_of(jvp(projection, a, symmetric_b).second, want) <= 1e-13);
  // Of the largest value of three equal ones, the mean of the generalized derivatives.
  const UnaryFunction top = [](const Tensor& x) { return select(eigvalsh(x), -1, 2); };
  CHECK(difference_of(grad(top)(eye(3, f64)), eye(3, f64) / 3.0) <= 1e-13);
  CHECK(difference_of(grad(UnaryFunction([](const Tensor& x) { return matrix_norm(x, 2.0); }))(a_rotation(3)),
                      a_rotation(3) / 3.0) <= 1e-13);
  // A cotangent of 0 sends back 0.
  const UnaryFunction unused = [](const Tensor& x) { return sum(by_eigh(exp, x) * 0.0); };
  CHECK(max(abs(grad(unused)(eye(3, f64)))).item() == 0);
}

TEST_CASE("linalg: distinct values are not refused, in either dtype", "[linalg]") {
  const std::int64_t n = 30;
  Array values = Array::empty({n}, f64);
  for (std::int64_t i = 0; i < n; ++i) values.data<double>()[i] = -1 + 2.0 * static_cast<double>(i) / n;
  const Tensor q = a_rotation(n);
  const Tensor wide = matmul(q * Tensor(values), transpose(q));
  const Tensor b = matmul(slice(q, -1, 0, 1), transpose(slice(q, -1, 1, 2))) + eye(n, f64);
  for (const DType dtype : {f32, f64}) {
    const Tensor a = ((wide + transpose(wide)) * 0.5).to(dtype);
    const Tensor c = b.to(dtype);
    const UnaryFunction by_values = [&](const Tensor& x) { return sum(by_eigh(exp, x) * c); };
    const UnaryFunction by_svd_sine = [&](const Tensor& x) { return sum(by_svd(sin, x + eye(n, dtype) * 2.0) * c); };
    const UnaryFunction reference = [&](const Tensor& x) { return sum(matrix_exp((x + transpose(x)) * 0.5) * c); };
    // p is rounded by gamma_n of its columns, and divided by gaps of 2 / n.
    const double bound = bounds::gamma(static_cast<double>(n), dtype) * static_cast<double>(n) * 10;
    CHECK(difference_of(grad(by_values)(a), grad(reference)(a)) <= bound);
    CHECK(difference_of(jvp(by_values, a, c).second, jvp(reference, a, c).second) <= bound);
    CHECK(difference_of(hvp(by_values, a, c).second, hvp(reference, a, c).second) <= bound * n * 10);
    CHECK_NOTHROW(hvp(by_svd_sine, a, c));
  }
}

TEST_CASE("linalg: functions of matrices where eigh refuses", "[linalg]") {
  const Tensor b = matrix_of({1, 2, 3, 4}, 2);
  const Tensor symmetric_b = matrix_of({1, 2.5, 2.5, 4}, 2);
  const Tensor i = eye(2, f64);
  const auto weighted = [&](auto f) { return UnaryFunction([f, b](const Tensor& a) { return sum(f(a) * b); }); };
  CHECK(difference_of(grad(weighted([](const Tensor& a) { return matrix_rsqrt(a); }))(i), symmetric_b * -0.5) <= 1e-14);
  CHECK(difference_of(grad(weighted([](const Tensor& a) { return matrix_log(a); }))(i), symmetric_b) <= 1e-14);
  CHECK(difference_of(grad(weighted([](const Tensor& a) { return matrix_sqrt(a); }))(i), symmetric_b * 0.5) <= 1e-14);
  // tr(a^2): its Hessian maps t to the symmetric part of 2 t.
  const UnaryFunction squares = [](const Tensor& a) {
    return trace(matrix_function([](const Tensor& x) { return square(x); }, a));
  };
  CHECK(difference_of(hessian(squares, i),
                      reshape(matrix_of({2, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 2}, 4), {2, 2, 2, 2})) <= 1e-14);
  // Third derivatives along t of tr(exp(a)) at 0: tr(t^3).
  const Tensor zero = zeros({2, 2}, f64);
  const UnaryFunction partition = [](const Tensor& a) {
    return trace(matrix_function([](const Tensor& x) { return exp(x); }, a));
  };
  const UnaryFunction second = [&](const Tensor& a) {
    return sum(hvp(partition, a, symmetric_b).second * symmetric_b);
  };
  const Tensor cube = matmul(symmetric_b, matmul(symmetric_b, symmetric_b));
  CHECK(difference_of(sum(grad(second)(zero) * symmetric_b), trace(cube)) <= 1e-13);
  // The smooth part of a rank-one matrix, 4 x 4.
  const Tensor rank_one = outer(vector_of({1, 2, 3, 4}), vector_of({1, 1, 2, 2}));
  const UnaryFunction same = [](const Tensor& a) { return sum(singular_value_function(itself, a)); };
  CHECK(difference_of(grad(same)(rank_one), ones({4, 4}, f64)) <= 1e-13);
}

TEST_CASE("linalg: the exponential's derivative by divided differences equals that by block matrices", "[linalg]") {
  // Higham 2008, theorem 3.6: the upper right block of exp([[a, e], [0, a]]).
  const Tensor e = (weight_matrix + transpose(weight_matrix)) * 0.5;
  for (const auto& a : singular_points()) {
    const UnaryFunction f = [](const Tensor& x) { return matrix_function([](const Tensor& t) { return exp(t); }, x); };
    const Tensor got = jvp(f, a, e).second;
    const UnaryFunction by_blocks = [](const Tensor& x) { return matrix_exp(x); };
    CHECK(difference_of(got, jvp(by_blocks, a, e).second) <= 1e-13);
  }
}

}  // namespace
}  // namespace newtape
