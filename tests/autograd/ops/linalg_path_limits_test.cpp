// SPDX-License-Identifier: BSD-3-Clause
// Functions of the values and vectors of eigh and svd together at equal values: derivatives from the graph of the
// cotangents, which sweeps record for these operations only.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>

namespace newtape {
namespace {

using namespace linalg;

Tensor of_values(const Tensor& v, const Tensor& f) { return matmul(v * unsqueeze(f, -2), transpose(v)); }
Tensor exponential_of_parts(const Tensor& a) {
  const auto [w, v] = eigh(a);
  return of_values(v, exp(w));
}
Tensor symmetric_of(const Tensor& x) { return (x + transpose(x)) * 0.5; }
Tensor exponential_of_symmetric(const Tensor& a) { return matrix_exp(symmetric_of(a)); }
const Tensor weights_of_test = tensor({{1., 2, -1}, {3, 4, 0.5}, {2, -3, 1}}, f64);

/// A matrix with eigenvalues w, in a basis that is not that of the axes.
Tensor with_eigenvalues(std::initializer_list<double> w) {
  const Tensor q = qr(tensor({{1.0, 2, -1}, {0.5, 1, 3}, {-2, 0.25, 1}}, f64)).q;
  return symmetric_of(matmul(q * tensor(std::vector<double>(w), f64), transpose(q)));
}
std::vector<Tensor> equal_points() {
  return {eye(3, f64),
          diag_embed(tensor({1., 1, 2}, f64)),
          zeros({3, 3}, f64),
          with_eigenvalues({1, 1, 2}),
          with_eigenvalues({2, 0, 0}),
          with_eigenvalues({1, 1, 1})};
}
double relative_to(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  return max(abs(got - want)).item() / std::max(max(abs(want)).item(), 1.0);
}
/// Products of 3 x 3 matrices with elements up to 10, in a graph of some ten of them.
const double rounding_of_test = bounds::gamma(3 * 10 * 10, f64) * 100;

Tensor gradient(const UnaryFunction& f, const Tensor& a) { return grad(f)(a); }

TEST_CASE("linalg: several functions of one factorization at equal values, and one of two", "[linalg]") {
  for (const auto& a : equal_points()) {
    INFO("at " << max(abs(a)).item());
    // Traceless in blocks of two, where multiples of the cotangents of the vectors would explain those of the values.
    const auto mixed = [](const Tensor& f, const Tensor& g) { return f[0][1] * sin(g[0][0] - g[1][1]) + f[0][2]; };
    const UnaryFunction two = [&](const Tensor& x) {
      const auto [w, v] = eigh(x);
      return mixed(of_values(v, exp(w)), of_values(v, exp(w * -2.0)));
    };
    const UnaryFunction reference = [&](const Tensor& x) {
      return mixed(exponential_of_symmetric(x), exponential_of_symmetric(x * -2.0));
    };
    CHECK(relative_to(gradient(two, a), gradient(reference, a)) <= rounding_of_test);
    const UnaryFunction one_element = [](const Tensor& x) { return exponential_of_parts(x)[0][1]; };
    CHECK(relative_to(gradient(one_element, a),
                      gradient([](const Tensor& x) { return exponential_of_symmetric(x)[0][1]; }, a)) <=
          rounding_of_test);
    // Values and vectors of two factorizations of the same matrix.
    const UnaryFunction split = [](const Tensor& x) {
      return sum(of_values(eigh(x).v, exp(eigvalsh(x))) * weights_of_test);
    };
    const UnaryFunction whole = [](const Tensor& x) { return sum(exponential_of_symmetric(x) * weights_of_test); };
    CHECK(relative_to(gradient(split, a), gradient(whole, a)) <= rounding_of_test);
    // All of the Jacobian, by batches of cotangents and forward.
    const Tensor rows = jacobian(UnaryFunction(exponential_of_parts), a);
    const Tensor want = jacobian(UnaryFunction(exponential_of_symmetric), a);
    CHECK(relative_to(rows, want) <= rounding_of_test);
    const Tensor columns = jacobian(UnaryFunction(exponential_of_parts), a, {.mode = JacobianOptions::Mode::forward});
    CHECK(relative_to(columns, want) <= rounding_of_test);
  }
}

TEST_CASE("linalg: functions that mix the matrices of a stack, at equal values of some", "[linalg]") {
  const Tensor a = stack({eye(3, f64), with_eigenvalues({1, 2, 3}), with_eigenvalues({1, 1, 2})}, 0);
  const auto product = [](const Tensor& y) { return sum(matmul(y[0], matmul(y[1], y[2])) * weights_of_test); };
  CHECK(relative_to(gradient([&](const Tensor& x) { return product(exponential_of_parts(x)); }, a),
                    gradient([&](const Tensor& x) { return product(exponential_of_symmetric(x)); }, a)) <=
        100 * rounding_of_test);
  const UnaryFunction singular = [&](const Tensor& x) {
    const auto [u, s, vh] = svd(x);
    return product(matmul(u * unsqueeze(sin(s), -2), vh));
  };
  const UnaryFunction reference = [&](const Tensor& x) {
    return product(singular_value_function([](const Tensor& s) { return sin(s); }, x));
  };
  CHECK(relative_to(gradient(singular, a), gradient(reference, a)) <= 100 * rounding_of_test);
}

TEST_CASE("linalg: functions that depend on the choice of vectors of equal values are an error", "[linalg]") {
  for (const auto& a : {eye(3, f64), diag_embed(tensor({1., 1, 2}, f64)), with_eigenvalues({1, 1, 2})}) {
    // In the basis of the axes, an element of the vectors is stationary.
    CHECK_THROWS_AS(gradient([](const Tensor& x) { return eigh(x).v[0][0]; }, a), NumericalError);
    CHECK_THROWS_AS(gradient([](const Tensor& x) { return svd(x).u[0][2]; }, a), NumericalError);
    const UnaryFunction product = [](const Tensor& x) {
      const auto [w, v] = eigh(x);
      return v[0][0] * w[0];
    };
    CHECK_THROWS_AS(gradient(product, a), NumericalError);
    CHECK_THROWS_AS(jvp(UnaryFunction([](const Tensor& x) { return eigh(x).v; }), a, weights_of_test), NumericalError);
    const UnaryFunction component = [](const Tensor& x) {
      const auto [w, v] = eigh(x);
      return square(sum(select(v, -1, 0) * tensor({1., 2, 3}, f64))) * w[0];
    };
    CHECK_THROWS_AS(gradient(component, a), NumericalError);
    CHECK_THROWS_AS(jvp(component, a, weights_of_test), NumericalError);
  }
}

TEST_CASE("linalg: gradients at equal values are constants, and the graph is released", "[linalg]") {
  const Tensor want =
      gradient([](const Tensor& x) { return sum(exponential_of_symmetric(x) * weights_of_test); }, eye(3, f64));
  const Tensor a = variable(eye(3, f64));
  const Tensor scale = variable(tensor({2.0}, f64));
  const Tensor y = sum(exponential_of_parts(a) * weights_of_test * scale);
  y.backward();
  CHECK_FALSE(a.grad().requires_grad());
  CHECK_FALSE(scale.grad().requires_grad());
  CHECK(relative_to(a.grad(), want * 2.0) <= rounding_of_test);
  CHECK_THROWS_AS(y.backward(), ValueError);
  // Retained, hooked, and within a checkpoint.
  const Tensor b = variable(eye(3, f64));
  const Tensor between = exponential_of_parts(b);
  int calls = 0;
  const auto hook = between.register_hook([&](const Tensor&) {
    ++calls;
    return Tensor();
  });
  const Tensor z = sum(between * weights_of_test);
  z.backward({.retain_graph = true});
  z.backward();
  CHECK(calls == 2);
  CHECK(relative_to(b.grad(), want * 2.0) <= rounding_of_test);
  const UnaryFunction kept = [](const Tensor& x) {
    return sum(checkpoint([](const Tensor& t) { return exponential_of_parts(t); }, x) * weights_of_test);
  };
  CHECK(relative_to(gradient(kept, eye(3, f64)), want) <= rounding_of_test);
}

TEST_CASE("linalg: whitening by eigh of a unit covariance, in both dtypes", "[linalg]") {
  const Tensor x = tensor({{1., 1}, {1, -1}, {-1, 1}, {-1, -1}}, f64);
  const Tensor c = tensor({{1., 2}, {3, 4}, {-2, 0.5}, {1, -1}}, f64);
  const auto whitened = [](const Tensor& t, const Tensor& root) { return matmul(t - mean(t, 0, true), root); };
  const auto covariance = [](const Tensor& t) {
    const Tensor centred = t - mean(t, 0, true);
    return matmul(transpose(centred), centred) / 4.0;
  };
  for (const auto dtype : {f64, f32}) {
    const Tensor weights = c.to(dtype);
    const UnaryFunction by_parts = [&](const Tensor& t) {
      const auto [w, v] = eigh(covariance(t));
      return sum(whitened(t, of_values(v, rsqrt(w))) * weights);
    };
    const UnaryFunction by_function = [&](const Tensor& t) {
      return sum(whitened(t, matrix_rsqrt(covariance(t))) * weights);
    };
    const double bound = bounds::gamma(64, dtype) * 100;
    CHECK(relative_to(gradient(by_parts, x.to(dtype)), gradient(by_function, x.to(dtype))) <= bound);
  }
}

}  // namespace
}  // namespace newtape
