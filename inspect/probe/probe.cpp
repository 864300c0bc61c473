// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/inspect/probe/probe_state.hpp>

#include <fmt/format.h>

#include <iterator>

namespace newtape::inspect {

std::string ProbedResult::name() const {
  const std::string of = path.empty() ? "model" : path;
  return input ? of + " input" : of;
}

namespace {
void check_options(const ProbeOptions& o) {
  if (o.every < 1) raise<ValueError>("Probe: every must be positive", ">= 1", std::to_string(o.every));
  if (!(o.saturation >= 0 && o.saturation < 0.5)) {
    raise<ValueError>("Probe: saturation must be a share of the range", "in [0, 0.5)", std::to_string(o.saturation));
  }
}
}  // namespace

Probe::Probe(const nn::ModuleBase& model, const ProbeOptions& options) {
  check_options(options);
  state_ = std::make_shared<State>(model, options);
  attach(nullptr);
}

Probe::Probe(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const ProbeOptions& options) {
  check_options(options);
  state_ = std::make_shared<State>(model, options);
  attach(&optimizer);
}

Probe::Probe(Probe&&) noexcept = default;
Probe& Probe::operator=(Probe&& other) noexcept {
  detach();
  state_ = std::move(other.state_);
  return *this;
}
Probe::~Probe() { detach(); }

void Probe::attach(const optim::Optimizer* optimizer) {
  State& s = *state_;
  const std::weak_ptr<State> weak = state_.weak();
  // Clones of the model have the hooks, too: their calls are not the model's.
  s.module_hooks.push_back(s.model.register_forward_pre_hook([weak](const nn::ModuleBase& m, std::span<const Tensor>) {
    if (const auto state = weak.lock(); state != nullptr && m == state->model) state->before_forward();
  }));
  s.module_hooks.push_back(s.hook_module(0));
  s.hook_children();
  s.observer.emplace([weak](const Tensor& loss) {
    if (const auto state = weak.lock()) state->on_loss(loss);
  });
  if (optimizer == nullptr) return;
  s.has_optimizer = true;
  for (const auto& p : optimizer->params()) {
    for (auto& mine : s.parameters) mine.held = mine.held || mine.parameter == p;
  }
  s.step_hooks.push_back(optimizer->register_step_pre_hook([weak](const optim::Optimizer& o) {
    if (const auto state = weak.lock()) state->before_step(o);
  }));
  s.step_hooks.push_back(optimizer->register_step_post_hook([weak](const optim::Optimizer&) {
    if (const auto state = weak.lock()) state->after_step();
  }));
}

void Probe::detach() noexcept {
  if (state_ == nullptr) return;
  for (auto& hook : state_->module_hooks) hook.remove();
  for (auto& hook : state_->child_hooks) hook.remove();
  for (auto& hook : state_->step_hooks) hook.remove();
  for (auto& hook : state_->grad_hooks) hook.remove();
  state_->observer.reset();
  state_->module_hooks.clear();
  state_->child_hooks.clear();
  state_->detached = true;
  state_->step_hooks.clear();
  state_->grad_hooks.clear();
}

std::int64_t Probe::steps() const { return state_->steps; }
const std::vector<ProbedParameter>& Probe::parameters() const { return state_->parameters; }
const std::vector<ProbedResult>& Probe::results() const { return state_->results; }
const History<LossRecord>& Probe::losses() const { return state_->losses; }
const History<StepRecord>& Probe::step_records() const { return state_->step_records; }
const ProbeOptions& Probe::options() const { return state_->options; }

void Probe::on_backward(std::function<void(const Tensor&)> f) const { state_->loss_callback = std::move(f); }
void Probe::on_forward(std::function<void(std::span<const Tensor>, const Tensor&)> f) const {
  state_->forward_callback = std::move(f);
}
void Probe::on_step(std::function<void(std::int64_t)> f) const { state_->step_callback = std::move(f); }

std::string Probe::to_string() const {
  std::string text = fmt::format("{:<28} {:>10} {:>10} {:>10} {:>10} {:>7} {:>7}\n", "parameter", "norm", "gradient",
                                 "step", "step/norm", "zero g", "bad g");
  const auto to = std::back_inserter(text);
  for (const auto& p : parameters()) {
    if (p.history.empty()) continue;
    const auto& r = p.history.latest();
    fmt::format_to(to, "{:<28} {:>10.3g} {:>10.3g} {:>10.3g} {:>10.3g} {:>6.1f}% {:>6.1f}%\n", p.name, r.value.norm(),
                   r.grad.norm(), r.step_norm, r.update_ratio(), 100 * r.grad.zero_share(),
                   100 * r.grad.non_finite_share());
  }
  fmt::format_to(to, "\n{:<28} {:>10} {:>10} {:>10} {:>10} {:>7} {:>7} {:>7}\n", "result", "mean", "rms", "min", "max",
                 "zero", "satur.", "g rms");
  for (const auto& x : results()) {
    if (x.history.empty()) continue;
    const auto& r = x.history.latest();
    fmt::format_to(to, "{:<28} {:>10.3g} {:>10.3g} {:>10.3g} {:>10.3g} {:>6.1f}% {:>6.1f}% {:>7.2g}\n", x.name(),
                   r.value.mean(), r.value.rms(), r.value.min, r.value.max, 100 * r.value.zero_share(),
                   100 * r.value.saturated_share(), r.grad.rms());
  }
  return text;
}

}  // namespace newtape::inspect
