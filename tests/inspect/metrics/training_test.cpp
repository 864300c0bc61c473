// SPDX-License-Identifier: BSD-3-Clause
// Early stopping, the best checkpoint, and the learning-rate finder.
#include "arrays.hpp"
#include "catch.hpp"
#include "temporary_directory.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/inspect/metrics/early_stopping.hpp>
#include <newtape/inspect/metrics/lr_finder.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace newtape;

namespace {

void check_same_state(const NamedArrays& a, const NamedArrays& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(a[i].first);
    CHECK(a[i].first == b[i].first);
    CHECK(same_bits(a[i].second, b[i].second));
  }
}

NamedArrays copied(NamedArrays state) {
  for (auto& entry : state) entry.second = core::copy(entry.second);
  return state;
}

}  // namespace

TEST_CASE("EarlyStopping counts metrics without improvement") {
  inspect::EarlyStopping stopping({.patience = 2, .min_delta = 0.1});
  CHECK_FALSE(stopping.step(1.0));
  CHECK(stopping.improved());
  CHECK_FALSE(stopping.step(0.95));  // within min_delta
  CHECK_FALSE(stopping.improved());
  CHECK_FALSE(stopping.step(NAN));
  inspect::EarlyStopping resumed({.patience = 2, .min_delta = 0.1});
  resumed.load_state_dict(stopping.state_dict());
  CHECK(resumed.step(0.99));
  CHECK(stopping.step(2.0));
  CHECK(resumed.best() == 1);
  CHECK(resumed.best_step() == 0);
  CHECK_FALSE(stopping.step(0.5));
  CHECK(stopping.best_step() == 4);
  inspect::EarlyStopping highest({.patience = 0, .maximize = true});
  CHECK_FALSE(highest.step(0.5));
  CHECK_FALSE(highest.step(0.6));
  CHECK(highest.step(0.6));
  CHECK_THROWS_AS(inspect::EarlyStopping({.patience = -1}), ValueError);
  CHECK_THROWS_AS(stopping.load_state_dict({}), ValueError);
}

TEST_CASE("BestCheckpoint keeps the best, resumes, and survives a failed write") {
  const TemporaryDirectory folder;
  const std::string path = folder / "best.safetensors";
  int made = 0;
  const auto make = [&](double value) {
    return [&made, value] {
      ++made;
      return data::Checkpoint{{{"model", {{"w", core::full({2}, value, f64)}}}}, {}};
    };
  };
  inspect::BestCheckpoint best(path);
  CHECK_THROWS_AS(best.load(), IoError);
  CHECK_FALSE(best.update(NAN, make(0)));
  CHECK(best.update(2, make(1)));
  CHECK_FALSE(best.update(3, make(2)));
  CHECK(best.update(1, make(3)));
  CHECK(made == 2);
  CHECK(core::select(best.load()["model"][0].second, 0, 0).item() == 3);
  inspect::BestCheckpoint resumed(path, {.resume = true});
  CHECK(resumed.best() == 1);
  CHECK_FALSE(resumed.update(1.5, make(4)));
  CHECK_THROWS_AS(resumed.update(0.5, []() -> data::Checkpoint { throw IoError("full"); }), IoError);
  CHECK(resumed.best() == 1);
  CHECK(resumed.update(0.75, make(5)));
  CHECK(resumed.load().metadata.at("metric") == "0.75");
}

TEST_CASE("find_lr restores model, optimizer, generator and gradients exactly") {
  const auto build = [](DType dtype) {
    manual_seed(4);
    return nn::Sequential(nn::Linear(6, 16), nn::BatchNorm1d(16), nn::ReLU(), nn::Dropout(0.3), nn::Linear(16, 1))
        .to(dtype);
  };
  const DType dtype = GENERATE(f32, f64);
  const Tensor x = normal({32, 6}, 1, dtype);
  const Tensor y = sum(x, 1, true);
  const auto model = build(dtype);
  const bool warm = GENERATE(false, true);
  optim::Adam optimizer(model.parameters(), {.lr = 0.01});
  const auto loss = [&] { return mean(square(model(x) - y)); };
  if (warm) optimizer.step(loss);
  const auto before = copied(model.state_dict());
  const auto state = copied(optimizer.state_dict());
  const Generator generator = default_generator();

  const auto search = inspect::find_lr(model, optimizer, loss, {.start = 1e-5, .end = 10, .steps = 60});
  check_same_state(model.state_dict(), before);
  check_same_state(optimizer.state_dict(), state);
  CHECK(default_generator().position() == generator.position());
  for (const auto& p : model.parameters()) CHECK(p.grad().defined() == warm);
  CHECK(search.lr.size() == search.loss.size());
  CHECK(search.steepest > 1e-5);
  CHECK(search.steepest <= search.minimum);

  int calls = 0;
  CHECK_THROWS_AS(inspect::find_lr(model, optimizer,
                                   [&] {
                                     if (++calls == 5) throw std::runtime_error("no more data");
                                     return loss();
                                   }),
                  std::runtime_error);
  check_same_state(model.state_dict(), before);
  check_same_state(optimizer.state_dict(), state);
  CHECK(optimizer.lr() == 0.01);
}

TEST_CASE("find_lr on a quadratic diverges beyond 2 / curvature") {
  const Parameter w(core::full({1}, 1.0, f64));
  struct One : nn::Module<One> {
    Parameter w;
    explicit One(const Parameter& p) : w(add("w", p)) {}
    Tensor forward(const Tensor& x) const { return w * x; }
  };
  const One model(w);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  const auto search = inspect::find_lr(model, optimizer, [&] { return sum(square(model(ones({1}, f64)))) * 2.0; },
                                       {.start = 1e-4, .end = 100});
  // The curvature is 4: rates up to 0.5 reduce the loss.
  CHECK(search.diverged);
  CHECK(search.lr.back() > 0.5);
  CHECK(search.steepest < 0.5);
  CHECK(w.item() == 1);
  CHECK_THROWS_AS(inspect::find_lr(model, optimizer, [&] { return sum(model(ones({1}, f64))); }, {.start = 0}),
                  ValueError);
}
