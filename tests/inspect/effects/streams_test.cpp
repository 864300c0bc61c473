// SPDX-License-Identifier: BSD-3-Clause
// Common random numbers: what a technique draws does not shift what others draw.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/inspect/effects/measure_effect.hpp>
#include <newtape/inspect/effects/run.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/losses/loss.hpp>
#include <newtape/nn/module/functional.hpp>
#include <newtape/nn/module/random_streams.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <vector>

using namespace newtape;
using inspect::Run;
using inspect::Source;

namespace {

/// Two layers around a block that may hold a dropout before the one that both have.
struct StreamNet : nn::Module<StreamNet> {
  explicit StreamNet(bool more) : body(add("body", make(more))), head(add("head", nn::Linear(8, 3))) {}
  static nn::Sequential make(bool more) {
    nn::Sequential s;
    s.push_back(nn::Linear(4, 8));
    if (more) {
      s.push_back(nn::BatchNorm1d(8));
      s.push_back(nn::AlphaDropout(0.5));
      s.push_back(nn::Linear(8, 8));  // draws weights
    }
    s.push_back(nn::ReLU());
    s.push_back(nn::Dropout(0.5));
    return s;
  }
  Tensor forward(const Tensor& x) const { return head(body(x)); }
  nn::Sequential body;
  nn::Linear head;
};

/// The masks that the dropouts of a model drew in a call on ones, from the numbers of their results that are 0.
std::vector<Array> dropout_masks(const nn::ModuleBase& model, const std::function<void()>& call) {
  std::vector<Array> masks;
  std::vector<nn::ModuleHook> hooks;
  for (const auto& [path, module] : model.named_modules()) {
    if (!module.is<nn::Dropout>()) continue;
    hooks.push_back(module.register_forward_hook([&](const nn::ModuleBase&, std::span<const Tensor>, const Tensor& y) {
      masks.push_back(core::equal(y.value(), core::zeros(y.shape(), y.dtype())));
      return Tensor();
    }));
  }
  call();
  for (auto& h : hooks) h.remove();
  return masks;
}

}  // namespace

TEST_CASE("names of streams do not depend on modules put in between", "[effects]") {
  const auto names = nn::stream_names(StreamNet(true));
  std::vector<std::string> found;
  for (const auto& [name, module] : names) found.push_back(name);
  const std::vector<std::string> expected = {"",
                                             "body",
                                             "body.Linear#0",
                                             "body.BatchNorm1d#0",
                                             "body.AlphaDropout#0",
                                             "body.Linear#1",
                                             "body.ReLU#0",
                                             "body.Dropout#0",
                                             "head"};
  CHECK(found == expected);
}

TEST_CASE("initial weights of common layers are equal with and without a technique", "[effects]") {
  const nn::RecordDraws scope;
  const Run run(3, 0);
  const StreamNet plain(false);
  const StreamNet with(true);
  CHECK_FALSE(identical(plain.head.weight.value(), with.head.weight.value()));  // the default generator goes on
  run.initialize(plain);
  run.initialize(with);
  CHECK(identical(plain.parameter("body.0.weight").value(), with.parameter("body.0.weight").value()));
  CHECK(identical(plain.head.weight.value(), with.head.weight.value()));
  CHECK_FALSE(identical(with.parameter("body.3.weight").value(), with.parameter("body.0.weight").value()));

  // Other runs draw other numbers, unless the initialisation does not vary; in f64 the same rounded ones.
  const StreamNet other(false);
  Run(3, 1).initialize(other);
  CHECK_FALSE(identical(other.head.weight.value(), plain.head.weight.value()));
  const StreamNet fixed(false);
  Run(3, 1, {.initialization = false}).initialize(fixed);
  CHECK(identical(fixed.head.weight.value(), plain.head.weight.value()));
  const StreamNet wide(false);
  wide.to(f64);
  run.initialize(wide);
  CHECK(identical(wide.head.weight.value(), core::cast(plain.head.weight.value(), f64)));
}

TEST_CASE("values that were set by hand stay, and are reported", "[effects]") {
  const nn::RecordDraws scope;
  const nn::Sequential model(nn::Linear(3, 3), nn::BatchNorm1d(3));
  const auto weight = model.parameter("0.weight");
  Generator own(5);
  nn::init::normal(weight, 0, 1, own);
  const Array before = weight.value();
  const auto others = nn::redraw_initial_values(model, Generator(1));
  CHECK(identical(weight.value(), before));
  CHECK(others == std::vector<std::string>{"Linear#0.weight"});  // the normalisation's are constant
}

TEST_CASE("weights are drawn in the order of a Sequential also when recorded", "[effects]") {
  // Two layers as arguments, which GCC constructs from the last: drawn again in order, and then by name.
  const nn::RecordDraws scope;
  const nn::Sequential model(nn::Linear(3, 3), nn::Linear(3, 3));
  CHECK(nn::redraw_initial_values(model, Generator(1)).empty());
}

TEST_CASE("dropout masks of common layers are equal in every step", "[effects]") {
  const nn::RecordDraws scope;
  const Run run(3, 0);
  const StreamNet plain(false);
  const StreamNet with(true);
  run.initialize(plain);
  run.initialize(with);
  const Tensor x = core::full({16, 4}, 1, f32);
  // Where ReLU gives 0 the mask does not show: weights for which it does not.
  nn::init::zeros(plain.parameter("body.0.weight"));
  nn::init::ones(plain.parameter("body.0.bias"));
  nn::init::zeros(with.parameter("body.3.weight"));
  nn::init::ones(with.parameter("body.3.bias"));
  std::vector<Array> before;
  for (int step = 0; step < 3; ++step) {
    INFO("step " << step);
    const auto a = dropout_masks(plain, [&] { plain(x); });
    const auto b = dropout_masks(with, [&] {
      with(x);
      if (step == 1) random::uniform({100});  // draws outside of the model
    });
    REQUIRE(a.size() == 1);
    REQUIRE(b.size() == 1);
    CHECK(identical(a[0], b[0]));
    if (step > 0) CHECK_FALSE(identical(a[0], before[0]));
    before = a;
    // Evaluation in between, which only one does, changes nothing.
    if (step == 0) {
      with.eval();
      with(x);
      with.train();
    }
  }
}

TEST_CASE("the default generator goes on after a call as if it had not been", "[effects]") {
  const nn::Sequential model(nn::Dropout(0.5));
  nn::use_random_streams(model, Generator(1));
  Generator expected = default_generator();
  model(core::full({1000}, 1, f32));
  CHECK(default_generator().position() == expected.position());
  CHECK(default_generator().seed() == expected.seed());
}

namespace {
/// One dropout, called twice, and checkpointed as a whole or call by call.
struct CheckpointedNet : nn::Module<CheckpointedNet> {
  nn::Dropout drop = add("drop", nn::Dropout(0.5));
  int calls = 1;
  bool checkpointed = true;
  Tensor forward(const Tensor& x) const {
    Tensor y = x;
    for (int i = 0; i < calls; ++i) {
      y = checkpointed ? checkpoint([this](const Tensor& t) { return drop(t) * t; }, y) : drop(y) * y;
    }
    return y;
  }
};

Array gradient_of(const CheckpointedNet& net) {
  const Tensor x = variable(core::full({64}, 1, f64));
  sum(net(x)).backward();
  return x.grad().value();
}
}  // namespace

TEST_CASE("a recomputed checkpoint draws the same numbers from the streams", "[effects]") {
  CheckpointedNet net;
  CheckpointedNet plain;
  plain.checkpointed = false;
  nn::use_random_streams(net, Generator(1));
  nn::use_random_streams(plain, Generator(1));
  for (int step = 0; step < 3; ++step) CHECK(identical(gradient_of(net), gradient_of(plain)));
  net.calls = 2;  // which of the two calls is recomputed is unknown
  CHECK_THROWS_WITH(gradient_of(net), contains("which call of a module a checkpoint recomputes"));
  // Around the model: neither is known.
  const nn::Sequential outer(nn::Dropout(0.5));
  nn::use_random_streams(outer, Generator(1));
  const Tensor x = variable(core::full({64}, 1, f64));
  const Tensor y = sum(checkpoint([&](const Tensor& t) { return outer(t); }, x));
  CHECK_THROWS_AS(y.backward(), ValueError);
}

TEST_CASE("an exception in a model leaves no stream behind", "[effects]") {
  const nn::Sequential model(nn::Linear(4, 2), nn::Dropout(0.5));
  nn::use_random_streams(model, Generator(1));
  const nn::Sequential same(nn::Linear(4, 2), nn::Dropout(0.5));
  nn::use_random_streams(same, Generator(1));
  CHECK_THROWS_AS(model(core::zeros({3, 5}, f32)), ShapeError);
  CHECK_THROWS_AS(same(core::zeros({3, 5}, f32)), ShapeError);
  const auto a = dropout_masks(model, [&] { model(core::full({64, 4}, 1, f32)); });
  const auto b = dropout_masks(same, [&] { same(core::full({64, 4}, 1, f32)); });
  CHECK(identical(a[0], b[0]));
}

TEST_CASE("order and augmentation of a loader have seeds of their own", "[effects]") {
  const data::Dataset numbers{core::arange(64, f32), core::arange(64, i64)};
  const data::Dataset set = numbers.map(data::gaussian_noise(1));
  const auto epoch = [&](const Run& run) {
    std::pair<std::vector<float>, std::vector<std::int64_t>> all;
    for (auto& [x, y] : data::Loader(set, run.loader({.batch_size = 64}))) {
      all.first.assign(x.data<float>(), x.data<float>() + 64);
      all.second.assign(y.data<std::int64_t>(), y.data<std::int64_t>() + 64);
    }
    return all;
  };
  const auto base = epoch(Run(1, 0));
  CHECK(epoch(Run(1, 0)) == base);
  const auto other_order = epoch(Run(1, 5, {.augmentation = false}));
  CHECK(other_order.second != base.second);
  const auto other_noise = epoch(Run(1, 5, {.order = false}));
  CHECK(other_noise.second == base.second);
  CHECK(other_noise.first != base.first);
  // The noise at a position is that of the run, whatever example is there.
  CHECK(other_order.first[7] - static_cast<float>(other_order.second[7]) ==
        Approx(base.first[7] - static_cast<float>(base.second[7])).margin(1e-5));
}

TEST_CASE("sources have independent streams, of which each can be held", "[effects]") {
  const Source sources[] = {Source::initialization, Source::order, Source::split, Source::augmentation, Source::noise};
  const inspect::Vary fixed{false, false, false, false, false};
  for (const auto s : sources) {
    CHECK(Run(1, 0).seed(s) != Run(1, 1).seed(s));
    CHECK(Run(1, 0).seed(s) != Run(2, 0).seed(s));
    CHECK(Run(1, 7, fixed).seed(s) == Run(1, 0).seed(s));
    CHECK(Run(1, 0).generator(s, "a").seed() != Run(1, 0).generator(s, "b").seed());
    for (const auto t : sources) CHECK((s == t) == (Run(1, 0).seed(s) == Run(1, 0).seed(t)));
  }
}

namespace {

/// Draws weights and, in each call, numbers, and changes nothing.
struct DrawingIdentity : nn::Module<DrawingIdentity> {
  nn::Linear unused = add("unused", nn::Linear(16, 16));
  Tensor forward(const Tensor& x) const {
    random::uniform({100});
    return x + 0 * sum(unused.weight);
  }
};

/// Trains a network with dropout on augmented digits, with or without such layers in between.
double train_with(const Run& run, bool technique) {
  nn::Sequential model{nn::Flatten()};
  if (technique) random::uniform({10});
  model.push_back(nn::Linear(64, 16));
  if (technique) model.push_back(DrawingIdentity());
  model.push_back(nn::Tanh());
  model.push_back(nn::Dropout(0.2));
  if (technique) model.push_back(DrawingIdentity());
  model.push_back(nn::Linear(16, 10));
  run.initialize(model);
  auto split = run.generator(Source::split);
  const auto sets = data::digits().train.split({200, 300, -1}, split);
  optim::Adam optimizer(model.parameters(), {.lr = 1e-2});
  data::Loader loader(sets[0].map(data::gaussian_noise(0.1)), run.loader({.batch_size = 50}));
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      nn::cross_entropy(model(x), y).backward();
      optimizer.step();
    }
  }
  model.eval();
  const auto& [x, y] = sets[1].arrays();
  return nn::cross_entropy(model(x), y).item();
}

}  // namespace

TEST_CASE("whole trainings are equal but for what a technique changes", "[effects]") {
  std::vector<double> losses;
  const auto baseline = [&](const Run& run) { return losses.emplace_back(train_with(run, false)); };
  const auto technique = [](const Run& run) { return train_with(run, true); };
  const auto e = inspect::measure_effect(baseline, technique, {.runs = 3, .quiet = true});
  for (std::size_t i = 0; i < 3; ++i) CHECK(e.technique_values[i] == e.baseline_values[i]);
  CHECK(losses[0] != losses[1]);
  // Nothing differs between runs in which nothing varies.
  const auto held = inspect::measure_effect(baseline, technique,
                                            {.runs = 2, .vary = {false, false, false, false, false}, .quiet = true});
  CHECK(held.baseline_values[0] == losses[0]);
  CHECK(held.baseline_values[1] == losses[0]);
}
