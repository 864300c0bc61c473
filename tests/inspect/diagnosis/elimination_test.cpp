// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/graph_view.hpp>
#include <newtape/inspect/diagnosis/judge.hpp>
#include <newtape/inspect/diagnosis/paired_runs.hpp>
#include <newtape/inspect/diagnosis/reference.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/step_witness.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/penalty.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace newtape;

namespace {

struct OneLayer : nn::Module<OneLayer> {
  nn::Linear fc = add("fc", nn::Linear(4, 1));
  Tensor forward(const Tensor& x) const { return fc(x); }
};

/// A hidden layer of one unit, with or without a layer beside it.
struct Hourglass : nn::Module<Hourglass> {
  explicit Hourglass(bool around) : has_way_around(around) {}
  bool has_way_around;
  nn::Linear narrow = add("narrow", nn::Linear(4, 1));
  nn::Linear wide = add("wide", nn::Linear(1, 16));
  nn::Linear last = add("last", nn::Linear(16, 2));
  nn::Linear beside = add("beside", nn::Linear(4, 2));
  Tensor forward(const Tensor& x) const {
    const Tensor h = last(newtape::tanh(wide(newtape::tanh(narrow(x)))));
    return has_way_around ? h + beside(x) : h;
  }
};

inspect::TrainingData linear_data() {
  Generator g(3);
  const Tensor x = random::normal({400, 4}, 0, 1, f32, g);
  const Tensor y = slice(x, 1, 0, 1) - 0.5 * slice(x, 1, 1, 2);
  const auto parts = data::Dataset{x.value(), y.value()}.split({300, -1});
  return {
      .train = parts[0], .loss = [](const Tensor& o, const Tensor& t) { return nn::mse_loss(o, t); }, .test = parts[1]};
}

auto sgd_of(double lr) {
  return [lr](const OneLayer& m) { return optim::SGD(m.parameters(), {.lr = lr}); };
}

double measured(const std::string& rule, const inspect::Evidence& e) {
  for (const auto* r : inspect::all_rules()) {
    if (r->name == rule) return r->measure(e)->value;
  }
  FAIL("no rule " << rule);
  return 0;
}

}  // namespace

TEST_CASE("a step that spoils the training is found by elimination, the plain one is not") {
  const auto data = linear_data();
  const auto make = [] { return OneLayer(); };
  const auto noise = [](const OneLayer& m, optim::Optimizer& o, const inspect::TrainingBatch& b) {
    return o.step([&] { return b.loss(m(Tensor(random::normal(b.x.shape()))), b.y); });
  };
  const auto d = inspect::diagnose(make, sgd_of(0.1), data, noise, {.steps = 80});
  INFO(d.to_string());
  REQUIRE(d.causes.size() == 1);
  CHECK(d.causes[0].name == "own_step");
  CHECK(*d.causes[0].gain > 0.8);
  CHECK(std::find(d.ruled_out.begin(), d.ruled_out.end(), "own_step") == d.ruled_out.end());
  CHECK(inspect::diagnose(make, sgd_of(0.1), data, {.steps = 80}).causes.empty());
}

TEST_CASE("a penalty is a cause where the run needs what it takes") {
  const auto data = linear_data();
  const auto make = [] { return OneLayer(); };
  const auto with_penalty = [](double factor) {
    return [factor](const OneLayer& m, optim::Optimizer& o, const inspect::TrainingBatch& b) {
      return o.step([&] { return b.loss(m(b.x), b.y) + factor * nn::l2_penalty(m); });
    };
  };
  const auto strong = inspect::diagnose(make, sgd_of(0.05), data, with_penalty(8), {.steps = 80});
  INFO(strong.to_string());
  REQUIRE_FALSE(strong.causes.empty());
  CHECK(strong.causes[0].name == "penalty_too_strong");
  CHECK(inspect::diagnose(make, sgd_of(0.1), data, with_penalty(1e-4), {.steps = 80}).causes.empty());
}

TEST_CASE("regressions tell two sets from each other by how columns go together") {
  Generator g(5);
  const Array a = random::normal({300, 2}, 0, 1, f32, g);
  const Array b = random::normal({200, 2}, 0, 1, f32, g);
  const auto same = inspect::tell_apart(a, b);
  CHECK(same.known());
  CHECK(same.error > 0.9);
  CHECK(same.deviations <
        4);  // one of two kernels' six fits beats the mean by chance: 4 of normal deviates is 6 * 3e-5
  // Both columns equal: each is distributed as before.
  const Tensor first = slice(Tensor(b), 1, 0, 1);
  const auto other = inspect::tell_apart(a, concatenate(std::vector<Tensor>{first, first}, 1).value());
  CHECK(other.error < 0.7);
  CHECK(other.deviations > 6);
  CHECK_FALSE(inspect::tell_apart(a, random::normal({200, 3}, 0, 1, f32, g)).known());
}

TEST_CASE("a narrow layer is a bottleneck unless data go around it") {
  for (const bool around : {false, true}) {
    const Hourglass model(around);
    const Tensor output = model(random::normal({8, 4}));
    const auto view = inspect::view_graph(model, output, mean(square(output)));
    CHECK(view.bottlenecks.count("narrow.weight") == (around ? 0 : 1));
    CHECK(view.bottlenecks.count("last.weight") == (around ? 0 : 1));
    CHECK(view.bottlenecks.count("wide.weight") == 0);  // sixteen units
    CHECK(view.bottlenecks.count("beside.weight") == 0);
  }
}

TEST_CASE("outliers are measured by the middle half of a column") {
  // 0 .. 99 with quarters 25 and 74: the last number becomes 74 + 49 k.
  Array y = core::zeros({100, 1}, f64);
  for (std::int64_t i = 0; i < 100; ++i) y.data<double>()[i] = static_cast<double>(i);
  inspect::Evidence e;
  e.y = y;
  CHECK(measured("outliers_in_targets", e) == Approx(25.0 / 49));
  y.data<double>()[99] = 74 + 49 * 40;
  CHECK(measured("outliers_in_targets", e) == Approx(40));
  e.x = y;
  CHECK(measured("outliers_in_inputs", e) == Approx(40));
}

TEST_CASE("errors of several targets are in units of each") {
  // Columns of variance 1 and 1e6, each wrong by half its deviation.
  Array y = core::zeros({8, 2}, f64);
  Array output = core::zeros({8, 2}, f64);
  for (std::int64_t i = 0; i < 8; ++i) {
    const double side = i % 2 == 0 ? 1 : -1;
    const double third = i == 0 ? 0.5 : 0;  // not two values only
    y.data<double>()[2 * i] = side + third;
    y.data<double>()[2 * i + 1] = 1000 * (side + third);
    output.data<double>()[2 * i] = side + third + 0.5;
    output.data<double>()[2 * i + 1] = 1000 * (side + third + 0.5);
  }
  // Of -1, 1 and one 1.5: mean 1 / 16, mean square (7 + 2.25) / 8.
  const double variance = 9.25 / 8 - 1.0 / 256;
  for (const double e : inspect::example_errors(output, y)) CHECK(e == Approx(0.25 / variance));
}

TEST_CASE("a rare class is harmed only if the model misses it") {
  inspect::Evidence e;
  Array y = core::zeros({100}, i64);
  for (std::int64_t i = 0; i < 10; ++i) y.data<std::int64_t>()[i] = 1;
  e.y = y;
  e.balanced = 0.5;
  CHECK(measured("dominating_class", e) == Approx(0.9));
  e.balanced = 0.1;
  CHECK(measured("dominating_class", e) == 0);
}

TEST_CASE("a few examples again and again, and sequences that end in nothing") {
  inspect::Evidence e;
  Array x = core::zeros({120, 4}, f32);
  for (std::int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = static_cast<float>(i / 4 % 12);
  e.x = x;
  CHECK(measured("repeated_examples", e) == Approx(10));
  Array words = core::zeros({50, 10}, i64);
  for (std::int64_t i = 0; i < 50; ++i) {
    for (std::int64_t t = 0; t < 4; ++t) words.data<std::int64_t>()[10 * i + t] = 1 + (i + t) % 7;
  }
  e.x = words;
  e.graph.known = true;
  CHECK(measured("padding", e) == 0);  // nothing is recurrent
  e.graph.ops.insert("gru_scan");
  CHECK(measured("padding", e) == Approx(0.6));
}

TEST_CASE("StepWitness sees what a program does in each n-th step") {
  for (const int n : {2, 3, 4, 5}) {
    const OneLayer model;
    optim::SGD sgd(model.parameters(), {.lr = 0.01});
    inspect::StepWitness witness(model, sgd, {.every = n});
    for (int step = 0; step < 120; ++step) {
      sgd.step([&] { return mean(square(model(random::normal({8, 4})))); });
      if (step % n == n - 1) model.fc.weight.set_value(model.fc.weight.detach() * 0.99);
    }
    INFO(n);
    CHECK(witness.facts().changed_gaps > 1);
    CHECK(witness.facts().changed_gaps < witness.facts().gaps);
  }
}

TEST_CASE("one of several rules that say more is enough to explain another") {
  inspect::Rule better{};
  better.name = "better";
  inspect::Rule rule{};
  rule.name = "rule";
  rule.certainty = inspect::Certainty::strong;
  rule.unless = "absent better";
  const auto fired = [](const inspect::Rule& r) {
    inspect::Fired f{&r, {}};
    f.suspect.name = r.name;
    return f;
  };
  inspect::Diagnosis d;
  CHECK(inspect::judge({fired(rule)}, 0.1, d).size() == 1);
  CHECK(inspect::judge({fired(better), fired(rule)}, 0.1, d).empty());
  REQUIRE(d.symptoms.size() == 2);
  CHECK(std::any_of(d.symptoms.begin(), d.symptoms.end(), [](const auto& s) { return s.explained_by == "better"; }));
}
