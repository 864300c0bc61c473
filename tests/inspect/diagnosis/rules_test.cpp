// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/judge.hpp>
#include <newtape/inspect/diagnosis/paired_runs.hpp>
#include <newtape/inspect/diagnosis/watch.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

using namespace newtape;

namespace {
struct WatchedNet : nn::Module<WatchedNet> {
  nn::Linear fc1 = add("fc1", nn::Linear(4, 8));
  nn::Linear fc2 = add("fc2", nn::Linear(8, 3));
  nn::Linear unused = add("unused", nn::Linear(2, 2));
  Tensor forward(const Tensor& x) const { return softmax(fc2(relu(fc1(x))), 1); }
};

bool has_name(const std::vector<inspect::Suspect>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const auto& s) { return s.name == name; });
}
}  // namespace

TEST_CASE("rules are complete rows with names of their own") {
  std::set<std::string> names;
  for (const auto* rule : inspect::all_rules()) {
    INFO(rule->name);
    CHECK(names.insert(rule->name).second);
    for (const char* text : {rule->needs, rule->reason, rule->cause, rule->remedy, rule->source}) {
      CHECK(std::string(text).size() > 3);
    }
    CHECK(std::isfinite(rule->threshold));
    // What needs data is not examined without any, and does not fail.
    const auto m = rule->measure({});
    if (m) CHECK_FALSE(m->value > rule->threshold);
  }
}

TEST_CASE("neighbour_agreement tells labels of the inputs from random ones") {
  const std::int64_t n = 200;
  const Array x = random::normal({n, 5}, 0, 1, f64);
  Array y = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) y.data<std::int64_t>()[i] = x.data<double>()[5 * i] > 0 ? 1 : 0;
  CHECK(inspect::neighbour_agreement(x, y).deviations > 3);
  const Array random_labels = random::integers({n}, 0, 4);
  const auto a = inspect::neighbour_agreement(x, random_labels);
  CHECK(std::abs(a.deviations) < 6);
  CHECK(a.chance == Approx(0.25).margin(0.05));
  const Array smooth = core::slice(x, 1, 0, 1);
  CHECK(inspect::neighbour_agreement(x, smooth).deviations > 3);
  CHECK(inspect::neighbour_agreement(core::slice(x, 0, 0, 8), core::slice(y, 0, 0, 8)).examples == 0);
}

TEST_CASE("share_of_equal_rows and class_counts") {
  const Array x = random::normal({20, 4});
  CHECK(inspect::share_of_equal_rows(core::slice(x, 0, 5, 15), x) == 1);
  CHECK(inspect::share_of_equal_rows(random::normal({10, 4}), x) == 0);
  CHECK(inspect::class_counts(tensor({0, 2, 2}).value()) == std::vector<double>{1, 0, 2});
  CHECK(inspect::class_counts(tensor({0, -1}).value()).empty());
}

TEST_CASE("example_errors of classes, of two sides and of values") {
  const Tensor logits = tensor({{2.0, 1.0}, {0.0, 3.0}, {5.0, 4.0}});
  CHECK(inspect::example_errors(logits.value(), tensor({0, 1, 1}).value()) == std::vector<double>{0, 0, 1});
  const Array nan = tensor({{std::nan(""), 1.0}}).value();
  CHECK(inspect::example_errors(nan, tensor({0}).value()) == std::vector<double>{1});
  // A threshold between 0.2 and 0.4 is wrong once.
  const Tensor scores = tensor({0.1, 0.2, 0.4, 0.3});
  CHECK(inspect::example_errors(scores.value(), tensor({0.0, 0.0, 1.0, 1.0}).value()) ==
        std::vector<double>{0, 0, 0, 0});
  CHECK(inspect::example_errors(scores.value(), tensor({0.0, 1.0, 1.0, 0.0}).value()) ==
        std::vector<double>{0, 0, 0, 1});
  // Squared errors 0, 1, 0.25 in units of the variance 8 / 3, and one that is infinite.
  const auto values = inspect::example_errors(tensor({1.0, 4.0, 5.5}).value(), tensor({1.0, 3.0, 5.0}).value());
  CHECK(values[0] == 0);
  CHECK(values[1] == Approx(3.0 / 8));
  CHECK(values[2] == Approx(0.25 * 3 / 8));
}

TEST_CASE("paired_gain is that of a paired t statistic") {
  inspect::RunOutcome before;
  inspect::RunOutcome after;
  before.errors = {1, 1, 1, 0};
  after.errors = {0, 0, 1, 0};
  const auto g = inspect::paired_gain(before, after);
  CHECK(g.gain == Approx(0.5 / 0.75));
  // Differences 1, 1, 0, 0: mean 1/2, variance 1/3, standard error sqrt(1/12).
  CHECK(g.deviations == Approx(0.5 / std::sqrt(1.0 / 12)));
  after.errors.clear();  // a run that died has error 1 everywhere
  CHECK(inspect::paired_gain(before, after).gain < 0);
}

TEST_CASE("watch finds faults of the graph in a loop that it knows nothing of") {
  const WatchedNet model;
  optim::SGD sgd(model.fc1.parameters(), {.lr = 0.1});
  auto watch = inspect::watch(model, sgd, {.print = false});
  for (int step = 0; step < 20; ++step) {
    const Tensor x = random::normal({16, 4});
    sgd.step([&] { return nn::cross_entropy(model(x), random::integers({16}, 0, 3)); });
  }
  const auto d = watch.report();
  INFO(d.to_string());
  CHECK(d.steps == 20);
  CHECK(has_name(d.causes, "softmax_twice"));
  CHECK(has_name(d.causes, "unreached_parameters"));
  CHECK(has_name(d.causes, "parameters_not_held"));
  CHECK(d.causes[0].where.find("rules_test.cpp:") == 0);
  const auto shuffled = std::find_if(d.not_examined.begin(), d.not_examined.end(),
                                     [](const auto& text) { return text.find("shuffled_labels") == 0; });
  CHECK(shuffled != d.not_examined.end());
}

TEST_CASE("a diagnosis is valid JSON and a letter") {
  inspect::Diagnosis d;
  CHECK(d.healthy());
  CHECK(d.to_string().find("No cause") != std::string::npos);
  d.died = true;
  d.error = "a \"quoted\" message\n\xff";
  d.last_loss = std::numeric_limits<double>::quiet_NaN();
  inspect::Suspect s;
  s.name = "rate_too_high";
  s.cause = "The learning rate is too high.";
  s.remedy = "optimizer.set_lr(0.1);";
  s.gain = 0.5;
  d.causes.push_back(s);
  const auto j = nlohmann::json::parse(d.to_json());
  CHECK(j["causes"][0]["name"] == "rate_too_high");
  CHECK(j["causes"][0]["gain"] == 0.5);
  CHECK(j["last_loss"].is_null());
  CHECK(j["died"] == true);
  const std::string letter = d.to_string();
  CHECK(letter.find("First cause\n1. The learning rate is too high.") != std::string::npos);
  CHECK(letter.find("optimizer.set_lr(0.1);") != std::string::npos);
  CHECK(letter.find("removes 50% of the error") != std::string::npos);
}

TEST_CASE("diagnose checks its arguments") {
  const inspect::TraineeFactory no_factory;
  CHECK_THROWS_AS(inspect::diagnose(no_factory, {}), ValueError);
  CHECK_THROWS_AS(inspect::diagnose(no_factory, {.train = data::Dataset{zeros({4, 2}), zeros({4})}, .loss = {}}),
                  ValueError);
}
