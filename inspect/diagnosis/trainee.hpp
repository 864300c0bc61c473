// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace newtape::inspect {

/// The loss of a model's output for a target, one element.
using LossFunction = std::function<Tensor(const Tensor& output, const Tensor& target)>;

/// What diagnose trains on.
struct TrainingData {
  data::Dataset train;  ///< arrays 0 and 1: inputs and targets, examples along the first axis
  LossFunction loss;
  data::Dataset test = {};  ///< the same for examples that are not trained on; may be left out
  std::int64_t batch = 32;
  bool shuffle = true;  ///< draws the batches of each epoch in random order
};

/// A batch with the loss to minimise on it.
struct TrainingBatch {
  Tensor x, y;
  const LossFunction& loss;
};

/// A model, its optimizer and how it is trained, of any types. Made anew by a TraineeFactory for each experiment.
class Trainee {
 public:
  Trainee() = default;
  Trainee(const Trainee&) = delete;
  Trainee& operator=(const Trainee&) = delete;
  virtual ~Trainee();
  /// Calls `f` when this trainee is destroyed: removes a hook, where model and optimizer live on.
  void at_end(std::function<void()> f);
  virtual const nn::ModuleBase& model() const = 0;
  virtual optim::Optimizer& optimizer() = 0;
  virtual Tensor forward(const Tensor& x) const = 0;
  /// One step of training; returns the loss.
  virtual Tensor step(const TrainingBatch& batch) = 0;

 private:
  std::vector<std::function<void()>> last_acts_;
};
/// Draws initial weights from the default generator.
using TraineeFactory = std::function<std::unique_ptr<Trainee>()>;

}  // namespace newtape::inspect
