// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/copies.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/step_witness.hpp>
#include <newtape/inspect/diagnosis/watch.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>

using namespace newtape;

namespace {

/// Whether a rule fires; nothing when it cannot tell.
std::optional<bool> fires(const std::string& name, const inspect::Evidence& e) {
  for (const auto* rule : inspect::all_rules()) {
    if (rule->name != name) continue;
    const auto m = rule->measure(e);
    if (!m) return {};
    INFO(m->evidence);
    return m->value > rule->threshold;
  }
  FAIL("no rule " << name);
  return {};
}

bool named_in(const std::vector<inspect::Suspect>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const auto& s) { return s.name == name; });
}

/// Losses that fall by a share of the first over 100 steps.
std::vector<inspect::LossRecord> falling_by(double share) {
  std::vector<inspect::LossRecord> losses;
  for (int i = 0; i < 100; ++i) losses.push_back({i, 1 - share * i / 99});
  return losses;
}

/// f(x) = (w_0 x_0^2 + w_1 x_1^2) / 2
struct Valley : nn::Module<Valley> {
  Parameter x = add("x", Parameter(tensor({1.0, 1.0}, f64).value()));
  Tensor forward(const Tensor& w) const { return sum(w * x * x) * 0.5; }
};

}  // namespace

TEST_CASE("StepWitness measures the cosines of gradient descent on a quadratic function") {
  const Tensor w = tensor({1.0, 0.1}, f64);
  for (const double lr : {0.5, 1.9}) {
    const Valley valley;
    optim::SGD sgd(valley.parameters(), {.lr = lr});
    const inspect::StepWitness witness(valley, sgd, {.every = 2});
    // The gradient is (w_i (1 - lr w_i)^t), whatever the step before.
    std::vector<double> wanted;
    const std::set<int> looked_at{0, 3, 5, 8, 10};  // distances of 2 + 1 and 2 in turns
    for (int t = 0; t < 12; ++t) {
      sgd.step([&] { return valley(w); });
      const auto g = [&](double k, int s) { return k * std::pow(1 - lr * k, s); };
      const double dot = g(1, t) * g(1, t + 1) + g(0.1, t) * g(0.1, t + 1);
      if (looked_at.count(t) > 0)
        wanted.push_back(dot / std::hypot(g(1, t), g(0.1, t)) / std::hypot(g(1, t + 1), g(0.1, t + 1)));
    }
    inspect::Evidence e;
    e.facts = witness.facts();
    REQUIRE(e.facts->gradient_cosines.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      CHECK(e.facts->gradient_cosines[i] == Approx(wanted[i]).epsilon(1e-12));
      CHECK(e.facts->step_cosines[i] == Approx(wanted[i]).epsilon(1e-12));  // steps are -lr times gradients
    }
    CHECK(e.facts->changed.empty());
    CHECK(fires("oscillation", e) == (lr > 1));
  }
}

TEST_CASE("rules about curvature") {
  inspect::Evidence e;
  CHECK_FALSE(fires("saddle_point", e).has_value());
  CHECK_FALSE(fires("unstable_sharpness", e).has_value());
  CHECK_FALSE(fires("ill_conditioning", e).has_value());
  e.losses = falling_by(0.01);
  e.curvatures = {-2, 3};
  CHECK(fires("saddle_point", e) == true);
  e.curvatures = {-0.1, 3};
  CHECK(fires("saddle_point", e) == false);
  e.curvatures = {-2, 3};
  e.losses = falling_by(0.5);
  CHECK(fires("saddle_point", e) == false);
  e.stability.emplace();
  e.stability->ratio = 2;
  e.stability->preconditioned = true;
  CHECK(fires("unstable_sharpness", e) == true);
  e.stability->ratio = 1;
  CHECK(fires("unstable_sharpness", e) == false);
}

TEST_CASE("descent_reach of two directions in closed form") {
  // Gradients g^2 = 1 and 1e-4 with curvatures 1 and 1e-4: Newton's step falls by 1/2 in each.
  const inspect::Spectrum::Quadrature measure{{1e-4, 1}, {1e-4, 1}};
  const auto r = inspect::descent_reach(measure, 5, 100);
  CHECK(r.curvature == 1);
  CHECK(r.newton == Approx(1));
  CHECK(r.descent == Approx(0.5 + 0.5 * (1 - std::pow(1 - 1e-4, 200))));
  CHECK(r.spread == Approx((1 + 1e-4) / (1 + 1e-8)));
  CHECK(inspect::descent_reach(measure, 0.3, 100).newton == 0.3);  // not below a loss of 0
  inspect::Evidence e;
  e.losses = falling_by(0.1);
  e.reach = r;
  e.stability.emplace().ratio = 1e-4;  // the rate could be raised
  CHECK(fires("ill_conditioning", e) == false);
  e.stability->ratio = 0.5;
  CHECK(fires("ill_conditioning", e) == true);
  e.reach = inspect::descent_reach({{0.5, 1}, {0.5, 1}}, 5, 100);
  CHECK(fires("ill_conditioning", e) == false);
}

TEST_CASE("biases before batch normalisation are found, others are not") {
  const auto biases = [](const nn::Sequential& model, const Tensor& x) {
    const Tensor y = model(x);
    return inspect::view_graph(model, y, sum(y)).normalised_biases;
  };
  const Tensor image = random::normal({4, 2, 6, 6});
  const Tensor row = random::normal({8, 3});
  using Names = std::vector<std::string>;
  CHECK(biases(nn::Sequential(nn::Conv2d(2, 3, 3), nn::BatchNorm2d(3)), image) == Names{"0.bias"});
  CHECK(biases(nn::Sequential(nn::Linear(3, 4), nn::BatchNorm1d(4)), row) == Names{"0.bias"});
  CHECK(biases(nn::Sequential(nn::Conv2d(2, 3, 3, {.bias = false}), nn::BatchNorm2d(3)), image).empty());
  CHECK(biases(nn::Sequential(nn::Linear(3, 4), nn::ReLU(), nn::BatchNorm1d(4)), row).empty());
  CHECK(biases(nn::Sequential(nn::Linear(3, 4), nn::LayerNorm(4)), row).empty());
  CHECK(biases(nn::Sequential(nn::Linear(3, 4), nn::Linear(4, 4)), row).empty());
}

TEST_CASE("a loss that is linear in the output is found") {
  const nn::Linear model(4, 3);
  const Tensor x = random::normal({8, 4});
  const Tensor y = random::integers({8}, 0, 3);
  const auto linear = [&](const Tensor& output, const Tensor& loss) {
    inspect::Evidence e;
    e.target = y.value();
    e.graph = inspect::view_graph(model, output, loss);
    return fires("loss_of_log_probabilities", e);
  };
  const Tensor logits = model(x);
  CHECK(linear(logits, nn::nll_loss(logits, y)) == true);
  const Tensor p = softmax(logits, 1);
  CHECK(linear(p, nn::nll_loss(p, y)) == true);
  const Tensor log_p = log_softmax(logits, 1);
  CHECK(linear(log_p, nn::nll_loss(log_p, y)) == false);
  CHECK(linear(logits, nn::cross_entropy(logits, y)) == false);
  CHECK(linear(logits, nn::multi_margin_loss(logits, y)) == false);
}

TEST_CASE("a parameter that two optimizers change, or that code overwrites, is found") {
  const nn::Linear model(4, 1);
  const Tensor x = random::normal({16, 4});
  const Tensor y = random::normal({16, 1});
  const auto found = [&](const auto& after_step) {
    optim::SGD sgd(model.parameters(), {.lr = 0.01});
    auto watch = inspect::watch(model, sgd, {.probe = {.every = 2}, .print = false});
    for (int step = 0; step < 20; ++step) {
      sgd.step([&] { return nn::mse_loss(model(x), y); });
      after_step();
    }
    return named_in(watch.report().mistakes, "parameters_held_twice");
  };
  optim::SGD second(model.parameters(), {.lr = 0.01});
  CHECK(found([&] { second.step(); }));
  CHECK(found([&] { model.weight.set_value(model.weight.detach() * 0.9); }));
  CHECK_FALSE(found([] {}));
}

TEST_CASE("parameters of another optimizer are held by one") {
  const nn::Sequential model(nn::Linear(4, 4), nn::Linear(4, 1));
  const Tensor x = random::normal({16, 4});
  optim::SGD first({model.parameter("0.weight"), model.parameter("0.bias")}, {.lr = 0.01});
  optim::SGD second({model.parameter("1.weight"), model.parameter("1.bias")}, {.lr = 0.01});
  auto watch = inspect::watch(model, first, {.probe = {.every = 2}, .print = false});
  for (int step = 0; step < 20; ++step) {
    first.step([&] { return sum(model(x)); });
    second.step();
  }
  const auto d = watch.report();
  INFO(d.to_string());
  for (const char* name : {"parameters_not_held", "parameters_held_twice"}) {
    CHECK(std::find(d.ruled_out.begin(), d.ruled_out.end(), name) != d.ruled_out.end());
  }
}

TEST_CASE("evaluation in training mode is found where a layer has modes") {
  const auto found = [](const nn::Sequential& model, bool evaluate) {
    optim::SGD sgd(model.parameters(), {.lr = 0.01});
    const inspect::StepWitness witness(model, sgd);
    if (evaluate) model.eval();
    const NoGrad off;
    model(random::normal({4, 3}));
    inspect::Evidence e;
    e.facts = witness.facts();
    return fires("training_mode_in_evaluation", e);
  };
  CHECK(found(nn::Sequential(nn::Linear(3, 3), nn::Dropout(0.5)), false) == true);
  CHECK(found(nn::Sequential(nn::Linear(3, 3), nn::BatchNorm1d(3)), false) == true);
  CHECK(found(nn::Sequential(nn::Linear(3, 3), nn::Dropout(0.5)), true) == false);
  CHECK_FALSE(found(nn::Sequential(nn::Linear(3, 3)), false).has_value());
}

TEST_CASE("signals that fade by depth, and plateaus") {
  const auto run = [](const nn::Sequential& model, double scale) {
    for (const auto& p : model.parameters()) {
      if (scale != 1) p.set_value(p.detach() * (p.ndim() == 2 ? scale : 0.0));
    }
    optim::SGD sgd(model.parameters(), {.lr = 1e-3});
    auto watch = inspect::watch(model, sgd, {.print = false});
    const Tensor x = random::normal({16, 8});
    for (int step = 0; step < 20; ++step) sgd.step([&] { return nn::mse_loss(model(x), ones({16, 8})); });
    return watch.report();
  };
  const auto deep = [] {
    nn::Sequential model;
    for (int i = 0; i < 6; ++i) model.push_back(nn::Linear(8, 8)), model.push_back(nn::Tanh());
    return model;
  };
  const auto found = [](const inspect::Diagnosis& d, const char* name) {
    return std::find(d.ruled_out.begin(), d.ruled_out.end(), name) == d.ruled_out.end();
  };
  const auto faded = run(deep(), 0.1);
  INFO(faded.to_string());
  CHECK(found(faded, "signal_by_depth"));
  CHECK_FALSE(found(run(deep(), 1.5), "signal_by_depth"));
  // Gradients of 0: nothing lowers the loss.
  nn::Sequential dead(nn::Linear(8, 8), nn::ReLU());
  dead.parameter("0.bias").set_value(full({8}, -100.0));
  CHECK(found(run(dead, 1), "plateau"));
  CHECK_FALSE(found(run(nn::Sequential(nn::Linear(8, 8)), 1), "plateau"));
}

TEST_CASE("a spike of the loss names step and examples") {
  inspect::Evidence e;
  e.losses = falling_by(0.9);
  e.spike = inspect::find_spike(e.losses);
  CHECK(fires("loss_spikes", e) == false);
  e.losses[60].value = 50;
  e.spike = inspect::find_spike(e.losses);
  CHECK(e.spike.step == 60);
  e.spike.examples = {17, 3, 5};
  e.spike.example_losses = {140, 0.1, 0.1};
  for (const auto* rule : inspect::all_rules()) {
    if (rule->name != std::string("loss_spikes")) continue;
    const auto m = rule->measure(e);
    REQUIRE(m);
    CHECK(m->value > rule->threshold);
    CHECK(m->evidence.find("17 has the largest loss") != std::string::npos);
    CHECK(rule->treatments(e).back().leave_out == std::vector<std::int64_t>{17});
  }
}

TEST_CASE("forgets_in_time compares the ends of a sequence") {
  inspect::Evidence e;
  CHECK_FALSE(fires("forgets_in_time", e).has_value());
  e.time_decay = 1e-6;
  CHECK(fires("forgets_in_time", e) == true);
  e.time_decay = 0.01;
  CHECK(fires("forgets_in_time", e) == false);
}
