// SPDX-License-Identifier: BSD-3-Clause
// Rows whose options ignore elements: NaN and infinity there reach no result and no gradient.
#include "driver.hpp"

#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>

namespace newtape::nn::table {
namespace {

/// Results that do not depend on ignored elements (0 elsewhere), and gradients of arguments and parameters.
struct Outcome {
  Tensors results, arguments, parameters;
};

Outcome outcome(const Row& row, Tensors xs, double poison = 1) {
  const Layer layer = fresh(row, f64);
  for (auto& x : xs) x = is_floating(x.dtype()) ? variable(x.detach()) : x;
  Outcome found{run(layer, xs), {}, {}};
  if (row.ignores.results) {
    const Tensor mask = row.ignores.results(xs);
    found.results = {where(mask, found.results[0], 0.0)};
  }
  Generator random(9);
  Tensor total = zeros({}, f64);
  for (const auto& y : found.results) {
    Tensor g(random::normal(y.shape(), 0, 1, f64, random));
    if (row.ignores.cotangents && &y == &found.results[0]) g = where(row.ignores.cotangents(xs), poison, g);
    total = total + sum(y * g);
  }
  total.backward();
  const auto gradient = [](const auto& x) { return x.grad().defined() ? x.grad() : zeros_like(x); };
  for (const auto& x : xs) found.arguments.push_back(x.requires_grad() ? gradient(x) : Tensor());
  for (const auto& p : layer.module.parameters()) found.parameters.push_back(gradient(p));
  return found;
}

void check_same(const char* what, const Tensors& a, const Tensors& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(what << " " << i);
    if (a[i].defined()) CHECK(distance(a[i].value(), b[i].value()) < 1e-12);
  }
}

TEST_CASE("layers: what options ignore has no influence, whatever it holds") {
  int covered = 0;
  each_row([&](const Row& row) {
    if (!row.ignores) return;
    ++covered;
    const auto xs = inputs(row, f64);
    const auto masks = row.ignores.elements ? row.ignores.elements(xs, run(fresh(row, f64), xs)) : Tensors(xs.size());
    const auto plain = outcome(row, xs);
    bool some = row.ignores.cotangents && any(row.ignores.cotangents(xs)).item<bool>();
    for (const auto& mask : masks) some = some || (mask.defined() && any(mask).item<bool>());
    CHECK(some);
    for (const double poison : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      INFO("ignored elements are " << poison);
      Tensors poisoned = xs;
      for (std::size_t i = 0; i < masks.size(); ++i) {
        if (!masks[i].defined()) continue;
        poisoned[i] = is_floating(xs[i].dtype()) ? where(masks[i], poison, xs[i]) : where(masks[i], -99, xs[i]);
      }
      const auto other = outcome(row, poisoned, poison);
      check_same("result", other.results, plain.results);
      check_same("gradient of argument", other.arguments, plain.arguments);
      check_same("gradient of parameter", other.parameters, plain.parameters);
      for (std::size_t i = 0; i < masks.size(); ++i) {
        if (!masks[i].defined() || !other.arguments[i].defined()) continue;
        const Tensor there = where(masks[i], other.arguments[i], 0.0);
        CHECK(all(there == 0.0).item<bool>());
      }
    }
  });
  CHECK(covered > 20);
}

}  // namespace
}  // namespace newtape::nn::table
