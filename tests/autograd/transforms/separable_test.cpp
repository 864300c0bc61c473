// SPDX-License-Identifier: BSD-3-Clause
// Jacobians of elementwise functions in one sweep, against sweeps with unit vectors.
#include "autograd/driver.hpp"
#include "autograd/transforms/agree.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/autograd/transforms/separable.hpp>

#include <set>
#include <string>

namespace newtape::table {
namespace {

/// The rows of the Jacobian by one sweep, none if it is refused.
std::vector<Tensor> one_sweep(const Function& f, std::span<const Tensor> xs) {
  const auto t = detail::record("jacobian", f, xs);
  return detail::separable_rows(t.ys[0], t.xs);
}

void check_rows(const Function& f, std::span<const Tensor> xs, double tolerance) {
  const auto want = jacobian(f, xs, {.mode = JacobianOptions::Mode::reverse});
  const auto got = jacobian(f, xs);
  for (std::size_t i = 0; i < xs.size(); ++i) CHECK_SAME(got[i], want[i], tolerance);
}

/// Whether one sweep gave the rows of the Jacobian in some of the operands `xs`, numbers `at` of the sample's.
bool check_sample(const Row& row, const Sample& sample, const std::vector<Tensor>& all,
                  const std::vector<std::size_t>& at) {
  std::vector<Tensor> varied;
  for (const auto i : at) varied.push_back(all[i]);
  const Function f = [&](std::span<const Tensor> vs) {
    auto operands = all;
    for (std::size_t i = 0; i < at.size(); ++i) operands[at[i]] = vs[i];
    return call(sample.call, operands);
  };
  check_rows(f, varied, 1e-13 * row.tolerance_scale);
  return !one_sweep(f, varied).empty();
}

TEST_CASE("separable Jacobians: every elementwise row of the table, by each operand and by all") {
  std::set<std::string> separated, elementwise;
  for (const auto& row : rows()) {
    if (!row.scalar || row.order == 0 || !detail::is_elementwise(row.name)) continue;
    elementwise.insert(row.name);
    for (const auto& sample : row.samples) {
      INFO(describe(row, sample));
      std::vector<Tensor> all;
      std::vector<std::size_t> floats;
      for (auto& x : draw(row, sample, f64, 7)) {
        if (is_float(row, all.size())) floats.push_back(all.size());
        all.emplace_back(std::move(x));
      }
      bool any = check_sample(row, sample, all, floats);
      for (const auto i : floats) any = check_sample(row, sample, all, {i}) || any;
      if (any) separated.insert(row.name);
    }
  }
  CHECK(elementwise.size() > 40);
  CHECK(separated == elementwise);
}

}  // namespace
}  // namespace newtape::table

namespace newtape {
namespace {

const Tensor observations = linspace(0.3, 2.1, 7, f64);

/// A sum of two decays and a line through their rates, of 4 parameters.
Tensor decays(const Tensor& b, const Tensor& x) {
  const Tensor rate = exp(b[1]) + b[0] * b[3];
  return b[0] * exp(-rate * x) + where(x > 1.0, b[2] / (x + square(b[3])), maximum(b[2] * x, 0.1)) - 1.0;
}

TEST_CASE("separable Jacobians: models with values of parameters, branches, and values in several places") {
  const Tensor b = tensor({0.7, -0.4, 1.3, 0.9}, f64);
  const Function f = [&](std::span<const Tensor> xs) { return decays(xs[0], observations); };
  const auto rows = table::one_sweep(f, {&b, 1});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].shape() == Shape{7, 4});
  CHECK(agree(rows[0], jacobian(f, {&b, 1}, {.mode = JacobianOptions::Mode::reverse})[0], 1e-14));
  CHECK(agree(rows[0], jacobian(f, {&b, 1}, {.mode = JacobianOptions::Mode::forward})[0], 1e-14));
  // In f32, and not where the Jacobian itself is recorded.
  const Tensor single = b.to(f32);
  const Function g = [&](std::span<const Tensor> xs) { return decays(xs[0], observations.to(f32)); };
  CHECK(jacobian(g, {&single, 1})[0].dtype() == f32);
  CHECK(agree(jacobian(g, {&single, 1})[0].to(f64), rows[0], 1e-5));
}

TEST_CASE("separable Jacobians: rows, columns and matrices broadcast to each other") {
  const std::vector<Tensor> xs = {tensor({0.7, -0.4, 1.3}, f64), reshape(tensor({0.2, 1.1}, f64), {2, 1}),
                                  tensor({0.5}, f64), zeros({2, 2}, f64)};
  const Function f = [](std::span<const Tensor> v) { return exp(v[0] * v[1]) + sin(v[0]) * v[2] * v[1]; };
  const auto rows = table::one_sweep(f, xs);
  REQUIRE(rows.size() == 4);
  const auto want = jacobian(f, xs, {.mode = JacobianOptions::Mode::reverse});
  const auto got = jacobian(f, xs);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    CHECK(got[i].shape() == want[i].shape());
    CHECK(agree(got[i], want[i], 1e-14));
  }
}

TEST_CASE("separable Jacobians: graphs of other kinds are left to the usual sweeps") {
  const Tensor b = tensor({0.7, -0.4, 1.3, 0.9}, f64);
  const Tensor design = reshape(linspace(-1, 1, 28, f64), {7, 4});
  const std::vector<Function> others = {
      [&](std::span<const Tensor> v) { return square(matmul(design, v[0])); },
      [&](std::span<const Tensor> v) { return cumsum(v[0][0] * observations, 0); },
      [&](std::span<const Tensor> v) { return v[0][0] * observations - mean(v[0][1] * observations * v[0][2]); },
      [&](std::span<const Tensor> v) { return sum(design * v[0], 1) * v[0][1]; },
  };
  for (const auto& f : others) {
    const auto want = jacobian(f, {&b, 1}, {.mode = JacobianOptions::Mode::reverse});
    CHECK(agree(jacobian(f, {&b, 1})[0], want[0], 1e-14));
  }
  CHECK(table::one_sweep(others[0], {&b, 1}).empty());
  CHECK(table::one_sweep(others[1], {&b, 1}).empty());
}

TEST_CASE("separable Jacobians: branches that are not taken send back zero, also where they are not finite") {
  const Tensor b = tensor({0.0, 2.0}, f64);
  const Tensor x = tensor({-1.0, 0.0, 0.5, 2.0}, f64);
  const Function f = [&](std::span<const Tensor> v) { return where(x > 0.0, log(x) * v[0][1], v[0][0] * x); };
  const auto rows = table::one_sweep(f, {&b, 1});
  REQUIRE(rows.size() == 1);
  const Tensor want = stack({where(x > 0.0, 0.0, x), where(x > 0.0, log(where(x > 0.0, x, 1.0)), 0.0)}, 1);
  CHECK(agree(rows[0], want, 1e-15));
}

}  // namespace
}  // namespace newtape
