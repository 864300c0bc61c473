// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace newtape::inspect {

/// What a replay of a step found.
struct StepReport {
  /// An array at the place of the failure.
  struct Operand {
    std::string name;  ///< "input 0", "result", "gradient of the result", or a parameter's name
    core::ArraySummary summary;
  };
  bool failed = false;
  std::int64_t step = 0;
  double loss = 0;          ///< NaN when the step threw
  std::string module = {};  ///< path of the innermost module: that was running, or in whose result the sweep was last
  std::string error = {};   ///< names the operation and its line
  std::vector<Operand> operands = {};

  /// As text: what failed, and a line for each operand.
  std::string to_string() const;
};

struct StepRecorderOptions {
  bool infinity = true;  ///< infinities are failures, too: see DetectAnomalyOptions
};

/// Keeps what a training step starts from: parameters, buffers, modes, gradients, the optimizer's state, the default
/// random generator of the thread, and the batch. A step can then be run again, bit for bit:
///
///     inspect::StepRecorder recorder(model, optimizer);
///     const auto train = [&](std::span<const Tensor> b) {
///       return optimizer.step([&] { return loss(model(b[0]), b[1]); });
///     };
///     recorder.run({x, y}, train);
///
/// Arrays are shared until the step overwrites them: a recorded step costs one copy of parameters and optimizer state.
/// Not for optimizers that are destroyed before the recorder.
class StepRecorder {
 public:
  /// One training step on a batch; returns the loss.
  using Step = std::function<Tensor(std::span<const Tensor> batch)>;

  StepRecorder(const nn::ModuleBase& model, optim::Optimizer& optimizer, const StepRecorderOptions& options = {});

  /// Keeps the state before the next step, in place of the one before.
  void save(std::vector<Tensor> batch);
  /// Saves, and runs the step. NumericalError with a StepReport's text when the loss is not finite or the step throws
  /// a NumericalError; the state is then that before the step.
  Tensor run(std::vector<Tensor> batch, const Step& step);

  /// Puts back the saved state. ValueError before the first save.
  void restore() const;
  /// Restores, runs the step again, and leaves what it did.
  Tensor replay(const Step& step) const;
  /// Restores, runs the step under DetectAnomaly with every module watched, and restores again.
  StepReport explain(const Step& step) const;

  /// The number of saves.
  std::int64_t steps() const noexcept { return steps_; }
  /// The last batch that was saved.
  std::span<const Tensor> batch() const noexcept { return batch_; }

 private:
  nn::ModuleBase model_;
  optim::Optimizer& optimizer_;
  StepRecorderOptions options_;
  std::int64_t steps_ = 0;  ///< saves
  nn::StateDict values_;
  std::vector<bool> modes_;
  std::vector<Tensor> grads_;
  optim::StateDict state_;
  Generator generator_;
  std::vector<Tensor> batch_;
};

}  // namespace newtape::inspect
