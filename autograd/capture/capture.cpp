// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/capture.hpp>

#include <newtape/autograd/capture/captured_plan.hpp>
#include <newtape/autograd/capture/plan_check.hpp>
#include <newtape/autograd/capture/plan_text.hpp>
#include <newtape/autograd/capture/session.hpp>
#include <newtape/autograd/observe/backward_observer.hpp>
#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::detail {

struct CapturedFunction::Impl {
  Function f;
  CaptureOptions options;
  SourceLocation made_at;
  CaptureCounts counts;
  std::vector<std::unique_ptr<CapturedPlan>> plans;  ///< the latest last
  std::vector<CaptureKey> refused;                   ///< keys whose function cannot be recorded
  std::string reason;                                ///< why the last call was eager

  /// Notes that calls like this one cannot be recorded, for as many kinds of calls as there may be plans.
  void refuse(CaptureKey key) {
    if (refused.size() >= static_cast<std::size_t>(8 * std::max(1, options.max_plans))) refused.erase(refused.begin());
    refused.push_back(std::move(key));
  }

  std::vector<Tensor> eager(std::span<const Tensor> arguments, const std::string& why) {
    reason = why;
    ++counts.eager;
    auto results = f(arguments);
    for (auto& y : results) y = y.detach();
    return results;
  }

  /// The plans that are valid for a call, those that were checked first.
  std::vector<CapturedPlan*> find(std::span<const Tensor> arguments) {
    std::vector<CapturedPlan*> valid;
    for (const auto& plan : plans) {
      if (!plan->key.fits(arguments)) continue;
      std::string why = plan->mismatch();
      if (why.empty()) {
        valid.insert(plan->checked ? valid.begin() : valid.end(), plan.get());
      } else {
        reason = std::move(why);
      }
    }
    return valid;
  }

  /// Whether nearly every call records a new plan.
  bool is_thrashing() const {
    return counts.recorded >= 8 * std::max(1, options.max_plans) && counts.recorded > counts.replayed;
  }

  void erase(const CapturedPlan* plan) {
    std::erase_if(plans, [plan](const auto& p) { return p.get() == plan; });
  }

  std::vector<Tensor> record(std::span<const Tensor> arguments) {
    auto plan = std::make_unique<CapturedPlan>();
    CaptureSession session(*plan, options.fallback);
    ++counts.recorded;
    auto results = session.run(f, arguments);
    if (!session.failure().empty()) {
      reason = session.failure();
      refuse(CaptureKey::of(arguments));
      return results;
    }
    plan->key = CaptureKey::of(arguments);
    std::vector<core::CallPlan::Replaceable> gradients;
    for (const auto& s : plan->states) {
      if (s->is_gradient()) gradients.push_back({s->index, s->replaced_from});
    }
    plan->plan.finish(gradients);
    plan->checked = !options.check;
    if (static_cast<int>(plans.size()) >= std::max(1, options.max_plans)) plans.erase(plans.begin());
    plans.push_back(std::move(plan));
    return results;
  }

  std::vector<Tensor> check(CapturedPlan& plan, std::span<const Tensor> arguments) {
    ++counts.checked;
    PlanCheck compared(plan);
    auto results = compared.run(f, arguments);
    plan.checked = compared.difference().empty();
    if (plan.checked) return results;
    if (compared.difference() == test_of_values) {
      if (++plan.misses == 3) erase(&plan);
      return results;
    }
    const std::string what = "a difference in " + compared.difference();
    const CaptureKey key = plan.key;
    erase(&plan);
    if (!options.fallback) {
      const CallSite site(made_at);
      raise<ValueError>("capture: the replay differs from the function",
                        "a function that computes the same each time; what changes (tensors and numbers from outside) "
                        "as an argument",
                        what);
    }
    reason = what;
    refuse(key);
    return results;
  }
};

void raise_empty_capture(SourceLocation made_at) {
  const CallSite site(made_at);
  raise<ValueError>("capture: the function is empty", "a function of tensors", "an empty one");
}

CapturedFunction::CapturedFunction(Function f, const CaptureOptions& options, SourceLocation made_at)
    : impl_(std::make_unique<Impl>(Impl{std::move(f), options, made_at, {}, {}, {}, {}})) {}
CapturedFunction::CapturedFunction(CapturedFunction&&) noexcept = default;
CapturedFunction& CapturedFunction::operator=(CapturedFunction&&) noexcept = default;
CapturedFunction::~CapturedFunction() = default;

std::vector<Tensor> CapturedFunction::call(std::vector<Tensor> arguments) {
  Impl& self = *impl_;
  for (const auto& x : arguments) {
    if (x.defined() && !x.requires_grad()) continue;
    const CallSite site(self.made_at);
    if (!x.defined()) raise<ValueError>("capture: an argument is undefined", "a defined tensor", "an undefined one");
    raise<ValueError>("capture: arguments must be constants", "a tensor without a gradient",
                      "a variable or a recorded result of shape " + to_string(x.shape()));
  }
  if (instrumented() != 0) return self.eager(arguments, "anomaly detection, an observer or a tracer is on");
  if (LayerObserver::current() != nullptr || backward_is_observed.load(std::memory_order_relaxed)) {
    return self.eager(arguments, "an observer of layers or of sweeps is on");
  }
  if (core::recorder() != nullptr || state_observer != nullptr) {  // part of another captured function
    auto results = self.f(arguments);
    for (auto& y : results) y = y.detach();
    return results;
  }
  if (std::any_of(self.refused.begin(), self.refused.end(), [&](const auto& key) { return key.fits(arguments); })) {
    return self.eager(arguments, self.reason);
  }
  std::vector<Tensor> results;
  for (CapturedPlan* plan : self.find(arguments)) {
    const bool due = self.options.check_every > 0 && (plan->runs + 1) % self.options.check_every == 0;
    if (!plan->checked || due) return self.check(*plan, arguments);
    if (plan->replay(arguments, results)) {
      ++self.counts.replayed;
      return results;
    }
    self.reason = test_of_values;
  }
  if (self.is_thrashing()) {
    self.refuse(CaptureKey::of(arguments));
    return self.eager(arguments, "recorded too often: " + self.reason);
  }
  return self.record(arguments);
}

CaptureCounts CapturedFunction::counts() const noexcept { return impl_->counts; }

std::string CapturedFunction::plan() const {
  std::string text;
  for (const auto& plan : impl_->plans) text += plan_text(*plan);
  if (impl_->plans.empty() || !impl_->refused.empty()) text += "capture: not recorded: " + impl_->reason + "\n";
  return text;
}

std::string CapturedFunction::plan_to_dot() const {
  return impl_->plans.empty() ? "digraph {}\n" : newtape::detail::plan_to_dot(*impl_->plans.back());
}

}  // namespace newtape::detail
