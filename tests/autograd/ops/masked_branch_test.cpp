// SPDX-License-Identifier: BSD-3-Clause
// Branches that a mask, an index or a triangle leaves out send back 0, also where their derivatives are infinite or NaN.
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/fuse.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace newtape {
namespace {

/// The gradient of the sum of f at x, and the diagonal of its Hessian: f mixes no elements.
struct Masked {
  std::string name;
  UnaryFunction f;
  Tensor x, gradient, second;
};

std::vector<Masked> masked_functions() {
  const double nan = std::nan("");
  const Tensor m = tensor({true, false});
  return {
      {"where of sqrt", [](const Tensor& x) { return where(x > 0, sqrt(x), x); }, tensor({-1, 4}, f64),
       tensor({1, 0.25}, f64), tensor({0, -1.0 / 32}, f64)},
      {"where of log, then a product of matrices",
       [](const Tensor& x) {
         return matmul(where(x > 0, log(x), 0 * x), ones({3, 2}, f64));
       },
       tensor({{1, 0, 2}}, f64), tensor({{2, 0, 1}}, f64), tensor({{-2, 0, -0.5}}, f64)},
      {"an index by a mask", [](const Tensor& x) { return log(x)[x > 0]; }, tensor({0, -1, 2}, f64),
       tensor({0, 0, 0.5}, f64), tensor({0, 0, -0.25}, f64)},
      {"targets that are NaN",
       [=](const Tensor& x) {
         return where(m, square(x - tensor({1, nan}, f64)), 0);
       },
       tensor({3, 4}, f64), tensor({4, 0}, f64), tensor({2, 0}, f64)},
      {"nanmean", [](const Tensor& x) { return nanmean(sqrt(x)); }, tensor({4, -1}, f64), tensor({0.25, 0}, f64),
       tensor({-1.0 / 32, 0}, f64)},
      {"relu of log", [](const Tensor& x) { return relu(log(x)); }, tensor({0, 2}, f64), tensor({0, 0.5}, f64),
       tensor({0, -0.25}, f64)},
      {"a triangle of log", [](const Tensor& x) { return tril(log(x)); }, tensor({{1, 0}, {2, 4}}, f64),
       tensor({{1, 0}, {0.5, 0.25}}, f64), tensor({{-1, 0}, {-0.25, -1.0 / 16}}, f64)},
      {"a quotient by 0", [](const Tensor& x) { return where(x != 0, sin(x) / x, 1.0); }, tensor({0}, f64),
       tensor({0}, f64), tensor({0}, f64)},
      {"exp of log", [=](const Tensor& x) { return where(m, exp(log(x)), 0); }, tensor({2, 0}, f64),
       tensor({1, 0}, f64), tensor({0, 0}, f64)},
      {"fuse", [](const Tensor& x) { return fuse([](auto t) { return where(t > 0, sqrt(t), t); }, x); },
       tensor({-1, 4}, f64), tensor({1, 0.25}, f64), tensor({0, -1.0 / 32}, f64)},
  };
}

TEST_CASE("a masked branch has gradient 0, in reverse, forward and second order") {
  for (const auto& c : masked_functions()) {
    INFO(c.name);
    const UnaryFunction total = [&](const Tensor& x) { return sum(c.f(x)); };
    const double tolerance = 8 * epsilon(f64);
    CHECK(allclose(grad(total)(c.x), c.gradient, tolerance, 0));
    const Tensor v = ones(c.x.shape(), f64);
    CHECK(allclose(jvp(total, c.x, v).second, sum(c.gradient), tolerance, 0));
    // The Hessian is diagonal: its product with ones is the diagonal.
    CHECK(allclose(hvp(total, c.x, v).second, c.second, tolerance, tolerance));
  }
}

TEST_CASE("a NaN that is used shows in the gradient") {
  const auto total = [](const Tensor& x) { return sum(sqrt(x) * 2.0); };
  CHECK(std::isnan(grad(UnaryFunction(total))(tensor({-1}, f64)).item()));
  const auto times = [](const Tensor& x) { return sum(x * tensor({std::nan("")}, f64)); };
  CHECK(std::isnan(grad(UnaryFunction(times))(tensor({1}, f64)).item()));
}

}  // namespace
}  // namespace newtape
