// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/evidence.hpp>
#include <newtape/inspect/diagnosis/trainee.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace newtape::inspect {

/// A model and its optimizer as they are at a moment: values, gradients, modes, state.
class ProgramState {
 public:
  ProgramState(const nn::ModuleBase& model, const optim::Optimizer& optimizer);
  void restore(const nn::ModuleBase& model, optim::Optimizer& optimizer) const;

 private:
  nn::StateDict values_;
  optim::StateDict optimizer_;
  std::vector<bool> trainable_, modes_;
  std::vector<Tensor> gradients_;
};

/// How a loop that is not known takes its steps, as far as hooks show it.
struct ObservedStep {
  bool clears_gradients = true;
  bool evaluation_mode = false;
  double clip = 0;                                          ///< norm to which gradients are shortened; 0: they are not
  std::vector<std::pair<std::int64_t, double>> rates = {};  ///< (step, learning rate), if it changes
};
ObservedStep observe_step(const Evidence& evidence);

/// A user's program that is trained again, with the batches that were kept: always from the state at the start.
class WatchedProgram {
 public:
  WatchedProgram(const nn::ModuleBase& model, optim::Optimizer& optimizer,
                 std::function<Tensor(const Tensor& x)> forward, LossFunction loss, std::size_t most_batches);

  /// Keeps a batch; the oldest is dropped. ValueError unless x and y have the same number of examples.
  void keep(const Tensor& x, const Tensor& y);
  std::size_t kept() const noexcept { return batches_.size(); }
  /// The kept batches in their order.
  TrainingData data() const;
  /// Trains model and optimizer themselves: their present state is to be saved before, and restored after.
  TraineeFactory factory(const ObservedStep& step) const;
  /// The program as it is now.
  std::unique_ptr<Trainee> present() const;

  const nn::ModuleBase& model() const noexcept { return model_; }
  optim::Optimizer& optimizer() const noexcept { return *optimizer_; }

 private:
  nn::ModuleBase model_;
  optim::Optimizer* optimizer_;
  std::function<Tensor(const Tensor&)> forward_;
  LossFunction loss_;
  std::size_t most_batches_;
  ProgramState start_;
  std::deque<std::pair<Array, Array>> batches_;
};

}  // namespace newtape::inspect
