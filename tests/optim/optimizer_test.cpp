// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

namespace nt = newtape;
namespace optim = newtape::optim;

TEST_CASE("loading a state names everything that does not fit, and changes nothing") {
  const nt::Parameter a(nt::ones({3, 2}));
  const nt::Parameter b(nt::ones({4}));
  optim::Adam o({a, b}, {.lr = 0.5});
  o.step(nt::sum(a * a) + nt::sum(b * b));
  const auto before = o.state_dict();

  auto state = before;
  for (auto& [name, value] : state) {
    if (name == "state.0.exp_avg") value = nt::zeros({2, 3}).value();
    if (name == "param_groups.0.eps") name = "param_groups.0.epsilon";
    if (name == "param_groups.0.lr") value = nt::tensor(0.25, nt::f64).value();
    if (name == "param_groups.0.size") value = nt::full({}, 3, nt::i64).value();
  }
  CHECK_THROWS_AS(o.load_state_dict(state), nt::ValueError);
  CHECK_THROWS_WITH(o.load_state_dict(state), contains("missing: param_groups.0.eps") &&
                                                  contains("unexpected: param_groups.0.epsilon") &&
                                                  contains("state.0.exp_avg: expected f32 [3, 2], got f32 [2, 3]") &&
                                                  contains("param_groups.0.size: expected 2 parameters, got 3"));
  // Values of the right type that the constructor rejects.
  state = before;
  for (auto& [name, value] : state) {
    if (name == "param_groups.0.lr") value = nt::tensor(-1, nt::f64).value();
  }
  CHECK_THROWS_WITH(o.load_state_dict(state), contains("lr"));

  CHECK(o.lr() == 0.5);
  const auto after = o.state_dict();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(identical(before[i].second, after[i].second));
}

TEST_CASE("parameter groups have options of their own") {
  const nt::Parameter a(nt::ones({2}));
  const nt::Parameter b(nt::ones({2}));
  optim::SGD o({{{a}, {.lr = 0.5}}, {{b}, {.lr = 0.25}}});
  nt::sum(a + b).backward();
  o.step();
  CHECK(identical(a.value(), nt::full({2}, 0.5).value()));
  CHECK(identical(b.value(), nt::full({2}, 0.75).value()));
  CHECK(o.group_count() == 2);
  o.set_lr(0.1, 1);
  CHECK(o.lr(0) == 0.5);
  CHECK(o.lr(1) == 0.1);
  o.set_lr(0.2);
  CHECK(o.lr(0) == 0.2);
  CHECK(o.options(1).lr == 0.2);
  CHECK_THROWS_AS(o.lr(2), nt::ValueError);
  CHECK_THROWS_AS(o.set_lr(-1), nt::ValueError);
  CHECK(o.lr() == 0.2);
}

TEST_CASE("parameters without gradient and frozen ones stay as they are") {
  const nt::Parameter a(nt::ones({2}));
  const nt::Parameter unused(nt::ones({2}));
  const nt::Parameter frozen(nt::ones({2}));
  frozen.requires_grad(false);
  optim::AdamW o({a, unused, frozen});
  nt::sum(a * frozen).backward();
  o.step();
  CHECK_FALSE(identical(a.value(), nt::ones({2}).value()));
  CHECK(identical(unused.value(), nt::ones({2}).value()));
  CHECK(identical(frozen.value(), nt::ones({2}).value()));
  for (const auto& [name, value] : o.state_dict()) CHECK(name.rfind("state.1", 0) != 0);
  o.zero_grad();
  CHECK_FALSE(a.grad().defined());
}

TEST_CASE("a step takes gradients of any layout, and leaves them") {
  const nt::Parameter p(nt::zeros({2, 3}));
  p.set_grad(nt::transpose(nt::tensor({{1.0, 2}, {3, 4}, {5, 6}})));
  optim::SGD o({p}, {.lr = 1});
  o.step();
  CHECK(identical(p.value(), nt::tensor({{-1.0, -3, -5}, {-2, -4, -6}}).value()));
  p.set_grad(nt::expand(nt::tensor(1.0), {2, 3}));
  o.step();
  CHECK(identical(p.value(), nt::tensor({{-2.0, -4, -6}, {-3, -5, -7}}).value()));
  // A gradient that shares the parameter's memory.
  p.set_grad(p.tensor().detach());
  o.step();
  CHECK(identical(p.value(), nt::zeros({2, 3}).value()));
  CHECK(identical(p.grad().value(), nt::tensor({{-2.0, -4, -6}, {-3, -5, -7}}).value()));
}

TEST_CASE("a step in place does not change values saved by a graph") {
  const nt::Parameter p(nt::full({3}, 2));
  optim::SGD o({p}, {.lr = 1});
  const void* memory = p.value().raw();
  p.set_grad(nt::ones({3}));
  o.step();
  CHECK(p.value().raw() == memory);
  const nt::Tensor y = nt::sum(p * p);  // at 1
  o.step();
  CHECK(p.value().raw() != memory);
  o.zero_grad();
  y.backward();
  CHECK(identical(p.grad().value(), nt::full({3}, 2).value()));
}

TEST_CASE("an error in a step leaves every parameter as it was") {
  const nt::Parameter a(nt::ones({2}));
  const nt::Parameter b(nt::ones({2}));
  optim::Adam o({a, b});
  const auto gradients = [&] {
    o.zero_grad();
    nt::sum(a * 2.0).backward();
    nt::sum(b * b).backward();
  };
  gradients();
  o.step();
  const nt::Array before = nt::core::copy(a.value());
  b.to(nt::f64);
  gradients();
  CHECK_THROWS_WITH(o.step(), contains("Adam") && contains("f64 [2]") && contains("f32 [2]"));
  CHECK_THROWS_AS(o.step(), nt::DTypeError);
  CHECK(identical(a.value(), before));
}

TEST_CASE("step with a closure returns its loss") {
  const nt::Parameter p(nt::full({}, 3));
  optim::SGD o({p}, {.lr = 0.25});
  const nt::Tensor loss = o.step([&] { return nt::square(p); });
  CHECK(loss.item() == 9);
  CHECK(p.value().item() == 1.5);
}

TEST_CASE("optimizers reject invalid options and parameters") {
  const nt::Parameter p(nt::ones({2}));
  CHECK_THROWS_WITH(optim::SGD({p}, {.lr = -1}), contains("SGD: lr") && contains("-1"));
  CHECK_THROWS_AS(optim::SGD({p}, {.lr = NAN}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p}, {.lr = INFINITY}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p}, {.momentum = -0.1}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p}, {.weight_decay = -0.1}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p}, {.nesterov = true}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p}, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), nt::ValueError);
  CHECK_THROWS_WITH(optim::Adam({p}, {.betas = {0.9, 1}}), contains("Adam: betas.second"));
  CHECK_THROWS_AS(optim::Adam({p}, {.betas = {-0.1, 0.9}}), nt::ValueError);
  CHECK_THROWS_AS(optim::Adam({p}, {.eps = -1}), nt::ValueError);
  CHECK_THROWS_WITH(optim::AdamW({p}, {.weight_decay = -1}), contains("AdamW: weight_decay"));
  CHECK_THROWS_AS(optim::SGD(std::vector<nt::Parameter>{}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p, p}), nt::ValueError);
  CHECK_THROWS_AS(optim::SGD({p, nt::Parameter()}), nt::ValueError);
}

TEST_CASE("clip_grad_norm agrees with PyTorch") {
  const Reference torch("optim/reference.txt");
  for (const auto& [name, bound] : {std::pair("loose", 100.0), std::pair("tight", 0.5)}) {
    const auto at = std::string("clip/") + name + "/";
    const std::vector<nt::Parameter> params = {nt::Parameter(nt::zeros({3, 2}, nt::f64)),
                                               nt::Parameter(nt::zeros({4}, nt::f64)), nt::Parameter(nt::zeros({5}))};
    for (std::size_t i = 0; i < 2; ++i) params[i].set_grad(torch(at + "before" + std::to_string(i)));
    CHECK(optim::clip_grad_norm(params, bound) == Approx(torch(at + "norm").item()).epsilon(1e-14));
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(distance(params[i].grad().value(), torch(at + "after" + std::to_string(i))) < 1e-14);
    }
    CHECK_FALSE(params[2].grad().defined());
  }
}

TEST_CASE("clipping does not change a shared gradient, and rejects invalid bounds") {
  const nt::Parameter p(nt::zeros({3}));
  const nt::Tensor grad = nt::tensor({-3, 0.5, 4});
  p.set_grad(grad);
  optim::clip_grad_value({p}, 1);
  CHECK(identical(p.grad().value(), nt::tensor({-1, 0.5, 1}).value()));
  CHECK(identical(grad.value(), nt::tensor({-3, 0.5, 4}).value()));
  CHECK_THROWS_AS(optim::clip_grad_value({p}, -1), nt::ValueError);
  CHECK_THROWS_AS(optim::clip_grad_norm({p}, NAN), nt::ValueError);
  p.set_grad(nt::tensor({INFINITY, 0, 0}));
  CHECK_THROWS_AS(optim::clip_grad_norm({p}, 1, {.error_if_nonfinite = true}), nt::NumericalError);
  CHECK(optim::clip_grad_norm({p}, 1) == INFINITY);
}

TEST_CASE("clip_grad_norm scales gradients whose squares overflow, and keeps those whose squares underflow") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    INFO(nt::name(dtype));
    for (const double c : {dtype == nt::f32 ? 1e38 : 1e200, dtype == nt::f32 ? 1e-38 : 1e-200}) {
      INFO(c);
      const nt::Parameter p(nt::zeros({2}, dtype));
      const nt::Parameter q(nt::zeros({1}, dtype));
      p.set_grad(nt::tensor({3, 0}, dtype) * (c / 4));
      q.set_grad(nt::tensor({-4}, dtype) * (c / 4));
      CHECK(optim::clip_grad_norm({p, q}, 0.5) == Approx(1.25 * c));
      const double scale = c > 1 ? 0.4 / c : 1;  // to length 1/2
      CHECK(nt::sum(p.grad()).item() == Approx(0.75 * c * scale));
      CHECK(q.grad().item() == Approx(-c * scale));
    }
  }
}
