// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/backward_observer.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/inspect/probe/probe.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace newtape::inspect {

/// What the hooks of a probe share. Hooks hold it weakly, so that model and optimizer may outlive the probe.
struct Probe::State : std::enable_shared_from_this<Probe::State> {
  State(const nn::ModuleBase& m, const ProbeOptions& o);

  // Called by hooks.
  void before_forward();
  void on_result(std::size_t module, bool root, std::span<const Tensor> inputs, const Tensor& output);
  void on_loss(const Tensor& loss);
  void before_step(const optim::Optimizer& optimizer);
  void after_step();
  /// Observes the results of modules[i].
  nn::ModuleHook hook_module(std::size_t i);
  /// Observes all modules below the model until a step that is not measured.
  void hook_children();

  nn::ModuleBase model;
  std::vector<nn::ModuleBase> modules;  ///< it and all below it
  ProbeOptions options;
  std::vector<ProbedParameter> parameters;
  std::vector<ProbedResult> results;  ///< results of the modules, then their inputs, in the same order
  History<LossRecord> losses;
  History<StepRecord> step_records;
  std::int64_t steps = 0;
  bool has_optimizer = false;

  std::vector<nn::ModuleHook> module_hooks;  ///< of the model
  std::vector<nn::ModuleHook> child_hooks;   ///< of the modules below it, in steps that are measured
  bool detached = false;
  std::vector<optim::StepHookHandle> step_hooks;
  std::vector<HookHandle> grad_hooks;
  std::optional<BackwardObserver> observer;
  std::function<void(const Tensor&)> loss_callback;
  std::function<void(std::span<const Tensor>, const Tensor&)> forward_callback;
  std::function<void(std::int64_t)> step_callback;

 private:
  /// The parameter in the current step.
  struct Pending {
    ParameterRecord record;
    Array sample;  ///< of the value before the step
    newtape::detail::NodeRef hooked;
  };
  struct Range {
    double low = 0, high = 0;
    bool known = false;
  };

  core::ArraySummary look(std::size_t result, const Tensor& x);
  void record(std::size_t result, const Tensor& x);
  void hook_parameters();
  void on_swept(std::size_t parameter, const Tensor& g);
  void look_at_gradient(std::size_t parameter);
  void start_step();
  void finish_step();

  std::mutex mutex_;
  bool probing_ = true;
  bool forward_seen_ = false;
  bool training_ = true;
  std::int64_t sweeps_ = 0;
  double lr_ = 0;
  std::vector<Pending> pending_;
  std::vector<ResultRecord> pending_results_;
  std::vector<Range> ranges_;
  std::vector<newtape::detail::NodeRef> produced_;  ///< by modules in this step
};

}  // namespace newtape::inspect
