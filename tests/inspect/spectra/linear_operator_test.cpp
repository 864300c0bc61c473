// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/inspect/spectra/linear_operator.hpp>

#include <limits>

namespace nt = newtape;
namespace core = newtape::core;
using newtape::inspect::LinearOperator;

TEST_CASE("a linear operator multiplies as its matrix does") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const auto a = normal<nt::Array>({5, 3}, 1, dtype);
    const LinearOperator op(a);
    CHECK_FALSE(op.symmetric());
    CHECK(op.rows() == 5);
    CHECK(op.columns() == 3);
    CHECK(same_bits(op.matrix(), a));
    const auto u = normal<nt::Array>({5}, 2, dtype);
    const nt::Array expected = core::reshape(core::matmul(core::reshape(u, {1, 5}), a), {3});
    // Sums of 5 products of normal numbers, of which none exceeds 5.
    CHECK(distance(op.adjoint(u), expected) <= bounds::gamma(10, dtype) * 5 * 25);

    const nt::Array square = core::matmul(core::transpose(a, 0, 1), a);
    const double bound = 2 * bounds::gamma(10, dtype) * 5 * 25 * 3;
    CHECK(distance(newtape::inspect::gram(op).matrix(), square) <= bound);
  }
}

TEST_CASE("scaled and shifted operators") {
  const auto x = normal<nt::Array>({4, 4}, 3);
  const LinearOperator symmetric(x + core::transpose(x, 0, 1));
  REQUIRE(symmetric.symmetric());
  const auto d = normal<nt::Array>({4}, 4);
  const nt::Array a = symmetric.matrix();
  const nt::Array dad = core::unsqueeze(d, 1) * a * d;
  const auto s = newtape::inspect::scaled(symmetric, d);
  CHECK(s.symmetric());
  CHECK(distance(s.matrix(), dad) <= bounds::gamma(4, nt::f64) * 5);
  CHECK(distance(newtape::inspect::scaled(LinearOperator(x), d).matrix(), core::unsqueeze(d, 1) * x * d) <=
        bounds::gamma(4, nt::f64) * 5);
  CHECK(distance(newtape::inspect::shifted(symmetric, 2.5).matrix(), a + core::eye(4, nt::f64) * 2.5) <=
        bounds::gamma(2, nt::f64));
  const auto general = newtape::inspect::shifted(LinearOperator(x), -1);
  CHECK_FALSE(general.symmetric());
  CHECK(distance(general.adjoint(d), core::reshape(core::matmul(core::reshape(d, {1, 4}), x), {4}) - d) <=
        bounds::gamma(8, nt::f64) * 100);
}

TEST_CASE("linear operators reject what does not fit") {
  const LinearOperator op(normal<nt::Array>({3, 2}, 1));
  CHECK_THROWS_AS(op(core::zeros({3}, nt::f64)), nt::ShapeError);
  CHECK_THROWS_AS(op(core::zeros({2}, nt::f32)), nt::DTypeError);
  CHECK_THROWS_AS(op(nt::Array()), nt::ShapeError);
  CHECK_THROWS_AS(op.adjoint(core::zeros({2}, nt::f64)), nt::ShapeError);
  CHECK_THROWS_AS(LinearOperator(core::zeros({3}, nt::f64)), nt::ShapeError);
  CHECK_THROWS_AS(LinearOperator(core::zeros({3, 3}, nt::i64)), nt::DTypeError);
  CHECK_THROWS_AS(LinearOperator(3, nt::f64, {}), nt::ValueError);
  CHECK_THROWS_AS(LinearOperator(-1, nt::f64, [](const nt::Array& v) { return v; }), nt::ValueError);
  CHECK_THROWS_AS(newtape::inspect::scaled(op, core::zeros({2}, nt::f64)), nt::ShapeError);
  CHECK_THROWS_AS(newtape::inspect::shifted(op, 1), nt::ShapeError);

  const LinearOperator longer(2, nt::f64, [](const nt::Array&) { return core::zeros({3}, nt::f64); });
  CHECK_THROWS_AS(longer(core::zeros({2}, nt::f64)), nt::ShapeError);
  const double inf = std::numeric_limits<double>::infinity();
  const LinearOperator infinite(2, nt::f64, [=](const nt::Array& v) { return v + inf; });
  CHECK_THROWS_AS(infinite(core::zeros({2}, nt::f64)), nt::NumericalError);
  // Large numbers whose squares overflow are finite.
  const LinearOperator large(2, nt::f64, [](const nt::Array& v) { return v * 1e200; });
  CHECK(large(core::ones({2}, nt::f64)).shape() == nt::Shape{2});
}
