// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second.hpp"
#include "second_models.hpp"

#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

/// Training programs as values: a healthy one of each model, of which a fault changes one member. What a row of a set has in
/// common with the others of its model stands once.
namespace zoo {

using Seed = std::uint64_t;

/// What a step of training is given.
struct Training {
  const newtape::nn::ModuleBase& model;
  newtape::optim::Optimizer& optimizer;
  const newtape::inspect::TrainingBatch& batch;
  std::function<newtape::Tensor(const newtape::Tensor&)> forward;
  /// The loss of the batch.
  newtape::Tensor loss() const { return batch.loss(forward(batch.x), batch.y); }
};

struct Setting {
  newtape::inspect::TrainingData data;
  second::Parts parts;
  std::function<std::unique_ptr<newtape::optim::Optimizer>(const std::vector<newtape::Parameter>&)> optimizer;
  std::int64_t steps = 150;
  /// Once, before the optimizer is made.
  std::function<void(const newtape::nn::ModuleBase&)> prepare = {};
  /// The parameters that the optimizer gets; empty: all.
  std::function<std::vector<newtape::Parameter>(const newtape::nn::ModuleBase&)> held = {};
  /// Copied for each run; empty: the plain step.
  std::function<newtape::Tensor(const Training&)> step = {};
};

template <class M>
class SettingTrainee final : public newtape::inspect::Trainee {
 public:
  explicit SettingTrainee(const Setting& s) : model_(s.parts), step_(s.step) {
    model_.initialise();
    if (s.prepare) s.prepare(model_);
    optimizer_ = s.optimizer(s.held ? s.held(model_) : model_.parameters());
  }
  const newtape::nn::ModuleBase& model() const override { return model_; }
  newtape::optim::Optimizer& optimizer() override { return *optimizer_; }
  newtape::Tensor forward(const newtape::Tensor& x) const override { return model_(x); }
  newtape::Tensor step(const newtape::inspect::TrainingBatch& b) override {
    const Training t{model_, *optimizer_, b, [this](const newtape::Tensor& x) { return model_(x); }};
    return step_ ? step_(t) : optimizer_->step([&] { return t.loss(); });
  }

 private:
  M model_;
  std::unique_ptr<newtape::optim::Optimizer> optimizer_;
  std::function<newtape::Tensor(const Training&)> step_;
};

template <class M>
Trial trial_of(const Setting& s) {
  return {[s] { return std::make_unique<SettingTrainee<M>>(s); }, s.data, s.steps};
}

/// A model of a set: its healthy program, and the error that it reaches on examples that were kept back.
struct Subject {
  const char* name;
  Setting (*healthy)(Seed);
  Trial (*trial)(const Setting&);
  double (*error)(const newtape::Tensor& output, const newtape::Tensor& target);
  double goal;
};
/// What a row changes in the healthy program.
using Plant = void (*)(Setting&, Seed);
struct Row {
  const char* model;
  const char* fault;  ///< null: healthy all the same
  std::vector<const char*> causes;
  Plant plant;
};

/// The healthy programs and the rows.
std::vector<SecondProgram> programs_of(const std::vector<Subject>& subjects, const std::vector<Row>& rows);
std::vector<Goal> goals_of(const std::vector<Subject>& subjects);

/// A function that makes an optimizer of type O with these options.
template <class O, class Options>
auto make(const Options& options) {
  return [options](const std::vector<newtape::Parameter>& p) -> std::unique_ptr<newtape::optim::Optimizer> {
    return std::make_unique<O>(p, options);
  };
}

}  // namespace zoo
