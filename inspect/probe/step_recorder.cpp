// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/probe/step_recorder.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <memory>

namespace newtape::inspect {
namespace {

/// Follows the modules of a step: which one runs, and which one's result the sweep reached last.
class ModuleWatcher {
 public:
  explicit ModuleWatcher(const nn::ModuleBase& model) : modules_(model.named_modules()) {
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      const auto& module = modules_[i].second;
      hooks_.push_back(module.register_forward_pre_hook([this, i](const nn::ModuleBase&, std::span<const Tensor> in) {
        running_.push_back({i, {in.begin(), in.end()}});
      }));
      hooks_.push_back(
          module.register_forward_hook([this, i](const nn::ModuleBase&, std::span<const Tensor> in, const Tensor& out) {
            running_.pop_back();
            if (!out.defined() || !out.requires_grad() || out.is_leaf()) return Tensor();
            out.register_hook([this, alive = std::weak_ptr<bool>(alive_), call = Call{i, {in.begin(), in.end()}},
                               value = out.value()](const Tensor& g) {
              if (alive.expired()) return Tensor();
              swept_ = call;
              swept_value_ = value;
              swept_grad_ = g.value();
              return Tensor();
            });
            return Tensor();
          }));
    }
  }
  ModuleWatcher(const ModuleWatcher&) = delete;
  ModuleWatcher& operator=(const ModuleWatcher&) = delete;
  ~ModuleWatcher() {
    for (auto& hook : hooks_) hook.remove();
  }

  void report(StepReport& to) const {
    const bool forward = !running_.empty();
    const Call& call = forward ? running_.back() : swept_;
    if (!forward && !swept_grad_.defined()) return;
    const auto& [path, module] = modules_[call.module];
    to.module = path;
    const auto put = [&](const std::string& name, const Array& x) {
      if (x.defined() && is_floating(x.dtype())) to.operands.push_back({name, core::summarize(x)});
    };
    for (std::size_t k = 0; k < call.inputs.size(); ++k) put(fmt::format("input {}", k), call.inputs[k].value());
    for (const auto& [name, p] : module.named_parameters()) put(name, p.value());
    if (!forward) put("result", swept_value_), put("gradient of the result", swept_grad_);
  }

 private:
  struct Call {
    std::size_t module = 0;
    std::vector<Tensor> inputs;
  };
  std::vector<std::pair<std::string, nn::ModuleBase>> modules_;
  std::vector<nn::ModuleHook> hooks_;
  std::vector<Call> running_;
  Call swept_;
  Array swept_value_, swept_grad_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< a graph may outlive the watcher
};

}  // namespace

StepRecorder::StepRecorder(const nn::ModuleBase& model, optim::Optimizer& optimizer, const StepRecorderOptions& options)
    : model_(model), optimizer_(optimizer), options_(options) {}

void StepRecorder::save(std::vector<Tensor> batch) {
  values_ = model_.state_dict();
  modes_.clear();
  for (const auto& m : model_.named_modules()) modes_.push_back(m.second.is_training());
  grads_.clear();
  for (const auto& p : model_.parameters()) grads_.push_back(p.grad());
  state_ = optimizer_.state_dict();
  generator_ = default_generator();
  batch_ = std::move(batch);
  ++steps_;
}

void StepRecorder::restore() const {
  if (steps_ == 0) raise<ValueError>("StepRecorder: no step was saved", "save() or run() before", "neither");
  model_.load_state_dict(values_);
  optimizer_.load_state_dict(state_);
  const auto modules = model_.named_modules();
  // Parents come first: train() sets all modules below, which are then set individually.
  for (std::size_t i = 0; i < modules.size(); ++i) modules[i].second.train(modes_[i]);
  const auto parameters = model_.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].requires_grad()) parameters[i].set_grad(grads_[i]);
  }
  default_generator() = generator_;
}

Tensor StepRecorder::run(std::vector<Tensor> batch, const Step& step) {
  save(std::move(batch));
  Tensor loss;
  try {
    loss = step(batch_);
    if (!loss.defined() || !is_floating(loss.dtype()) || core::all_finite(loss.value())) return loss;
  } catch (const NumericalError& e) {
    StepReport report = explain(step);
    if (!report.failed) report.error = e.what();  // not one of a single operation
    throw NumericalError(report.to_string());
  }
  throw NumericalError(explain(step).to_string());
}

Tensor StepRecorder::replay(const Step& step) const {
  restore();
  return step(batch_);
}

StepReport StepRecorder::explain(const Step& step) const {
  restore();
  StepReport report{.step = steps_ - 1, .loss = std::numeric_limits<double>::quiet_NaN()};
  {
    const ModuleWatcher watcher(model_);
    const DetectAnomaly detect({.infinity = options_.infinity});
    try {
      const Tensor loss = step(batch_);
      if (loss.defined() && loss.size() == 1) report.loss = loss.item();
    } catch (const NumericalError& e) {
      report.failed = true;
      report.error = e.what();
      watcher.report(report);
    }
  }
  restore();
  return report;
}

std::string StepReport::to_string() const {
  if (!failed && error.empty()) return fmt::format("step {}: no anomaly, loss {:.6g}", step, loss);
  std::string text = fmt::format("step {}", step);
  if (!module.empty()) text += ", module " + module;
  text += ": " + error;
  for (const auto& o : operands) {
    fmt::format_to(std::back_inserter(text), "\n  {}: [{:.3g}, {:.3g}], rms {:.3g}", o.name, o.summary.min,
                   o.summary.max, o.summary.rms());
    if (o.summary.non_finite > 0) text += fmt::format(", {} not finite", o.summary.non_finite);
  }
  return text;
}

}  // namespace newtape::inspect
