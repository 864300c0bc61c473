// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/functional.hpp>
#include <newtape/optim/optimizer.hpp>

#include <functional>
#include <tuple>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

const nt::Tensor network_inputs = normal({8, 3}, 1);
const nt::Tensor network_targets = normal({8, 2}, 2);
nt::Tensor network_loss(std::span<const nt::Tensor> w) {
  return nt::mean(nt::square(nt::matmul(nt::tanh(nt::matmul(network_inputs, w[0])), w[1]) - network_targets));
}
std::vector<nt::Tensor> network_start() { return {normal({3, 4}, 3), normal({4, 2}, 4)}; }

/// Compares five steps of `update` with five of the optimizer, from the same start.
template <class State, class Update>
void compare_updates(optim::Optimizer& optimizer, const std::vector<nt::Parameter>& params, State state,
                     Update update) {
  std::vector<nt::Tensor> w = network_start();
  for (int step = 0; step < 5; ++step) {
    INFO("step " << step);
    std::vector<nt::Tensor> leaves;
    for (const auto& p : w) leaves.push_back(nt::variable(p));
    const auto g = nt::grad(network_loss(leaves), leaves);
    std::tie(w, state) = update(w, g, std::move(state));
    const std::vector<nt::Tensor> values(params.begin(), params.end());
    optimizer.step(network_loss(values));
    for (std::size_t i = 0; i < 2; ++i) CHECK(distance(params[i].value(), w[i].value()) < 1e-14);
  }
}

std::vector<nt::Parameter> parameters() {
  std::vector<nt::Parameter> p;
  for (const auto& w : network_start()) p.emplace_back(nt::core::copy(w.value()));
  return p;
}

/// The loss after `steps` steps of `update`, differentiable.
template <class State, class Update>
nt::Tensor unrolled(State state, int steps, Update update) {
  std::vector<nt::Tensor> w;
  for (const auto& p : network_start()) w.push_back(nt::variable(p));
  for (int i = 0; i < steps; ++i) {
    const auto g = nt::grad(network_loss(w), w, {.create_graph = true});
    std::tie(w, state) = update(w, g, std::move(state));
  }
  return network_loss(w);
}

}  // namespace

TEST_CASE("functional updates are the optimizers' steps") {
  {
    const auto p = parameters();
    optim::SGD o(p, {.lr = 0.3, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.1});
    compare_updates(o, p, optim::SGDState{}, [](auto& w, auto& g, auto s) {
      return optim::sgd_update(w, g, std::move(s), {.lr = 0.3, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.1});
    });
  }
  {
    const auto p = parameters();
    optim::SGD o(p, {.lr = 0.3, .momentum = 0.8, .nesterov = true});
    compare_updates(o, p, optim::SGDState{}, [](auto& w, auto& g, auto s) {
      return optim::sgd_update(w, g, std::move(s), {.lr = 0.3, .momentum = 0.8, .nesterov = true});
    });
  }
  {
    const auto p = parameters();
    optim::Adam o(p, {.lr = 0.1, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.1});
    compare_updates(o, p, optim::AdamState{}, [](auto& w, auto& g, auto s) {
      return optim::adam_update(w, g, std::move(s), {.lr = 0.1, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.1});
    });
  }
  {
    const auto p = parameters();
    optim::AdamW o(p, {.lr = 0.1, .weight_decay = 0.3});
    compare_updates(o, p, optim::AdamState{}, [](auto& w, auto& g, auto s) {
      return optim::adamw_update(w, g, std::move(s), {.lr = 0.1, .weight_decay = 0.3});
    });
  }
  {
    const auto p = parameters();
    optim::RMSprop o(p, {.lr = 0.1, .alpha = 0.8, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.5});
    compare_updates(o, p, optim::RMSpropState{}, [](auto& w, auto& g, auto s) {
      return optim::rmsprop_update(w, g, std::move(s),
                                   {.lr = 0.1, .alpha = 0.8, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.5});
    });
  }
}

TEST_CASE("gradients in the options flow through unrolled steps") {
  const auto check = [](const std::function<nt::Tensor(const nt::Tensor&)>& f, const nt::Tensor& at) {
    const auto result = nt::gradcheck(f, at, {.order = 2});
    INFO(result.message);
    CHECK(result.ok);
  };
  const auto part = [](const nt::Tensor& h, int i) { return nt::select(h, 0, i); };
  check(
      [&](const nt::Tensor& h) {
        return unrolled(optim::SGDState{}, 4, [&](auto& w, auto& g, auto s) {
          return optim::sgd_update(
              w, g, std::move(s),
              {.lr = part(h, 0), .momentum = part(h, 1), .dampening = part(h, 2), .weight_decay = part(h, 3)});
        });
      },
      nt::tensor({0.3, 0.8, 0.2, 0.1}, nt::f64));
  check(
      [&](const nt::Tensor& h) {
        return unrolled(optim::AdamState{}, 3, [&](auto& w, auto& g, auto s) {
          return optim::adamw_update(
              w, g, std::move(s),
              {.lr = part(h, 0), .betas = {part(h, 1), part(h, 2)}, .eps = part(h, 3), .weight_decay = part(h, 4)});
        });
      },
      nt::tensor({0.1, 0.8, 0.9, 0.05, 0.2}, nt::f64));
  check(
      [&](const nt::Tensor& h) {
        return unrolled(optim::RMSpropState{}, 3, [&](auto& w, auto& g, auto s) {
          return optim::rmsprop_update(
              w, g, std::move(s), {.lr = part(h, 0), .alpha = part(h, 1), .eps = part(h, 2), .momentum = part(h, 3)});
        });
      },
      nt::tensor({0.1, 0.8, 0.05, 0.5}, nt::f64));
}

TEST_CASE("a penalty's hypergradient through many steps is that of the optimum") {
  // Ridge regression in one number: the optimum is b / (a + l), and its loss on other data (w - 1)^2 has the derivative
  // -2 (w - 1) b / (a + l)^2 in l.
  const double a = 2, b = 3, at = 0.7;
  const nt::Tensor l = nt::variable(nt::tensor(at, nt::f64));
  std::vector<nt::Tensor> w = {nt::variable(nt::tensor(0, nt::f64))};
  optim::SGDState state;
  for (int i = 0; i < 150; ++i) {
    const nt::Tensor objective = 0.5 * a * w[0] * w[0] - b * w[0];
    const auto g = nt::grad(objective, w, {.create_graph = true});
    std::tie(w, state) = optim::sgd_update(w, g, std::move(state), {.lr = 0.2, .weight_decay = l});
  }
  nt::square(w[0] - 1.0).backward();
  const double best = b / (a + at);
  CHECK(w[0].item() == Approx(best).epsilon(1e-12));
  CHECK(l.grad().item() == Approx(-2 * (best - 1) * b / (a + at) / (a + at)).epsilon(1e-12));
}

TEST_CASE("functional updates: no gradient, a zero gradient, invalid arguments") {
  const nt::Tensor p = nt::variable(nt::tensor({1, 2}, nt::f64));
  const std::vector<nt::Tensor> params = {p, nt::tensor({5}, nt::f64)};
  auto [next, state] = optim::adam_update(params, std::vector{p * nt::tensor({1, 0}, nt::f64), nt::Tensor()}, {});
  CHECK(identical(next[1].value(), params[1].value()));
  CHECK_FALSE(state.exp_avg[1].defined());
  CHECK(state.steps == 1);
  nt::sum(next[0]).backward();
  CHECK(nt::all(nt::isfinite(p.grad())).item<bool>());
  CHECK(identical(nt::select(p.grad(), 0, 1).value(), nt::tensor(1, nt::f64).value()));
  CHECK_THROWS_WITH(optim::adam_update(params, std::vector{p}, {}), contains("one gradient for each parameter"));
  CHECK_THROWS_AS(optim::sgd_update(params, std::vector{p, p}, {}), nt::ShapeError);
  CHECK_THROWS_WITH(optim::adam_update(std::vector{p}, std::vector{p}, state),
                    contains("one entry for each parameter"));
}
