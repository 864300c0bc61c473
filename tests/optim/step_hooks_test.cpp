// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/least_squares/optimizer.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <memory>
#include <optional>
#include <string>

using namespace newtape;

namespace {
/// Counts calls, and compares the parameter before and after.
struct HookCounts {
  int before = 0, after = 0;
  double value = 0;
  bool moved = false;
};

void hook_into(const optim::Optimizer& o, HookCounts& counts) {
  o.register_step_pre_hook([&](const optim::Optimizer& self) {
    ++counts.before;
    counts.value = self.params()[0].item();
  });
  o.register_step_post_hook([&](const optim::Optimizer& self) {
    ++counts.after;
    counts.moved = self.params()[0].item() != counts.value;
  });
}
}  // namespace

TEST_CASE("step hooks are called around the update of every kind of optimizer") {
  const Parameter p(core::full({}, 3, f64));
  HookCounts counts;
  SECTION("first order") {
    optim::Adam o({p}, {.lr = 0.1});
    hook_into(o, counts);
    o.step([&] { return square(p.tensor()); });
  }
  SECTION("second order") {
    optim::LBFGS o({p});
    hook_into(o, counts);
    o.step([&] { return square(p.tensor()); });
  }
  SECTION("least squares") {
    optim::LevenbergMarquardt o({p});
    hook_into(o, counts);
    o.step([&] { return reshape(p.tensor() - 1.0, {1}); });
  }
  CHECK(counts.before == 1);
  CHECK(counts.after == 1);
  CHECK(counts.moved);
}

TEST_CASE("step hooks see complete gradients, may remove each other, and are released") {
  const Parameter p(core::full({}, 3, f64));
  std::optional<optim::Adam> adam(std::in_place, std::vector<Parameter>{p}, optim::AdamOptions{.lr = 0.1});
  const auto owned = std::make_shared<int>(0);
  double grad = 0;
  optim::StepHookHandle second;
  auto first = adam->register_step_pre_hook([&, owned](const optim::Optimizer&) {
    grad = p.grad().item();
    second.remove();
    ++*owned;
  });
  int calls = 0;
  second = adam->register_step_pre_hook([&](const optim::Optimizer&) { ++calls; });
  adam->step([&] { return square(p.tensor()); });
  CHECK(grad == 6);
  CHECK(calls == 0);
  first.remove();
  adam->step([&] { return square(p.tensor()); });
  CHECK(*owned == 1);
  CHECK(owned.use_count() == 1);
  auto third = adam->register_step_post_hook([](const optim::Optimizer&) {});
  adam.reset();
  third.remove();  // the optimizer is gone
}

TEST_CASE("a step that throws calls no post hook") {
  const Parameter p(core::full({}, 3, f64));
  optim::Adam adam({p});
  int calls = 0;
  adam.register_step_post_hook([&](const optim::Optimizer&) { ++calls; });
  CHECK_THROWS(adam.step([]() -> Tensor { throw std::runtime_error("closure"); }));
  CHECK(calls == 0);
}
