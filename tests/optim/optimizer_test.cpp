// SPDX-License-Identifier: BSD-3-Clause
#include "../catch.hpp"
#include "../reference.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/optim/optim.hpp>

#include <memory>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

/// The problem of the reference: sum((x a - y)^2) + sum(c b^2).
struct Problem {
  nt::Tensor x, y, c;
  nt::Parameter a, b;

  Problem(const Reference& torch, const std::string& dtype)
      : x(torch(dtype + "/x")),
        y(torch(dtype + "/y")),
        c(torch(dtype + "/c")),
        a(nt::core::copy(torch(dtype + "/a"))),
        b(nt::core::copy(torch(dtype + "/b"))) {}
  nt::Tensor loss() const { return nt::sum(nt::square(nt::matmul(x, a) - y)) + nt::sum(c * b * b); }
};

using Make = std::function<std::unique_ptr<optim::Optimizer>(const std::vector<nt::Parameter>&)>;

template <class O, class Options>
Make make(const Options& options) {
  return [options](const std::vector<nt::Parameter>& params) { return std::make_unique<O>(params, options); };
}

const std::vector<std::pair<std::string, Make>> cases = {
    {"sgd", make<optim::SGD>(optim::SgdOptions{.lr = 0.02})},
    {"sgd_momentum", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.9})},
    {"sgd_nesterov", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.9, .nesterov = true})},
    {"sgd_dampening", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.8, .dampening = 0.3})},
    {"sgd_decay", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.5, .weight_decay = 0.1})},
    {"adam", make<optim::Adam>(optim::AdamOptions{.lr = 0.1})},
    {"adam_options",
     make<optim::Adam>(optim::AdamOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2})},
    {"adamw", make<optim::AdamW>(optim::AdamWOptions{.lr = 0.1})},
    {"adamw_options",
     make<optim::AdamW>(optim::AdamWOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2})},
    {"adam_amsgrad", make<optim::Adam>(optim::AdamOptions{.lr = 0.1, .betas = {0.5, 0.6}, .amsgrad = true})},
    {"adamw_amsgrad",
     make<optim::AdamW>(optim::AdamWOptions{.lr = 0.1, .betas = {0.5, 0.6}, .weight_decay = 0.3, .amsgrad = true})},
    {"radam", make<optim::RAdam>(optim::RAdamOptions{.lr = 0.1})},
    {"radam_options",
     make<optim::RAdam>(optim::RAdamOptions{.lr = 0.1, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.2})},
    {"adagrad", make<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1})},
    {"adagrad_options",
     make<optim::Adagrad>(optim::AdagradOptions{
         .lr = 0.1, .lr_decay = 0.2, .weight_decay = 0.1, .initial_accumulator_value = 0.5, .eps = 1e-3})},
    {"adadelta", make<optim::Adadelta>(optim::AdadeltaOptions{.lr = 1})},
    {"adadelta_options",
     make<optim::Adadelta>(optim::AdadeltaOptions{.lr = 0.5, .rho = 0.7, .eps = 1e-2, .weight_decay = 0.1})},
    {"rmsprop", make<optim::RMSprop>(optim::RmspropOptions{.lr = 0.02})},
    {"rmsprop_options",
     make<optim::RMSprop>(optim::RmspropOptions{
         .lr = 0.02, .alpha = 0.8, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.7, .centered = true})},
    {"rprop", make<optim::Rprop>(optim::RpropOptions{.lr = 0.1})},
    {"rprop_options",
     make<optim::Rprop>(optim::RpropOptions{.lr = 0.3, .etas = {0.3, 1.7}, .step_sizes = {0.01, 0.5}})},
};

/// Those that PyTorch 1.13 does not have, or has wrong: paper_test.cpp compares them with the papers' formulas.
const std::vector<std::pair<std::string, Make>> others = {
    {"nadam", make<optim::NAdam>(optim::NAdamOptions{.lr = 0.1})},
    {"lion", make<optim::Lion>(optim::LionOptions{.lr = 0.01, .weight_decay = 0.1})},
    {"lamb", make<optim::LAMB>(optim::LambOptions{.lr = 0.01, .weight_decay = 0.1})},
    {"schedule_free", make<optim::AdamWScheduleFree>(optim::AdamWScheduleFreeOptions{.lr = 0.01, .warmup_steps = 3})},
};

void train_step(const Problem& p, optim::Optimizer& o) {
  o.zero_grad();
  p.loss().backward();
  o.step();
}

}  // namespace

TEST_CASE("five steps of every optimizer agree with PyTorch's") {
  const Reference torch("optim/reference.txt");
  for (const auto& [dtype, tolerance] : {std::pair("f64", 1e-13), std::pair("f32", 2e-6)}) {
    for (const auto& [name, optimizer] : cases) {
      const Problem p(torch, dtype);
      const auto o = optimizer({p.a, p.b});
      for (int step = 0; step < 5; ++step) {
        train_step(p, *o);
        const auto at = std::string(dtype) + "/" + name + "/" + std::to_string(step) + "/";
        INFO(at);
        CHECK(distance(p.a.value(), torch(at + "a")) < tolerance);
        CHECK(distance(p.b.value(), torch(at + "b")) < tolerance);
      }
    }
  }
}

TEST_CASE("a run goes on from a state dict bit for bit") {
  const Reference torch("optim/reference.txt");
  auto all = cases;
  all.insert(all.end(), others.begin(), others.end());
  for (const auto& [name, optimizer] : all) {
    INFO(name);
    const Problem whole(torch, "f32");
    const auto first = optimizer({whole.a, whole.b});
    for (int i = 0; i < 3; ++i) train_step(whole, *first);
    const auto state = first->state_dict("optimizer.");

    const Problem resumed(torch, "f32");
    resumed.a.set_value(whole.a.value());
    resumed.b.set_value(whole.b.value());
    const auto second = optimizer({resumed.a, resumed.b});
    second->set_lr(0.9);  // the state brings the learning rate back
    second->load_state_dict(state, {.prefix = "optimizer."});
    for (int i = 0; i < 4; ++i) {
      train_step(whole, *first);
      train_step(resumed, *second);
    }
    CHECK(identical(whole.a.value(), resumed.a.value()));
    CHECK(identical(whole.b.value(), resumed.b.value()));

    // What was saved did not follow the steps that came after.
    const Problem again(torch, "f32");
    const auto third = optimizer({again.a, again.b});
    for (int i = 0; i < 3; ++i) train_step(again, *third);
    const auto expected = third->state_dict("optimizer.");
    REQUIRE(state.size() == expected.size());
    for (std::size_t i = 0; i < state.size(); ++i) {
      CHECK(state[i].first == expected[i].first);
      CHECK(identical(state[i].second, expected[i].second));
    }
  }
}

TEST_CASE("loading a state names everything that does not fit, and changes nothing") {
  const Reference torch("optim/reference.txt");
  const Problem p(torch, "f32");
  optim::Adam o({p.a, p.b}, {.lr = 0.5});
  train_step(p, o);
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
  // Values that fit in type, but that the constructor would refuse.
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
  p.set_grad(nt::transpose(nt::tensor({{1, 2}, {3, 4}, {5, 6}})));
  optim::SGD o({p}, {.lr = 1});
  o.step();
  CHECK(identical(p.value(), nt::tensor({{-1, -3, -5}, {-2, -4, -6}}).value()));
  p.set_grad(nt::expand(nt::tensor(1.0), {2, 3}));
  o.step();
  CHECK(identical(p.value(), nt::tensor({{-2, -4, -6}, {-3, -5, -7}}).value()));
  // A gradient that is the parameter's own memory.
  p.set_grad(p.tensor().detach());
  o.step();
  CHECK(identical(p.value(), nt::zeros({2, 3}).value()));
  CHECK(identical(p.grad().value(), nt::tensor({{-2, -4, -6}, {-3, -5, -7}}).value()));
}

TEST_CASE("a step in place leaves what a graph has saved") {
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
  const nt::Tensor loss = o.step([&] {
    o.zero_grad();
    nt::Tensor l = nt::square(p);
    l.backward();
    return l;
  });
  CHECK(loss.item() == 9);
  CHECK(p.value().item() == 1.5);
}

TEST_CASE("optimizers refuse options and parameters that make no sense") {
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

TEST_CASE("clipping leaves a gradient that somebody else holds, and refuses nonsense") {
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
