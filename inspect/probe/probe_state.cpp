// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/inspect/probe/probe_state.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::inspect {

Probe::State::State(const nn::ModuleBase& m, const ProbeOptions& o)
    : model(m), options(o), losses(o.history), step_records(o.history) {
  for (const auto& [name, p] : m.named_parameters()) {
    parameters.push_back({name, p, false, History<ParameterRecord>(o.history)});
  }
  const auto named = m.named_modules();
  for (const auto& [path, module] : named) modules.push_back(module);
  for (const bool input : {false, true}) {
    for (const auto& [path, module] : named) {
      results.push_back({path, std::string(module.type()), input, {}, {}, History<ResultRecord>(o.history)});
    }
  }
  pending_.resize(parameters.size());
  pending_results_.resize(results.size());
  ranges_.resize(results.size());
}

void Probe::State::before_forward() {
  if (!grad_enabled()) return;
  const std::lock_guard lock(mutex_);
  if (!has_optimizer && sweeps_ > 0) finish_step();
  if (sweeps_ == 0 && !forward_seen_) start_step();
  forward_seen_ = true;
  training_ = model.is_training();
}

void Probe::State::start_step() {
  if (!probing_) return;
  hook_parameters();
  hook_children();
  for (auto& r : pending_results_) r = {.step = steps, .value = {}, .grad = {}};
  for (auto& p : pending_) p.record = {.step = steps, .value = {}, .grad = {}};
}

nn::ModuleHook Probe::State::hook_module(std::size_t i) {
  return modules[i].register_forward_hook(
      [weak = weak_from_this(), i](const nn::ModuleBase& m, std::span<const Tensor> inputs, const Tensor& output) {
        const auto state = weak.lock();
        if (state != nullptr && m == state->modules[i]) state->on_result(i, i == 0, inputs, output);
        return Tensor();
      });
}

void Probe::State::hook_children() {
  if (!child_hooks.empty() || detached) return;
  for (std::size_t i = 1; i < modules.size(); ++i) {
    const auto here = modules.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(modules.begin(), here, *here) == here) child_hooks.push_back(hook_module(i));  // of its first path
  }
}

/// Hooks on the gradients of parameters whose node is new: at the start, and after they were unfrozen.
void Probe::State::hook_parameters() {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& p = parameters[i].parameter.tensor();
    if (!p.requires_grad() || !p.is_leaf() || p.node().get() == pending_[i].hooked.get()) continue;
    pending_[i].hooked = p.node();
    grad_hooks.push_back(p.register_hook([weak = weak_from_this(), i](const Tensor& g) {
      if (const auto state = weak.lock()) state->on_swept(i, g);
      return Tensor();
    }));
  }
}

void Probe::State::on_swept(std::size_t parameter, const Tensor& g) {
  const std::lock_guard lock(mutex_);
  if (!probing_ || sweeps_ == 0 || g.shape() != parameters[parameter].parameter.shape()) return;
  auto& record = pending_[parameter].record;
  record.grad = core::summarize(g.value(), {.max_elements = options.max_elements});
  record.swept_norm = record.grad.norm();
}

core::ArraySummary Probe::State::look(std::size_t result, const Tensor& x) {
  Range& range = ranges_[result];
  core::SummarizeOptions o{.max_elements = options.max_elements};
  if (!range.known) {
    const auto first = core::summarize(x.value(), o);
    if (!(first.min <= first.max)) return first;
    range = {first.min, first.max, true};
  }
  const double margin = options.saturation * (range.high - range.low);
  o.low = range.low + margin;
  o.high = range.high - margin;
  const auto summary = core::summarize(x.value(), o);
  range.low = std::min(range.low, summary.min);
  range.high = std::max(range.high, summary.max);
  return summary;
}

void Probe::State::record(std::size_t result, const Tensor& x) {
  results[result].shape = x.shape();
  results[result].op = x.requires_grad() && !x.is_leaf() ? x.node().get()->op->name() : "";
  pending_results_[result].value.merge(look(result, x));
  if (!x.requires_grad() || x.is_leaf()) return;
  x.register_hook([weak = weak_from_this(), result](const Tensor& g) {
    const auto state = weak.lock();
    if (state == nullptr) return Tensor();
    const std::lock_guard lock(state->mutex_);
    if (state->probing_) {
      state->pending_results_[result].grad.merge(
          core::summarize(g.value(), {.max_elements = state->options.max_elements}));
    }
    return Tensor();
  });
}

void Probe::State::on_result(std::size_t module, bool root, std::span<const Tensor> inputs, const Tensor& output) {
  if (!grad_enabled() || core::on_placeholders()) return;  // arrays within fuse() have no values yet
  if (probing_) {
    const std::lock_guard lock(mutex_);
    const auto is_new = [&](const Tensor& x) {
      if (!x.requires_grad()) return root;  // the data; other constants are masks and states
      return !x.is_leaf() && std::none_of(produced_.begin(), produced_.end(),
                                          [&](const auto& node) { return node.get() == x.node().get(); });
    };
    if (!inputs.empty() && inputs[0].defined() && is_floating(inputs[0].dtype()) && is_new(inputs[0])) {
      record(results.size() / 2 + module, inputs[0]);
      produced_.push_back(inputs[0].node());
    }
    if (output.defined() && is_floating(output.dtype())) {
      record(module, output);
      produced_.push_back(output.node());
    }
  }
  if (root && forward_callback) forward_callback(inputs, output);
}

void Probe::State::on_loss(const Tensor& loss) {
  {
    const std::lock_guard lock(mutex_);
    if (!forward_seen_ || loss.size() != 1) return;
    ++sweeps_;
    losses.push({steps, loss.item()});
  }
  if (loss_callback) loss_callback(loss);
}

void Probe::State::look_at_gradient(std::size_t parameter) {
  const Tensor grad = parameters[parameter].parameter.grad();
  if (!grad.defined()) return;
  pending_[parameter].record.grad = core::summarize(grad.value(), {.max_elements = options.max_elements});
}

void Probe::State::before_step(const optim::Optimizer& optimizer) {
  const std::lock_guard lock(mutex_);
  if (!probing_) return;
  lr_ = optimizer.lr();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Array& value = parameters[i].parameter.value();
    pending_[i].sample = core::summary_sample(value, options.max_elements);
    pending_[i].record.value = core::summarize(pending_[i].sample);
    pending_[i].record.value.size = value.size();
    pending_[i].record.grad = {};  // what was swept may have been cleared since
    look_at_gradient(i);
  }
}

void Probe::State::after_step() {
  {
    const std::lock_guard lock(mutex_);
    if (probing_) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        Pending& p = pending_[i];
        if (!p.sample.defined()) continue;
        p.record.step_norm =
            core::summarize_change(parameters[i].parameter.value(), p.sample, options.max_elements).norm();
        if (p.record.grad.examined == 0) look_at_gradient(i);  // second-order methods leave it after the step
      }
    }
    finish_step();
  }
  if (step_callback) step_callback(steps);
}

void Probe::State::finish_step() {
  if (probing_) {
    StepRecord all{.step = steps, .lr = lr_, .sweeps = sweeps_, .training = training_};
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Pending& p = pending_[i];
      p.sample = Array();
      if (!has_optimizer) {
        p.record.value = core::summarize(parameters[i].parameter.value(), {.max_elements = options.max_elements});
      }
      parameters[i].history.push(p.record);
      if (has_optimizer && !parameters[i].held) continue;
      const auto squared = [](double x) { return x * x; };
      all.grad_norm += squared(p.record.grad.norm());
      all.swept_norm += squared(p.record.swept_norm);
      all.step_norm += squared(p.record.step_norm);
      all.value_norm += squared(p.record.value.norm());
    }
    for (double* norm : {&all.grad_norm, &all.swept_norm, &all.step_norm, &all.value_norm}) *norm = std::sqrt(*norm);
    step_records.push(all);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (pending_results_[i].value.size > 0) results[i].history.push(pending_results_[i]);
    }
    produced_.clear();
  }
  ++steps;
  sweeps_ = 0;
  forward_seen_ = false;
  probing_ = steps % options.every == 0;
  if (probing_) return;
  for (auto& hook : child_hooks) hook.remove();
  child_hooks.clear();
}

}  // namespace newtape::inspect
