// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "zoo.hpp"

#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/inspect/diagnosis/watch.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <nlohmann/json.hpp>

#include <cstring>

using namespace newtape;

namespace {

Tensor watched_loss(const Tensor& output, const Tensor& y) { return nn::cross_entropy(output, y); }

struct Digits {
  nn::Sequential model{nn::Linear(64, 32), nn::ReLU(), nn::Dropout(0.1), nn::Linear(32, 10)};

  /// Watches 150 steps of batches of 32.
  template <class Step>
  void train(inspect::Watch& watch, const Step& step) const {
    const auto set = data::digits().train;
    std::int64_t steps = 0;
    for (std::uint64_t epoch = 0; steps < 150; ++epoch) {
      data::Loader loader(set, {.batch_size = 32, .shuffle = true, .seed = epoch, .drop_last = true});
      for (auto& [images, labels] : loader) {
        const Tensor x = Tensor(images).reshape({-1, 64});
        const Tensor y = labels;
        watch.keep(x, y);
        step(x, y);
        if (++steps == 150) return;
      }
    }
  }
};

bool same_bytes(const NamedArrays& a, const NamedArrays& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto bytes = static_cast<std::size_t>(a[i].second.size()) * item_size(a[i].second.dtype());
    if (a[i].first != b[i].first || a[i].second.shape() != b[i].second.shape() ||
        std::memcmp(a[i].second.raw(), b[i].second.raw(), bytes) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("watch with a loss ranks suspects by experiment and gives model and optimizer back") {
  manual_seed(3);
  const Digits digits;
  optim::Adam adam(digits.model.parameters(), {.lr = 1});
  auto watch = inspect::watch(digits.model, adam, watched_loss, {.print = false});
  digits.train(watch,
               [&](const Tensor& x, const Tensor& y) { adam.step([&] { return watched_loss(digits.model(x), y); }); });
  const auto model_before = digits.model.state_dict();
  const auto adam_before = adam.state_dict();
  const Generator generator = default_generator();
  const auto d = watch.report();
  INFO(d.to_string());
  REQUIRE_FALSE(d.causes.empty());
  CHECK(d.causes[0].name == "rate_too_high");
  REQUIRE(d.causes[0].gain.has_value());
  CHECK(*d.causes[0].gain > 0.3);
  CHECK(d.causes[0].remedy.find("set_lr(") != std::string::npos);
  CHECK(d.experiment_steps > 0);
  CHECK(same_bytes(model_before, digits.model.state_dict()));
  CHECK(same_bytes(adam_before, adam.state_dict()));
  CHECK(digits.model.is_training());
  Generator a = generator;
  Generator b = default_generator();
  const Array drawn_a = random::normal({8}, 0, 1, f32, a);
  const Array drawn_b = random::normal({8}, 0, 1, f32, b);
  CHECK(same_bytes({{"", drawn_a}}, {{"", drawn_b}}));
  CHECK(watch.report().to_json() == d.to_json());  // no second experiment
}

TEST_CASE("watch with a loss imitates the steps of the loop") {
  manual_seed(4);
  const Digits digits;
  optim::SGD sgd(digits.model.parameters(), {.lr = 0.02, .momentum = 0.9});
  auto watch = inspect::watch(digits.model, sgd, watched_loss, {.print = false});
  digits.train(watch, [&](const Tensor& x, const Tensor& y) {  // gradients are never cleared
    watched_loss(digits.model(x), y).backward();
    sgd.step();
  });
  const auto d = watch.report();
  INFO(d.to_string());
  REQUIRE_FALSE(d.causes.empty());
  CHECK(d.causes[0].name == "accumulated_gradients");
  CHECK(d.causes[0].gain.has_value());
}

TEST_CASE("watch with a loss finds nothing in a healthy run, and looks at the labels") {
  manual_seed(5);
  const Digits digits;
  optim::Adam adam(digits.model.parameters(), {.lr = 3e-3});
  auto watch = inspect::watch(digits.model, adam, watched_loss, {.print = false});
  digits.train(watch,
               [&](const Tensor& x, const Tensor& y) { adam.step([&] { return watched_loss(digits.model(x), y); }); });
  const auto d = watch.report();
  INFO(d.to_string());
  CHECK(d.healthy());
  CHECK(std::find(d.ruled_out.begin(), d.ruled_out.end(), "shuffled_labels") != d.ruled_out.end());
}

TEST_CASE("keep checks batches") {
  const Digits digits;
  optim::SGD sgd(digits.model.parameters(), {.lr = 0.1});
  auto watch = inspect::watch(digits.model, sgd, watched_loss, {.print = false});
  CHECK_THROWS_AS(watch.keep(zeros({4, 64}), zeros({3})), ValueError);
  CHECK_THROWS_AS(watch.keep(Tensor(), zeros({3})), ValueError);
  auto without = inspect::watch(digits.model, sgd, {.print = false});
  CHECK_THROWS_AS(without.keep(zeros({4, 64}), zeros({4})), ValueError);
  CHECK_THROWS_AS(inspect::watch(digits.model, sgd, inspect::LossFunction()), ValueError);
}

TEST_CASE("a mistake without harm is listed apart from causes and symptoms") {
  auto program = zoo::healthy("cnn_bn", 0);
  program.bias_before_norm = true;
  const auto d = zoo::diagnose(program, 0, 100);
  INFO(d.to_string());
  CHECK(d.healthy());
  REQUIRE(d.mistakes.size() == 1);
  CHECK(d.mistakes[0].name == "bias_before_normalisation");
  CHECK(d.mistakes[0].where == "conv.0.bias, conv2.0.bias");
  CHECK(d.to_string().find("Mistakes that do no harm yet\n - Biases before batch normalisation") != std::string::npos);
  const auto j = nlohmann::json::parse(d.to_json());
  CHECK(j["mistakes"][0]["name"] == "bias_before_normalisation");
}
