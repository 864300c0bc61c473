// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/captured_plan.hpp>

#include <newtape/autograd/autocast.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::detail {

CaptureKey CaptureKey::of(std::span<const Tensor> arguments) {
  CaptureKey key{{}, grad_enabled(), num_threads(), std::this_thread::get_id(), Autocast::is_on()};
  for (const auto& x : arguments) key.arguments.push_back({x.dtype(), x.shape(), x.value().strides()});
  return key;
}

bool CaptureKey::fits(std::span<const Tensor> xs) const {
  if (recording != grad_enabled() || threads != num_threads() || thread != std::this_thread::get_id()) return false;
  if (mixed != Autocast::is_on() || arguments.size() != xs.size()) return false;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const Argument& a = arguments[i];
    if (xs[i].dtype() != a.dtype || xs[i].shape() != a.shape || xs[i].value().strides() != a.strides) return false;
  }
  return true;
}

std::string CapturedPlan::mismatch() const {
  for (const auto& s : states) {
    if (!s->fits()) return s->difference();
  }
  for (const auto& c : conditions) {
    if (!c.holds()) return c.what;
  }
  return {};
}

void CapturedPlan::bind_states() {
  for (auto& s : states) {
    if (s->memory < 0 || !plan.is_used(s->memory)) continue;
    const Array now = s->current();
    plan.bind(s->memory, now.defined() ? const_cast<void*>(now.raw()) : nullptr);  // NOLINT: see make_unique
  }
}

CapturedState& CapturedPlan::state_of(int index) const {
  return **std::find_if(states.begin(), states.end(), [index](const auto& s) { return s->index == index; });
}

class CapturedPlan::FreshMemory {
 public:
  explicit FreshMemory(CapturedPlan& plan) : plan_(plan), results_(plan.plan.kept().size()) {
    for (const int id : plan.plan.fresh()) {
      const core::PlanMemory& m = plan.plan.memories()[static_cast<std::size_t>(id)];
      if (m.kind == core::PlanMemory::next_state) {
        plan.plan.bind(id, plan.state_of(m.index).begin_next());
        continue;
      }
      Array& y = results_[static_cast<std::size_t>(m.index)];
      y = Array::empty(plan.plan.kept()[static_cast<std::size_t>(m.index)].shape, m.dtype);
      plan.plan.bind(id, y.raw());
    }
  }
  FreshMemory(const FreshMemory&) = delete;
  FreshMemory& operator=(const FreshMemory&) = delete;
  ~FreshMemory() {
    for (const int id : plan_.plan.fresh()) {
      const core::PlanMemory& m = plan_.plan.memories()[static_cast<std::size_t>(id)];
      if (m.kind == core::PlanMemory::next_state) plan_.state_of(m.index).drop_next(plan_.plan.has_written(id));
    }
  }
  /// The array of result k.
  Array take(std::size_t k) {
    if (results_[k].defined()) return std::move(results_[k]);
    const core::PlanOperand& y = plan_.plan.kept()[k];
    return y.memory < 0 ? Array() : core::copy(plan_.plan.array(y));
  }

 private:
  CapturedPlan& plan_;
  std::vector<Array> results_;
};

bool CapturedPlan::replay(std::span<const Tensor> arguments, std::vector<Tensor>& results) {
  std::vector<Generator> generators_before;
  generators_before.reserve(generators.size());
  for (const auto& [generator, at_start] : generators) generators_before.push_back(*generator);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    plan.bind(inputs[i], const_cast<void*>(arguments[i].value().raw()));  // NOLINT: only read
  }
  for (auto& s : states) {
    if (s->updated) s->make_unique();
  }
  bind_states();
  changed_ = false;
  FreshMemory fresh(*this);
  if (!plan.run()) {
    if (changed_ || std::any_of(states.begin(), states.end(), [](const auto& s) { return s->updated; })) {
      raise<ValueError>(
          "capture: a test of values has another result than when the function was recorded, and a state "
          "has changed since the start",
          "the same result, or the option fallback", "another one");
    }
    for (std::size_t k = 0; k < generators.size(); ++k) *generators[k].first = generators_before[k];
    return false;
  }
  results.clear();
  results.reserve(plan.kept().size());
  for (std::size_t k = 0; k < plan.kept().size(); ++k) results.emplace_back(fresh.take(k));
  ++runs;
  return true;
}

void CapturedPlan::publish(CapturedState& state, const Array& value) {
  changed_ = true;
  void* const address = state.is_next(value) ? state.store_next() : state.write(value);
  if (state.memory >= 0) plan.bind(state.memory, address);
}

void CapturedPlan::publish_undefined(CapturedState& state) {
  changed_ = true;
  state.store({});
}

void CapturedPlan::call_host(const std::function<void()>& call) {
  changed_ = true;
  if (stand_in != nullptr) {
    stand_in->on_host_call();
  } else {
    call();
  }
  bind_states();
}

}  // namespace newtape::detail
