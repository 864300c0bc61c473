// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

using namespace newtape;

namespace {

const inspect::Rule& rule_named(const std::string& name) {
  for (const auto* rule : inspect::all_rules()) {
    if (rule->name == name) return *rule;
  }
  throw ValueError("no rule " + name);
}
std::optional<bool> rule_fires(const std::string& name, const inspect::Evidence& e) {
  const auto& rule = rule_named(name);
  const auto m = rule.measure(e);
  if (!m) return {};
  return m->value > rule.threshold;
}

/// A linear model whose second layer may be missing from its parameters.
struct HalfRegistered : nn::Module<HalfRegistered> {
  explicit HalfRegistered(bool whole) {
    if (whole) add("second", second);
  }
  nn::Linear first = add("first", nn::Linear(3, 4));
  nn::Linear second = nn::Linear(4, 1);
  Tensor forward(const Tensor& x) const { return second(first(x)); }
};

}  // namespace

TEST_CASE("column_distance is the statistic of Kolmogorov and Smirnov") {
  // Distribution functions of {1, 2, 3, 4} and {3, 4, 5, 6} are apart by 1/2 at 2 and at 4.
  const auto rows = [](const Tensor& x) { return inspect::example_rows(x.value(), 100); };
  const Tensor a = tensor({{1.0, 0.0}, {2.0, 0.0}, {3.0, 1.0}, {4.0, 1.0}});
  const Tensor b = tensor({{3.0, 0.0}, {4.0, 0.0}, {5.0, 1.0}, {6.0, 1.0}});
  const auto d = inspect::column_distance(rows(a), rows(b));
  CHECK(d.distance == 0.5);
  CHECK(d.column == 0);
  CHECK(inspect::column_distance(rows(a), rows(a)).distance == 0);
  // Columns of one distribution each stay below the bound, which one of 10,000 sets exceeds.
  for (int i = 0; i < 20; ++i) {
    const auto same = inspect::column_distance(rows(random::normal({200, 5})), rows(random::normal({80, 5})));
    CHECK(same.distance < same.by_chance);
  }
}

TEST_CASE("test columns in another order are different inputs") {
  inspect::Evidence e;
  // Both of mean 0 and deviation 1.
  const Tensor uniform = random::uniform({300, 1}, -std::sqrt(3.0), std::sqrt(3.0));
  const Tensor coin = where(Tensor(random::uniform({300, 1})) < 0.5, -1.0, 1.0).to(f32);
  const Array columns[] = {uniform.value(), coin.value()};
  const Array swapped[] = {columns[1], columns[0]};
  e.x = core::concatenate(columns, 1);
  e.test_x = e.x;
  CHECK(rule_fires("different_test_inputs", e) == false);
  e.test_x = core::concatenate(swapped, 1);
  CHECK(rule_fires("different_test_inputs", e) == true);
}

TEST_CASE("examples that occur by chance do not leak") {
  inspect::Evidence e;
  e.x = random::integers({2000, 4}, 0, 3);  // 81 kinds
  e.test_x = random::integers({300, 4}, 0, 3);
  CHECK(inspect::share_of_repeated_rows(e.x) > 0.9);
  CHECK(rule_fires("leaked_test_examples", e) == false);
  e.x = random::normal({200, 4});
  CHECK(inspect::share_of_repeated_rows(e.x) == 0);
  e.test_x = core::slice(e.x, 0, 0, 50);
  CHECK(rule_fires("leaked_test_examples", e) == true);
}

TEST_CASE("integer inputs are examined") {
  inspect::Evidence e;
  e.x = core::zeros({300, 4}, i64);
  e.y = random::integers({300}, 0, 3);
  CHECK(rule_fires("constant_inputs", e) == true);
  e.x = random::integers({300, 4}, 0, 9);
  CHECK(rule_fires("constant_inputs", e) == false);
  CHECK(rule_fires("shuffled_labels", e) == true);
}

TEST_CASE("targets that are NaN, or no probabilities") {
  inspect::Evidence e;
  e.y = tensor({0.0, std::numeric_limits<double>::quiet_NaN(), 1.0}).value();
  CHECK(rule_fires("non_finite_targets", e) == true);
  CHECK(rule_named("non_finite_targets").treatments(e)[0].leave_out == std::vector<std::int64_t>{1});
  e.y = tensor({0.0, 1.0}).value();
  CHECK(rule_fires("non_finite_targets", e) == false);

  const nn::Linear model(3, 1);
  const Tensor x = random::normal({8, 3});
  const auto of_loss = [&](const Tensor& y, const Tensor& loss, double reached) {
    inspect::Evidence with;
    with.y = y.value();
    with.losses = {{0, 1.0}, {1, reached}};
    with.graph = inspect::view_graph(model, model(x), loss);
    return rule_fires("targets_are_no_probabilities", with);
  };
  const Tensor signs = ones({8, 1}) * -1.0;
  const Tensor output = model(x);
  CHECK(of_loss(signs, nn::binary_cross_entropy_with_logits(output, signs), -2) == true);
  CHECK(of_loss(signs, nn::soft_margin_loss(output, signs), 0.1) == false);
  CHECK(of_loss(ones({8, 1}), nn::binary_cross_entropy_with_logits(output, ones({8, 1})), 0.1) == false);
}

TEST_CASE("targets that are broadcast against outputs are found in the graph") {
  const nn::Linear model(3, 1);
  const Tensor x = random::normal({8, 3});
  const Tensor y = random::normal({8});
  const auto found = [&](const Tensor& output, const Tensor& loss) {
    inspect::Evidence e;
    e.output = output.value();
    e.target = y.value();
    e.graph = inspect::view_graph(model, output, loss);
    return rule_fires("broadcast_targets", e);
  };
  const Tensor output = model(x);
  CHECK(found(output, mean(square(output - y))) == true);
  CHECK(found(output, mean(square(output - y.reshape({-1, 1})))) == false);
  CHECK(found(output, mean(square(output.reshape({-1}) - y))) == false);
}

TEST_CASE("variables that are no parameters, and parameters beside the output") {
  const Tensor x = random::normal({8, 3});
  for (const bool whole : {true, false}) {
    const HalfRegistered model(whole);
    const Tensor output = model(x);
    inspect::Evidence e;
    e.graph = inspect::view_graph(model, output, sum(output), model.parameters());
    CHECK(rule_fires("unregistered_parameters", e) == !whole);
    CHECK(e.graph.penalised.empty());
    // Held by the optimizer all the same.
    auto held = model.parameters();
    for (const auto& p : model.second.parameters()) held.push_back(p);
    CHECK(inspect::view_graph(model, output, sum(output), held).unregistered.empty());
    const Tensor penalised = sum(output) + sum(square(model.first.weight));
    CHECK(inspect::view_graph(model, output, penalised).penalised == std::vector<std::string>{"first.weight"});
  }
}

TEST_CASE("diagnose finds a group without a rate, and a penalty that is too strong") {
  const Tensor x = random::normal({256, 3});
  const Tensor y = x.reshape({256, 3}) * tensor({{1.0, -2.0, 0.5}});
  const inspect::TrainingData data{.train = data::Dataset{x, sum(y, 1, true)},
                                   .loss = [](const Tensor& out, const Tensor& t) { return nn::mse_loss(out, t); }};
  const auto make = [] { return HalfRegistered(true); };
  const auto names = [](const inspect::Diagnosis& d) { return d.causes.empty() ? std::string() : d.causes[0].name; };
  const auto idle = inspect::diagnose(make,
                                      [](const HalfRegistered& m) {
                                        return optim::SGD(std::vector<optim::ParamGroup<optim::SGDOptions>>{
                                            {m.first.parameters(), {.lr = 0}}, {m.second.parameters(), {.lr = 0.05}}});
                                      },
                                      data, {.steps = 100});
  INFO(idle.to_string());
  CHECK(names(idle) == "zero_learning_rate");
  const auto sgd = [](const HalfRegistered& m) { return optim::SGD(m.parameters(), {.lr = 0.02}); };
  for (const double factor : {3.0, 1e-5}) {
    const auto d =
        inspect::diagnose(make, sgd, data,
                          [factor](const HalfRegistered& m, optim::Optimizer& o, const inspect::TrainingBatch& b) {
                            return o.step([&] {
                              Tensor loss = b.loss(m(b.x), b.y);
                              for (const auto& p : m.parameters()) loss = loss + factor * sum(square(p));
                              return loss;
                            });
                          },
                          {.steps = 100});
    INFO(d.to_string());
    CHECK((names(d) == "penalty_too_strong") == (factor > 1));
  }
}
