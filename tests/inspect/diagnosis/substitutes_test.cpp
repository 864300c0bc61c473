// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/reference.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/structure.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace newtape;

namespace {

/// Whether a rule fires; nothing when it cannot tell.
std::optional<bool> substitute_fires(const std::string& name, const inspect::Evidence& e) {
  for (const auto* rule : inspect::all_rules()) {
    if (rule->name != name) continue;
    const auto m = rule->measure(e);
    if (!m) return {};
    return m->value > rule->threshold;
  }
  throw ValueError("no rule " + name);
}

Tensor column(const Tensor& x, std::int64_t j) { return slice(x, 1, j, j + 1); }

/// A model of one function, with a layer that it need not use.
template <class F>
struct OfFunction : nn::Module<OfFunction<F>> {
  explicit OfFunction(F f) : function(f) {}
  F function;
  nn::Linear layer = this->add("layer", nn::Linear(4, 4));
  Tensor forward(const Tensor& x) const { return function(layer, x); }
};

template <class F>
inspect::StructureFacts structure_of(F f, const Tensor& x) {
  const inspect::TrainingData data{.train = data::Dataset{x, Tensor(core::zeros({x.shape(0), 1}, f32))},
                                   .loss = [](const Tensor& o, const Tensor& y) { return nn::mse_loss(o, y); }};
  const inspect::TraineeFactory make = [f]() -> std::unique_ptr<inspect::Trainee> {
    const auto model = [f] { return OfFunction<F>(f); };
    const auto sgd = [](const OfFunction<F>& m) { return optim::SGD(m.parameters(), {.lr = 0.1}); };
    return std::make_unique<inspect::detail::TraineeOf<OfFunction<F>, optim::SGD, inspect::detail::PlainStep>>(
        model, sgd, inspect::detail::PlainStep());
  };
  return inspect::examine_structure(make, data, 1);
}

}  // namespace

TEST_CASE("The reference regressions find what there is to find, and nothing else") {
  Generator g(3);
  const Tensor x = random::normal({256, 3}, 0, 1, f32, g);
  const Tensor noise = random::normal({256, 1}, 0, 1, f32, g);
  SECTION("a linear function with noise: its share of the variance is what is left") {
    // Var(2 a - b) = 5, noise of variance 5 leaves 1/2; ridge with few coefficients adds (3 + 1) / 256 of it.
    const Tensor y = 2.0 * column(x, 0) - column(x, 1) + std::sqrt(5.0) * noise;
    const auto r = inspect::fit_reference({x.value(), y.value(), {}, {}});
    CHECK(r.error == Approx(0.5).margin(3 * 0.5 * std::sqrt(2.0 / 256) * 1.5));
    CHECK(r.linear_error == Approx(r.error).margin(0.05));
    CHECK(r.deviations > 5);
  }
  SECTION("a product, of which a linear function knows nothing") {
    const Tensor y = column(x, 0) * column(x, 1);
    const auto r = inspect::fit_reference({x.value(), y.value(), {}, {}});
    CHECK(r.linear_error > 0.9);
    CHECK(r.error < 0.3);
  }
  SECTION("independent targets") {
    const auto r = inspect::fit_reference({x.value(), noise.value(), {}, {}});
    CHECK(r.error > 0.95);
    CHECK(r.deviations < 3);
  }
  SECTION("test targets of the other sign are four times what the mean leaves") {
    const Tensor y = column(x, 0);
    const Tensor tx = random::normal({100, 3}, 0, 1, f32, g);
    const auto r = inspect::fit_reference({x.value(), y.value(), tx.value(), (-column(tx, 0)).value()});
    CHECK(r.test_error == Approx(4).epsilon(0.1));
    CHECK(r.test_deviations > 5);
  }
  SECTION("the order of integers") {
    const Array tokens = random::integers({256, 5}, 0, 4, g);
    const Array first = core::take(tokens, tensor({0}, i64).value(), 1);
    const auto r = inspect::fit_reference({tokens, core::reshape(first, {256}), {}, {}});
    CHECK(r.error < 0.2);
    CHECK(r.unordered_error > 0.6);  // a fifth of what counts know is of the first
  }
  SECTION("a column that is left out takes its share with it") {
    const Tensor y = column(x, 0) + column(x, 2);
    const auto r =
        inspect::fit_reference({.x = x.value(), .y = y.value(), .test_x = {}, .test_y = {}, .left_out = {2}});
    CHECK(r.error == Approx(0.5).margin(0.15));
  }
}

TEST_CASE("A loss is minimised over outputs that no model has to make") {
  Generator g(4);
  const Array o = random::normal({32, 1}, 0, 1, f32, g);
  const Array y = random::normal({32, 1}, 3, 2, f32, g);
  const auto squares = [](const Tensor& a, const Tensor& b) { return nn::mse_loss(a, b); };
  const auto best = inspect::minimise_outputs(squares, o, y);
  REQUIRE(best);
  CHECK(best->error < 0.1);
  CHECK_FALSE(best->unbounded());
  CHECK_FALSE(best->logarithms);
  const auto turned = inspect::minimise_outputs([&](const Tensor& a, const Tensor& b) { return -squares(a, b); }, o, y);
  REQUIRE(turned);
  CHECK(turned->unbounded());
  const auto difference = inspect::minimise_outputs([](const Tensor& a, const Tensor& b) { return mean(a - b); }, o, y);
  REQUIRE(difference);
  CHECK(difference->unbounded());
  CHECK(difference->error > 0.5);
  const Array counts = core::cast(random::integers({32, 1}, 1, 9, g), f32);
  const auto poisson = [](const Tensor& a, const Tensor& b) { return nn::poisson_nll_loss(a, b); };
  const auto logs = inspect::minimise_outputs(poisson, o, counts);
  REQUIRE(logs);
  CHECK(logs->logarithms);
  CHECK(logs->error < 0.1);
  CHECK_FALSE(logs->unbounded());
  const auto below = inspect::minimise_outputs(poisson, o, (Tensor(counts) - 12.0).value());
  REQUIRE(below);
  CHECK(below->unbounded());
  const Array labels = random::integers({32}, 0, 3, g);
  const auto classes =
      inspect::minimise_outputs([](const Tensor& a, const Tensor& b) { return nn::cross_entropy(a, b); },
                                random::normal({32, 3}, 0, 1, f32, g), labels);
  REQUIRE(classes);
  CHECK(classes->error == 0);
  CHECK_FALSE(inspect::minimise_outputs(squares, o, random::normal({16, 1}, 0, 1, f32, g)));
}

TEST_CASE("What a model does with its inputs is seen whatever its weights") {
  Generator g(5);
  const Tensor x = random::normal({64, 4}, 0, 1, f32, g);
  SECTION("a linear layer") {
    const auto f = structure_of([](const nn::Linear& l, const Tensor& t) { return l(t); }, x);
    REQUIRE(f.mixing);
    CHECK(*f.mixing < 1e-5);
    CHECK(f.affine == true);
    CHECK(f.unused_share == 0.0);
  }
  SECTION("the mean of the batch is subtracted") {
    const auto f = structure_of([](const nn::Linear& l, const Tensor& t) { return l(t - mean(t, 0, true)); }, x);
    REQUIRE(f.mixing);
    CHECK(*f.mixing > 0.01);
  }
  SECTION("two of four columns are not used") {
    const auto f = structure_of(
        [](const nn::Linear& l, const Tensor& t) {
          return square(l(concatenate(std::vector<Tensor>{slice(t, 1, 0, 2), slice(t, 1, 0, 2)}, 1)));
        },
        x);
    CHECK(f.unused_share == 0.5);
    CHECK(f.unused == std::vector<std::int64_t>{2, 3});
    CHECK(f.affine == false);
  }
  SECTION("a column that is only compared is used") {
    const auto f =
        structure_of([](const nn::Linear& l, const Tensor& t) { return l(t) + (slice(t, 1, 3, 4) > 0.0).to(f32); }, x);
    CHECK(f.unused_share == 0.0);
  }
  SECTION("the order of tokens") {
    const Array tokens = random::integers({64, 4}, 0, 9, g);
    const auto sum_of = structure_of(
        [](const nn::Linear& l, const Tensor& t) { return l(t.to(f32)) * 0.0 + sum(t.to(f32), 1, true); }, tokens);
    CHECK(sum_of.ignores_order == true);
    const auto linear = structure_of([](const nn::Linear& l, const Tensor& t) { return l(t.to(f32)); }, tokens);
    CHECK(linear.ignores_order == false);
  }
}

TEST_CASE("Rules about substitutes fire beyond their limits, and not before") {
  inspect::Evidence e;
  e.x = core::zeros({64, 3}, i64);
  e.final_train = 0.6;
  e.batch = 8;
  e.reference = {.examples = 64, .error = 0.4, .linear_error = 0.9, .unordered_error = 0.8, .deviations = 6};
  SECTION("statements about data") {
    e.reference.test_error = 0.9;
    e.reference.test_deviations = 6;
    CHECK(substitute_fires("different_test_labels", e) == true);
    e.reference.test_deviations = 3;
    CHECK(substitute_fires("different_test_labels", e) == false);
    e.reference.error = 0.9, e.reference.test_error = 0.5, e.reference.test_deviations = -7;
    CHECK(substitute_fires("noisy_labels", e) == true);
    e.reference.error = 0.6;
    CHECK(substitute_fires("noisy_labels", e) == false);
    e.y = remainder(Tensor(core::arange(64, i64)), 3).value();
    e.test_y = remainder(Tensor(core::arange(64, i64)), 4).value();
    CHECK(substitute_fires("missing_class", e) == true);
    e.test_y = e.y;
    CHECK(substitute_fires("missing_class", e) == false);
  }
  SECTION("statements about the model") {
    CHECK_FALSE(substitute_fires("mixed_examples", e));
    e.structure = {.mixing = 0.2, .unused_share = 0.5, .affine = true, .ignores_order = true};
    for (const char* name : {"mixed_examples", "unused_inputs", "missing_nonlinearity", "order_is_ignored"}) {
      INFO(name);
      CHECK(substitute_fires(name, e) == true);
    }
    e.structure = {.mixing = 1e-6, .unused_share = 0.05, .affine = false, .ignores_order = false};
    for (const char* name : {"mixed_examples", "unused_inputs", "missing_nonlinearity", "order_is_ignored"}) {
      INFO(name);
      CHECK(substitute_fires(name, e) == false);
    }
    e.running = inspect::RunningStatistics{.in_training = 0.1, .refreshed = 0.5};
    CHECK(substitute_fires("stale_running_statistics", e) == true);
    e.running->refreshed = 0.15;
    CHECK(substitute_fires("stale_running_statistics", e) == false);
  }
  SECTION("statements about the loss") {
    e.y = core::full({64}, -1, f32);
    e.free_outputs = inspect::FreeOutputs{.error = 1, .first = 0, .middle = -5, .last = -9};
    CHECK(substitute_fires("unbounded_loss", e) == true);
    CHECK(substitute_fires("targets_out_of_domain", e) == false);
    e.free_clipped = inspect::FreeOutputs{.error = 0, .first = 2, .middle = 1, .last = 0.9};
    CHECK(substitute_fires("targets_out_of_domain", e) == true);
    e.free_outputs = inspect::FreeOutputs{.error = 0.8, .first = 2, .middle = 1, .last = 0.9};
    e.free_negated = inspect::FreeOutputs{.error = 0.9, .first = 0, .middle = -5, .last = -9};
    CHECK(substitute_fires("unbounded_loss", e) == false);
    CHECK(substitute_fires("wrong_loss", e) == true);
    e.free_negated->error = 0;
    CHECK(substitute_fires("wrong_loss", e) == false);
    CHECK(substitute_fires("wrong_sign", e) == true);
  }
  SECTION("statements about the program") {
    for (int i = 0; i < 20; ++i) e.losses.push_back({i, 1.0});
    CHECK(substitute_fires("optimizer_never_steps", e) == true);
    e.steps = 20;
    CHECK(substitute_fires("optimizer_never_steps", e) == false);
    Generator g(6);
    e.x = random::normal({64, 3}, 0, 1, f32, g);
    e.seen_inputs = 20, e.distinct_inputs = 1;
    CHECK(substitute_fires("repeated_batch", e) == true);
    e.distinct_inputs = 8;
    CHECK(substitute_fires("repeated_batch", e) == false);
    e.died = true, e.error = "the loss is not finite";
    CHECK(substitute_fires("undefined_operation", e) == true);
    e.losses.push_back({20, 1e5});
    CHECK(substitute_fires("undefined_operation", e) == false);
  }
}

TEST_CASE(
    "A remedy that is proven to be missing comes first: gradients cleared before the step, and layers too narrow") {
  Generator g(7);
  const Tensor x = random::normal({256, 4}, 0, 1, f32, g);
  const Tensor y = (column(x, 0) * column(x, 1) > 0.0).to(i64).reshape({256});
  const inspect::TrainingData data{.train = data::Dataset{x, y},
                                   .loss = [](const Tensor& o, const Tensor& t) { return nn::cross_entropy(o, t); }};
  const auto model = [](std::int64_t width) {
    return [width] { return nn::Sequential(nn::Linear(4, width), nn::ReLU(), nn::Linear(width, 2)); };
  };
  const auto sgd = [](const nn::Sequential& m) { return optim::SGD(m.parameters(), {.lr = 0.3, .momentum = 0.9}); };
  const auto cleared =
      inspect::diagnose(model(24), sgd, data,
                        [](const nn::Sequential& m, optim::Optimizer& optimizer, const inspect::TrainingBatch& b) {
                          const Tensor loss = b.loss(m(b.x), b.y);
                          loss.backward();
                          optimizer.zero_grad();
                          optimizer.step();
                          return loss;
                        },
                        {.steps = 100});
  REQUIRE_FALSE(cleared.causes.empty());
  CHECK(cleared.causes[0].name == "cleared_before_step");
  REQUIRE(cleared.causes[0].gain);
  CHECK(*cleared.causes[0].gain > 0.5);
  const auto narrow = inspect::diagnose(model(1), sgd, data, {.steps = 100});
  REQUIRE_FALSE(narrow.causes.empty());
  CHECK(narrow.causes[0].name == "too_few_units");
}
