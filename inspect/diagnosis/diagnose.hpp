// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/diagnosis/trainee.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace newtape::inspect {

struct DiagnoseOptions {
  std::int64_t steps = 200;  ///< of the run that is looked at
  std::uint64_t seed = 0;    ///< of initial weights, batches and layers with random numbers
  /// Time of all experiments over that of the run; 0 tries no remedy. A run that fails though no rule explains it is looked
  /// at by elimination, too: as much for short trials, and 1 + budget runs at full length.
  double budget = 2;
  double least_gain = 0.1;  ///< share of the error that a remedy must remove
};

namespace detail {

/// How a model is trained where no step is given.
struct PlainStep {
  template <class M>
  Tensor operator()(const M& model, optim::Optimizer& optimizer, const TrainingBatch& b) const {
    return optimizer.step([&] { return b.loss(model(b.x), b.y); });
  }
};

template <class M, class O, class Step>
class TraineeOf final : public Trainee {
 public:
  template <class MakeModel, class MakeOptimizer>
  TraineeOf(const MakeModel& make_model, const MakeOptimizer& make_optimizer, const Step& step)
      : model_(make_model()), optimizer_(make_optimizer(std::as_const(model_))), step_(step) {}
  const nn::ModuleBase& model() const override { return model_; }
  optim::Optimizer& optimizer() override { return optimizer_; }
  Tensor forward(const Tensor& x) const override { return model_(x); }
  Tensor step(const TrainingBatch& batch) override { return step_(std::as_const(model_), optimizer_, batch); }

 private:
  M model_;
  O optimizer_;
  Step step_;
};

}  // namespace detail

/// A function that makes a new model.
template <class F> concept ModelFactory = std::derived_from<std::invoke_result_t<F&>, nn::ModuleBase>;

/// Trains a model that `make` makes, applies all rules, and tries the remedies of those that fired on copies. The thread's
/// default generator is restored.
Diagnosis diagnose(const TraineeFactory& make, const TrainingData& data, const DiagnoseOptions& options = {});

/// Of `make_model()` and `make_optimizer(model)`, trained by `step(model, optimizer, batch)`, which returns the loss:
///
///     const auto d = inspect::diagnose([] { return Mlp(); },
///                                      [](const Mlp& m) { return optim::Adam(m.parameters()); },
///                                      {.train = set, .loss = [](auto& out, auto& y) { return cross_entropy(out, y); }});
template <ModelFactory MakeModel, class MakeOptimizer, class Step>
Diagnosis diagnose(MakeModel make_model, MakeOptimizer make_optimizer, const TrainingData& data, Step step,
                   const DiagnoseOptions& options = {}) {
  using M = std::invoke_result_t<MakeModel&>;
  using O = std::invoke_result_t<MakeOptimizer&, const M&>;
  const TraineeFactory make = [=]() -> std::unique_ptr<Trainee> {
    return std::make_unique<detail::TraineeOf<M, O, Step>>(make_model, make_optimizer, step);
  };
  return diagnose(make, data, options);
}

/// The same with the step `optimizer.step([&] { return data.loss(model(x), y); })`.
template <ModelFactory MakeModel, class MakeOptimizer>
Diagnosis diagnose(MakeModel make_model, MakeOptimizer make_optimizer, const TrainingData& data,
                   const DiagnoseOptions& options = {}) {
  return diagnose(std::move(make_model), std::move(make_optimizer), data, detail::PlainStep(), options);
}

}  // namespace newtape::inspect
