// SPDX-License-Identifier: BSD-3-Clause
// Quadratic and linear programs against closed forms and the conditions of the optimum; derivatives that do not exist.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/solvers/quadratic_program.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using namespace newtape;

namespace {

double largest_of(const Tensor& x) { return x.size() == 0 ? 0 : max(abs(x)).item(); }
Tensor multiplied(const Tensor& m, const Tensor& v) { return squeeze(matmul(m, unsqueeze(v, -1)), -1); }

/// Euclidean projection on {x >= 0, sum x = 1} by sorting (Held, Wolfe and Crowder 1974).
std::vector<double> simplex_projection(std::vector<double> v) {
  std::vector<double> sorted = v;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double sum = 0, shift = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sum += sorted[i];
    const double t = (sum - 1) / static_cast<double>(i + 1);
    if (sorted[i] > t) shift = t;
  }
  for (double& x : v) x = std::max(x - shift, 0.0);
  return v;
}

struct Random {
  Tensor p, q;
  LinearConstraints c;
};
/// A stack of feasible programs in 6 unknowns, with 2 equalities and 9 inequalities.
Random random_programs() {
  const Tensor f = normal({4, 6, 6}, 1), a = normal({4, 2, 6}, 2), g = normal({4, 9, 6}, 3), x = normal({4, 6}, 4);
  // x is feasible; some constraints are active or nearly so there.
  const Tensor slack = maximum(normal({4, 9}, 5), 0) + 0.01;
  return {matmul(f, transpose(f)) + 0.1 * eye(6, f64),
          normal({4, 6}, 6),
          {.a = a, .b = multiplied(a, x), .g = g, .h = multiplied(g, x) + slack}};
}

}  // namespace

TEST_CASE("quadratic_program projects on the simplex as sorting does") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Tensor v = normal({5, 7}, seed);
    const auto found = quadratic_program(
        eye(7, f64), -v, {.a = ones({1, 7}, f64), .b = ones({1}, f64), .g = -eye(7, f64), .h = zeros({7}, f64)});
    CHECK(found.x.shape() == Shape{5, 7});
    for (std::int64_t i = 0; i < 5; ++i) {
      std::vector<double> row(7);
      for (std::int64_t j = 0; j < 7; ++j) row[static_cast<std::size_t>(j)] = v[i][j].item();
      const auto want = simplex_projection(row);
      for (std::int64_t j = 0; j < 7; ++j) {
        const double expected = want[static_cast<std::size_t>(j)];
        CHECK(found.x[i][j].item() == Approx(expected).margin(1e-14));
        // The multiplier of an inactive bound is exactly 0.
        if (expected > 0) CHECK(found.z[i][j].item() == 0);
      }
    }
  }
}

TEST_CASE("quadratic_program meets the conditions of the optimum, in stacks as alone") {
  const Random r = random_programs();
  const auto all = quadratic_program(r.p, r.q, r.c);
  const Tensor slope =
      multiplied(r.p, all.x) + r.q + multiplied(transpose(r.c.a), all.y) + multiplied(transpose(r.c.g), all.z);
  const Tensor slack = r.c.h - multiplied(r.c.g, all.x);
  CHECK(largest_of(slope) < 1e-12);
  CHECK(largest_of(multiplied(r.c.a, all.x) - r.c.b) < 1e-13);
  CHECK(min(slack).item() > -1e-13);
  CHECK(min(all.z).item() >= 0);
  // Rounding of the slack, of six products, times the multiplier.
  CHECK(largest_of(slack * all.z) < 1e-14 * (1 + largest_of(r.c.h)) * (1 + largest_of(all.z)));
  std::int64_t active = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto one = quadratic_program(r.p[i], r.q[i], {.a = r.c.a[i], .b = r.c.b[i], .g = r.c.g[i], .h = r.c.h[i]});
    CHECK(largest_of(one.x - all.x[i]) < 1e-13);
    CHECK(largest_of(one.z - all.z[i]) < 1e-12);
    active += sum(one.z > 0).item<std::int64_t>();
  }
  CHECK(active > 4);
}

TEST_CASE("quadratic_program: multipliers are derivatives of the optimal value") {
  const Random r = random_programs();
  const Tensor b = variable(r.c.b), h = variable(r.c.h);
  const auto found = quadratic_program(r.p, r.q, {.a = r.c.a, .b = b, .g = r.c.g, .h = h});
  const Tensor value = sum(found.x * multiplied(r.p, found.x)) / 2 + sum(r.q * found.x);
  value.backward();
  CHECK(largest_of(b.grad() + found.y.detach()) < 1e-11);
  CHECK(largest_of(h.grad() + found.z.detach()) < 1e-11);
}

TEST_CASE("quadratic_program: derivatives in all data, to order two") {
  const Random r = random_programs();
  const auto f = [](std::span<const Tensor> x) {
    const auto s = quadratic_program(x[0], x[1], {.a = x[2], .b = x[3], .g = x[4], .h = x[5]});
    return concatenate({s.x, s.y, s.z}, -1);
  };
  const Slice two(0, 2);
  const std::vector<Tensor> at{r.p[two], r.q[two], r.c.a[two], r.c.b[two], r.c.g[two], r.c.h[two]};
  const auto checked = gradcheck(f, at, {.order = 2});
  INFO(checked.message);
  CHECK(checked.ok);
}

TEST_CASE("linear_program finds the vertex and the prices of a published example") {
  // Hillier and Lieberman, "Introduction to operations research": the Wyndor Glass Co., 36 at (2, 6), prices (0, 3/2, 1).
  const Tensor h = variable(tensor({4, 12, 18}, f64));
  const LinearConstraints c{.g = tensor({{1, 0}, {0, 2}, {3, 2}, {-1, 0}, {0, -1}}, f64),
                            .h = concatenate({h, zeros({2}, f64)}, 0)};
  const Tensor profit = tensor({3, 5}, f64);
  const auto found = linear_program(-profit, c);
  CHECK(found.x[0].item() == Approx(2).epsilon(1e-13));
  CHECK(found.x[1].item() == Approx(6).epsilon(1e-13));
  CHECK(found.z[0].item() == 0);
  CHECK(found.z[1].item() == Approx(1.5).epsilon(1e-13));
  CHECK(found.z[2].item() == Approx(1).epsilon(1e-13));
  sum(profit * found.x).backward();
  CHECK(h.grad()[1].item() == Approx(1.5).epsilon(1e-12));
  CHECK(h.grad()[2].item() == Approx(1).epsilon(1e-12));
}

TEST_CASE("quadratic_program: where the active set changes the derivative does not exist") {
  // min (x - 1)^2 / 2 subject to x <= 1: active, with a multiplier of 0.
  const Tensor h = variable(tensor({1}, f64));
  const auto found = quadratic_program(eye(1, f64), tensor({-1}, f64), {.g = ones({1, 1}, f64), .h = h});
  CHECK(found.x.item() == Approx(1).epsilon(1e-8));
  CHECK_THROWS_AS(sum(found.x).backward(), NumericalError);
  // A solution that is not unique: x_0 + x_1 = 1, without curvature.
  const Tensor b = variable(tensor({1}, f64));
  const auto any = quadratic_program(zeros({2, 2}, f64), zeros({2}, f64), {.a = ones({1, 2}, f64), .b = b});
  CHECK(sum(any.x).item() == Approx(1));
  CHECK_THROWS_AS(sum(square(any.x)).backward(), NumericalError);
  // Twice the same equality: a solution, but no multipliers of its own.
  const auto twice = quadratic_program(eye(2, f64), zeros({2}, f64), {.a = ones({2, 2}, f64), .b = ones({2}, f64)});
  CHECK(twice.x[0].item() == Approx(0.5).epsilon(1e-7));
}

TEST_CASE("quadratic_program in f32, and without constraints") {
  const Random r = random_programs();
  const auto narrow = [](const Tensor& x) { return x.to(f32); };
  const auto single =
      quadratic_program(narrow(r.p), narrow(r.q), {narrow(r.c.a), narrow(r.c.b), narrow(r.c.g), narrow(r.c.h)});
  const auto wide = quadratic_program(r.p, r.q, r.c);
  CHECK(single.x.dtype() == f32);
  CHECK(largest_of(single.x.to(f64) - wide.x) < 1e-4 * (1 + largest_of(wide.x)));
  const auto free = quadratic_program(r.p, r.q);
  CHECK(largest_of(multiplied(r.p, free.x) + r.q) < 1e-12);
  CHECK(free.y.shape() == Shape{4, 0});
  CHECK(free.z.shape() == Shape{4, 0});
}
