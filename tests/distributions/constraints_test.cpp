// SPDX-License-Identifier: BSD-3-Clause
// Every constraint with NaN, infinities, no elements and too few axes.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/distributions/constraints.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace newtape::distributions {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

struct Membership {
  Constraint set;
  std::vector<double> in, out;  ///< numbers, or the elements of vectors that are constant
};

bool is_in(const Constraint& set, const Tensor& value) { return all(set.contains(value)).item<bool>(); }

TEST_CASE("constraints on numbers: infinities within the bounds, and no NaN") {
  const std::vector<Membership> sets{
      {constraints::real(), {0, -1e300, inf, -inf}, {}},
      {constraints::positive(), {1e-300, inf}, {0, -0.0, -1, -inf}},
      {constraints::nonnegative(), {0, -0.0, inf}, {-1e-300, -inf}},
      {constraints::unit_interval(), {0, 1, 0.5}, {-0.1, 1.1, inf, -inf}},
      {constraints::interval(tensor(-1.0, f64), tensor(2.0, f64)), {-1, 2}, {-1.5, 2.5, inf, -inf}},
      {constraints::boolean(), {0, 1}, {0.5, 2, inf, -inf}},
      {constraints::nonnegative_integer(), {0, 7, 1e300}, {-1, 0.5, inf, -inf}},
      {constraints::integer_interval(-1, tensor(3.0, f64)), {-1, 3}, {-2, 0.5, 4, inf, -inf}},
      {constraints::integer_interval(0, tensor(inf, f64)), {0, 1e300}, {inf, -inf, -1}},
  };
  for (const auto& [set, in, out] : sets) {
    INFO(set.name());
    CHECK(set.event_ndim() == 0);
    for (const double x : in) {
      INFO(x);
      CHECK(is_in(set, tensor(x, f64)));
    }
    for (const double x : out) {
      INFO(x);
      CHECK_FALSE(is_in(set, tensor(x, f64)));
    }
    CHECK_FALSE(is_in(set, tensor(nan, f64)));
    CHECK(set.contains(zeros({2, 0}, f64)).shape() == Shape{2, 0});
    CHECK(is_in(constraints::independent(set, 1), tensor(std::vector<double>(3, in[0]))));
    CHECK_FALSE(is_in(constraints::independent(set, 1), tensor({in[0], nan}, f64)));
    CHECK(set.contains(tensor({0, 1})).dtype() == boolean);  // of i64
  }
}

TEST_CASE("constraints on vectors and matrices: none contains a NaN") {
  const Constraint sets[] = {constraints::simplex(),     constraints::one_hot(),        constraints::counts(1),
                             constraints::real_vector(), constraints::ordered_vector(), constraints::lower_cholesky()};
  for (const auto& set : sets) {
    INFO(set.name());
    const bool matrices = set.event_ndim() == 2;
    for (const std::int64_t n : {1, 2, 3}) {
      INFO(n);
      for (std::int64_t bad = 0; bad < n; ++bad) {
        Tensor x = matrices ? eye(n, f64) : zeros({n}, f64);
        Array with_nan = core::copy(x.value());
        with_nan.data<double>()[bad] = nan;
        CHECK_FALSE(is_in(set, Tensor(with_nan)));
      }
    }
    CHECK(set.contains(matrices ? zeros({0, 2, 2}, f64) : zeros({0, 2}, f64)).shape() == Shape{0});
    CHECK_THROWS_AS(set.contains(tensor(1.0, f64)), ShapeError);
    CHECK_THROWS_WITH(set.contains(tensor(1.0, f64)), contains("Constraint: too few axes"));
  }
  CHECK(is_in(constraints::simplex(), tensor({0.25, 0.75}, f64)));
  CHECK_FALSE(is_in(constraints::simplex(), tensor({inf, 1 - inf}, f64)));
  CHECK_FALSE(is_in(constraints::simplex(), tensor({inf, 0.0}, f64)));
  CHECK_FALSE(is_in(constraints::one_hot(), tensor({inf, 0.0}, f64)));
  CHECK_FALSE(is_in(constraints::counts(inf), tensor({inf, 0.0}, f64)));
  CHECK(is_in(constraints::counts(5), tensor({2.0, 3.0}, f64)));
  CHECK(is_in(constraints::real_vector(), tensor({inf, -inf}, f64)));
  CHECK(is_in(constraints::ordered_vector(), tensor({-inf, 0.0, inf}, f64)));
  CHECK(is_in(constraints::ordered_vector(), tensor({5.0}, f64)));
  CHECK_FALSE(is_in(constraints::ordered_vector(), tensor({1.0, 1.0}, f64)));
  CHECK_FALSE(is_in(constraints::ordered_vector(), tensor({inf, inf}, f64)));
  CHECK(is_in(constraints::lower_cholesky(), tensor({{2.0, 0.0}, {-1.0, 1.0}}, f64)));
  CHECK_FALSE(is_in(constraints::lower_cholesky(), tensor({{inf, 0.0}, {0.0, 1.0}}, f64)));
  CHECK_FALSE(is_in(constraints::lower_cholesky(), tensor({{1.0, 0.0}, {inf, 1.0}}, f64)));
  CHECK_FALSE(is_in(constraints::lower_cholesky(), tensor({{1.0, 1.0}, {0.0, 1.0}}, f64)));
}

TEST_CASE("vectors without elements: what has a sum other than 0 is not among them") {
  const Tensor none = zeros({3, 0}, f64);
  const auto among = [&](const Constraint& set) {
    const Tensor found = set.contains(none);
    REQUIRE(found.shape() == Shape{3});
    return all(found).item<bool>();
  };
  CHECK_FALSE(among(constraints::simplex()));
  CHECK_FALSE(among(constraints::one_hot()));
  CHECK_FALSE(among(constraints::counts(1)));
  CHECK(among(constraints::counts(0)));
  CHECK(among(constraints::real_vector()));
  CHECK(among(constraints::ordered_vector()));
  CHECK(is_in(constraints::lower_cholesky(), zeros({0, 0}, f64)));
}

}  // namespace
}  // namespace newtape::distributions
