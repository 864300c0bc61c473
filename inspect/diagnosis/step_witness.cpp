// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/step_witness.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>

namespace newtape::inspect {
namespace {

bool same_bytes(const Array& a, const Array& b) {
  return a.dtype() == b.dtype() && a.size() == b.size() &&
         std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.size()) * item_size(a.dtype())) == 0;
}

double dot_of(const Array& a, const Array& b) { return core::summarize(a * b).sum; }

/// The cosine of two vectors that are given in parts; nothing when one is 0 or not finite.
std::optional<double> cosine(const std::vector<Array>& a, const std::vector<Array>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!a[i].defined() || !b[i].defined() || a[i].shape() != b[i].shape() || a[i].dtype() != b[i].dtype()) continue;
    ab += dot_of(a[i], b[i]);
    aa += core::summarize(a[i]).sum_squares;
    bb += core::summarize(b[i]).sum_squares;
  }
  const double c = ab / std::sqrt(aa * bb);
  if (!std::isfinite(c)) return {};
  return std::clamp(c, -1.0, 1.0);
}

/// Whether a module treats training and evaluation differently.
bool has_modes(const nn::ModuleBase& m) {
  const auto type = m.type();
  return type.find("Dropout") != std::string_view::npos || type.find("BatchNorm") != std::string_view::npos;
}

}  // namespace

struct StepWitness::State {
  State(const nn::ModuleBase& model, const StepWitnessOptions& o) : options(o) {
    options.every = std::max<std::int64_t>(2, options.every);
    parameters = model.named_parameters();
    for (const auto& [path, module] : model.named_modules()) {
      if (has_modes(module)) modal.push_back(module);
    }
  }

  std::vector<Array> values() const {
    std::vector<Array> all;
    for (const auto& [name, p] : parameters) all.push_back(core::summary_sample(p.value(), options.max_elements));
    return all;
  }
  std::vector<Array> gradients() const {
    std::vector<Array> all;
    for (const auto& [name, p] : parameters) {
      const Tensor g = p.grad();
      const bool used = g.defined() && is_floating(g.dtype());
      all.push_back(used ? core::summary_sample(g.value(), options.max_elements) : Array());
    }
    return all;
  }

  void before_step() {
    const std::lock_guard lock(mutex);
    const auto at = steps - look;
    if (at < 0) return;
    auto now = values();
    auto gradient = gradients();
    if (at == 1 && !after.empty()) {
      compare_gap(now);
      if (const auto c = cosine(last_gradient, gradient)) push(facts.gradient_cosines, *c);
    }
    before = std::move(now);
    last_gradient = std::move(gradient);
  }

  void after_step() {
    const std::lock_guard lock(mutex);
    const auto at = steps++ - look;
    if (at < 0 || before.empty()) return;
    after = values();
    std::vector<Array> change;
    for (std::size_t i = 0; i < after.size(); ++i) {
      const bool comparable = after[i].shape() == before[i].shape() && after[i].dtype() == before[i].dtype();
      change.push_back(comparable ? after[i] - before[i] : Array());
    }
    if (at == 1) {
      if (const auto c = cosine(last_change, change)) push(facts.step_cosines, *c);
    }
    last_change = std::move(change);
    before.clear();
    if (at == 0) return;
    after.clear(), last_gradient.clear(), last_change.clear();
    // Every second distance is longer by one: what a program does in each n-th step is seen, too.
    look += options.every + (++looks % 2);
  }

  /// Parameters as the last step left them against what the next one finds.
  void compare_gap(const std::vector<Array>& now) {
    bool any = false;
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (same_bytes(now[i], after[i])) continue;
      any = true;
      names.insert(parameters[i].first);
    }
    ++facts.gaps;
    facts.changed_gaps += any ? 1 : 0;
  }

  void on_forward() {
    if (grad_enabled() || modal.empty()) return;
    const std::lock_guard lock(mutex);
    ++facts.evaluations;
    facts.trained_evaluations +=
        std::any_of(modal.begin(), modal.end(), [](const auto& m) { return m.is_training(); }) ? 1 : 0;
  }

  void push(std::vector<double>& series, double value) const {
    if (series.size() == options.history) {  // every second one, as History
      for (std::size_t i = 0; 2 * i < series.size(); ++i) series[i] = series[2 * i];
      series.resize(series.size() / 2);
    }
    series.push_back(value);
  }

  StepWitnessOptions options;
  std::vector<std::pair<std::string, Parameter>> parameters;
  std::vector<nn::ModuleBase> modal;
  std::vector<Array> before, after, last_gradient, last_change;
  std::int64_t steps = 0;
  std::int64_t look = 0;   ///< the next step that is looked at, with the one after it
  std::int64_t looks = 0;  ///< so far
  StepFacts facts;
  std::set<std::string> names;
  std::mutex mutex;
  std::vector<optim::StepHookHandle> step_hooks;
  nn::ModuleHook forward_hook;
};

StepWitness::StepWitness(const nn::ModuleBase& model, const optim::Optimizer& optimizer,
                         const StepWitnessOptions& options)
    : state_(std::make_shared<State>(model, options)) {
  const std::weak_ptr<State> weak = state_.weak();
  state_->step_hooks.push_back(optimizer.register_step_pre_hook([weak](const optim::Optimizer&) {
    if (const auto s = weak.lock()) s->before_step();
  }));
  state_->step_hooks.push_back(optimizer.register_step_post_hook([weak](const optim::Optimizer&) {
    if (const auto s = weak.lock()) s->after_step();
  }));
  state_->forward_hook = model.register_forward_pre_hook([weak](const nn::ModuleBase&, std::span<const Tensor>) {
    if (const auto s = weak.lock()) s->on_forward();
  });
}
StepWitness::StepWitness(StepWitness&&) noexcept = default;
StepWitness::~StepWitness() { detach(); }

void StepWitness::detach() noexcept {
  if (state_ == nullptr) return;
  for (auto& hook : state_->step_hooks) hook.remove();
  state_->step_hooks.clear();
  state_->forward_hook.remove();
}

StepFacts StepWitness::facts() const {
  const std::lock_guard lock(state_->mutex);
  StepFacts facts = state_->facts;
  facts.changed.assign(state_->names.begin(), state_->names.end());
  return facts;
}

}  // namespace newtape::inspect
