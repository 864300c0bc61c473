// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/owner.hpp>
#include <newtape/inspect/probe/history.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Statistics of parameters, layers and gradients while a model trains.
namespace newtape::inspect {

/// A parameter at one step. Norms are 2-norms; of a sampled array, estimates.
struct ParameterRecord {
  std::int64_t step = 0;     ///< steps of the optimizer before this one
  core::ArraySummary value;  ///< before the step
  core::ArraySummary grad;   ///< as the optimizer received it; `examined` is 0 when there was none
  double swept_norm = 0;     ///< of the gradient that the last backward sweep computed, before clipping or accumulation
  double step_norm = 0;      ///< of the change that the optimizer made

  /// Norm of the change over the norm of the value; 0 when the value is 0.
  double update_ratio() const noexcept { return value.norm() > 0 ? step_norm / value.norm() : 0; }
  double grad_ratio() const noexcept { return value.norm() > 0 ? grad.norm() / value.norm() : 0; }
};

/// The tensor result of a module, or an input that no module computed, at one step.
struct ResultRecord {
  std::int64_t step = 0;
  core::ArraySummary value;  ///< over all calls of the step; see ProbeOptions::saturation
  core::ArraySummary grad;   ///< of the loss with respect to it; `examined` is 0 when no sweep reached it
};

/// A parameter of the model, and its records.
struct ProbedParameter {
  std::string name;  ///< "encoder.0.weight"
  Parameter parameter;
  bool held = false;  ///< the optimizer updates it
  History<ParameterRecord> history;
};

/// The result, or the input, of a module, and its records.
struct ProbedResult {
  std::string path;    ///< of the module; empty for the model itself
  std::string type;    ///< of the module: "Linear"
  bool input = false;  ///< its first input instead of its result: what is computed between modules, and the data
  Shape shape;         ///< of the latest value
  std::string op;      ///< that computed the latest value: "relu"; empty for a constant
  History<ResultRecord> history;

  /// "encoder.0", or "encoder.0 input".
  std::string name() const;
};

/// The scalar that backward was called for.
struct LossRecord {
  std::int64_t step = 0;
  double value = 0;
};

/// One step of training, as the optimizer saw it, recorded at every probed step. Norms are those of the parameters that
/// it holds together.
struct StepRecord {
  std::int64_t step = 0;
  double lr = 0;          ///< of the first group
  double grad_norm = 0;   ///< of the gradients as the optimizer received them
  double swept_norm = 0;  ///< of the gradients that the last sweep computed
  double step_norm = 0;
  double value_norm = 0;
  std::int64_t sweeps = 0;  ///< calls of backward since the last step
  bool training = true;     ///< the mode of the model in its last forward pass
};

struct ProbeOptions {
  /// Steps from one that is measured to the next.
  std::int64_t every = 10;
  /// Of a larger array evenly spaced blocks of that many elements are read; 0 reads all of them.
  /// The relative error of an rms is then about 1 / sqrt(2 max_elements), 2% here. Blocks lie at a fixed stride, so means
  /// and shares are unbiased for elements in an order that does not repeat with it; minimum and maximum are those of the
  /// elements that were read.
  std::int64_t max_elements = 1 << 10;
  /// Records kept of each series (see History).
  std::size_t history = 256;
  /// A finite element other than 0 is saturated within this share of the range of values seen so far, from its ends.
  double saturation = 0.01;
};

/// Measures a model and its optimizer while they train, on any graph:
///
///     inspect::Probe probe(model, optimizer);
///     for (..) optimizer.step([&] { return loss(model(x), y); });
///     fmt::print("{}", probe.to_string());
///
/// It sees every parameter, the result of every module, and tensors that reach a module from elsewhere: activations
/// that are functions, the data. A measured step reads each array once or twice, at most `max_elements` of it; in the
/// others only the model itself has hooks. The destructor detaches it; model and optimizer may be destroyed before.
/// Several threads may run the model at once if `every` is 1; otherwise hooks come and go between steps.
class Probe {
 public:
  explicit Probe(const nn::ModuleBase& model, const ProbeOptions& options = {});
  Probe(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const ProbeOptions& options = {});
  Probe(Probe&&) noexcept;
  Probe& operator=(Probe&&) noexcept;
  ~Probe();

  /// Stops measuring; what was measured stays.
  void detach() noexcept;

  /// Steps so far: of the optimizer, or else calls of backward.
  std::int64_t steps() const;
  const std::vector<ProbedParameter>& parameters() const;
  const std::vector<ProbedResult>& results() const;
  /// The loss of every step. Empty for optimizers that do not call backward (second order, least squares).
  const History<LossRecord>& losses() const;
  const History<StepRecord>& step_records() const;
  const ProbeOptions& options() const;
  /// A table of the latest records.
  std::string to_string() const;

  /// Calls `f` with each tensor that backward is called for after a forward pass of the model, before the sweep.
  void on_backward(std::function<void(const Tensor& loss)> f) const;
  /// Calls `f` with the arguments and the result of each recorded call of the model.
  void on_forward(std::function<void(std::span<const Tensor> inputs, const Tensor& output)> f) const;
  /// Calls `f` after each step, with the number of steps so far.
  void on_step(std::function<void(std::int64_t steps)> f) const;

 private:
  struct State;
  void attach(const optim::Optimizer* optimizer);
  newtape::detail::Shared<State> state_;
};

}  // namespace newtape::inspect
