// SPDX-License-Identifier: BSD-3-Clause
// scatter_reduce where many elements meet: linear memory, shared extremes, products with zeros.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace newtape {
namespace {

/// Half of n elements meet at 0, the others each at an element of its own.
Tensor skewed_targets(std::int64_t n) {
  Array at = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) at.data<std::int64_t>()[i] = i % 2 == 0 ? 0 : i;
  return at;
}

TEST_CASE("scatter_reduce of a skewed list takes linear memory") {
  // Rows as long as the longest group would take 2^36 elements.
  const std::int64_t n = std::int64_t{1} << 18;
  const Tensor at = skewed_targets(n);
  const Tensor values = 1.0 + sin(arange(n, f64)) / 1e3;
  for (const auto how : {ScatterReduce::prod, ScatterReduce::amax, ScatterReduce::amin}) {
    const Tensor src = variable(values);
    const Tensor y = scatter_reduce(ones({n}, f64), 0, at, src, how);
    const Tensor even = reshape(values, {n / 2, 2});
    const Tensor met = where(tensor({true, false}), even, how == ScatterReduce::amin ? 2.0 : 1.0);
    if (how == ScatterReduce::prod) {
      const double want = prod(met).item();
      CHECK(std::abs(y[0].item() - want) <= bounds::gamma(static_cast<double>(n), f64) * want);
      // dy_0 / dsrc_i = y_0 / src_i.
      const Tensor g = grad(y[0], src);
      CHECK(std::abs(g[2].item() * values[2].item() - want) <= bounds::gamma(static_cast<double>(n), f64) * want);
    } else {
      const double one = 1;
      CHECK(y[0].item() ==
            (how == ScatterReduce::amax ? std::max(one, max(met).item()) : std::min(one, min(met).item())));
      CHECK(sum(grad(y[0], src)).item() == 1);
    }
  }
}

TEST_CASE("scatter_reduce shares the gradient of equal extremes equally, for each operand") {
  const Tensor at = tensor({0, 0, 1, 0, 3, 0});
  const Tensor x = variable(tensor({7.0, 5, 4, 9}, f64));
  const Tensor src = variable(tensor({7.0, 2, 5, 7, 8, 7}, f64));
  const Tensor y = scatter_reduce(x, 0, at, src, ScatterReduce::amax);
  CHECK(allclose(y, tensor({7.0, 5, 4, 9}, f64), 0, 0));
  const auto g = grad(sum(y * tensor({4.0, 2, 1, 1}, f64)), {x, src});
  CHECK(allclose(g[0], tensor({1.0, 1, 1, 1}, f64), 0, 0));
  CHECK(allclose(g[1], tensor({1.0, 0, 1, 1, 0, 1}, f64), 0, 0));
  const Tensor without = scatter_reduce(x, 0, at, src, ScatterReduce::amin, {.include_self = false});
  CHECK(allclose(without, tensor({2.0, 5, 4, 8}, f64), 0, 0));
  const auto h = grad(sum(without), {x, src});
  CHECK(allclose(h[0], tensor({0.0, 0, 1, 0}, f64), 0, 0));
  CHECK(allclose(h[1], tensor({0.0, 1, 1, 0, 1, 0}, f64), 0, 0));
}

TEST_CASE("scatter_reduce of infinities, NaN and integers") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::nan("");
  const Tensor at = tensor({0, 0, 1, 1, 2});
  const Tensor src = tensor({-inf, -inf, nan, 3.0, inf}, f64);
  const Tensor x = tensor({-inf, 0.0, 1.0}, f64);
  const Tensor largest = scatter_reduce(x, 0, at, src, ScatterReduce::amax);
  CHECK(largest[0].item() == -inf);
  CHECK(std::isnan(largest[1].item()));
  CHECK(largest[2].item() == inf);
  const Tensor whole = tensor({5, -3, 2});
  const Tensor added = tensor({4, 6, -9, 1, 2});
  CHECK(all(scatter_reduce(whole, 0, at, added, ScatterReduce::prod) == tensor({120, 27, 4})).item<bool>());
  CHECK(all(scatter_reduce(whole, 0, at, added, ScatterReduce::amin) == tensor({4, -9, 2})).item<bool>());
  CHECK(all(scatter_reduce(whole, 0, at, added, ScatterReduce::amax, {.include_self = false}) == tensor({6, 1, 2}))
            .item<bool>());
}

}  // namespace
}  // namespace newtape
