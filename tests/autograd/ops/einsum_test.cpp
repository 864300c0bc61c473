// SPDX-License-Identifier: BSD-3-Clause
// The contraction order of einsum, and functions that return host values.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/einsum.hpp>
#include <newtape/autograd/ops/statistics.hpp>

#include <cmath>
#include <limits>

using namespace newtape;

namespace {

using Steps = std::vector<std::pair<std::size_t, std::size_t>>;

TEST_CASE("einsum_path finds the cheapest order") {
  // The textbook's matrix chain (Cormen et al., 15.2): 15125 multiplications.
  const auto chain = einsum_path("ab,bc,cd,de,ef,fg->ag", {{30, 35}, {35, 15}, {15, 5}, {5, 10}, {10, 20}, {20, 25}});
  CHECK(chain.multiplications == 15125);
  CHECK(chain.steps.size() == 5);
  // The vector first.
  const auto vector = einsum_path("ij,jk,k->i", {{100, 100}, {100, 100}, {100}});
  CHECK(vector.steps == Steps{{1, 2}, {0, 1}});
  CHECK(vector.multiplications == 20000);
  // NumPy's own example for its optimal path.
  const auto numpy = einsum_path("ea,fb,abcd,gc,hd->efgh", {{10, 10}, {10, 10}, {10, 10, 10, 10}, {10, 10}, {10, 10}});
  CHECK(numpy.multiplications == 4e5);
  CHECK(einsum_path("ij->i", {{2, 3}}).steps.empty());
  // An axis of length 1 only broadcasts, so the other operand can be summed over it first.
  CHECK(einsum_path("ij,ij->i", {{2, 3}, {2, 1}}).multiplications == 2);
}

TEST_CASE("einsum_path of many operands is greedy") {
  std::string expression = "ab";
  std::vector<Shape> shapes{{2, 50}};
  for (char c = 'b'; c < 'k'; ++c) {
    expression += {',', c, static_cast<char>(c + 1)};
    shapes.push_back({50, 50});
  }
  const auto path = einsum_path(expression + "->ak", shapes);
  CHECK(path.steps.size() == 9);
  CHECK(path.multiplications == 9 * 2 * 50 * 50);
}

TEST_CASE("allclose and array_equal") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::nan("");
  CHECK(allclose(tensor({1, 2}, f64), tensor({1 + 1e-6, 2}, f64)));
  CHECK_FALSE(allclose(tensor({1, 2}, f64), tensor({1 + 1e-4, 2}, f64)));
  CHECK(allclose(tensor({1, 2}, f64), tensor({1 + 1e-4, 2}, f64), 1e-3));
  CHECK(allclose(tensor({0.0}, f64), tensor({1e-9}, f64)));
  CHECK_FALSE(allclose(tensor({0.0}, f64), tensor({1e-9}, f64), 1e-5, 0));
  CHECK(allclose(tensor({1, inf, -inf}), tensor({1, inf, -inf})));
  CHECK_FALSE(allclose(tensor({1.0}), tensor({inf})));
  CHECK_FALSE(allclose(tensor({inf}), tensor({1.0})));
  CHECK_FALSE(allclose(tensor({inf}), tensor({-inf})));
  CHECK_FALSE(allclose(tensor({nan}), tensor({nan})));
  CHECK(allclose(tensor({nan, 1}), tensor({nan, 1}), 1e-5, 1e-8, true));
  CHECK(allclose(tensor({{1.0, 2}, {1, 2}}), tensor({1.0, 2})));
  CHECK(allclose(tensor({1, 2}, i64), tensor({1, 2}, i64)));
  CHECK(allclose(variable(tensor({1.0})), tensor({1.0})));

  CHECK(array_equal(tensor({1.0, 2}), tensor({1.0, 2})));
  CHECK_FALSE(array_equal(tensor({1.0, 2}), tensor({1.0, 3})));
  CHECK_FALSE(array_equal(tensor({1.0, 2}), tensor({1, 2}, f64)));
  CHECK_FALSE(array_equal(tensor({{1.0, 1}}), tensor({1.0, 1})));
  CHECK(array_equal(zeros({0}), zeros({0})));
}

}  // namespace
