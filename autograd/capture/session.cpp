// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/session.hpp>

#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace newtape::detail {
namespace {

/// A copy with the same strides.
Array in_own_memory(const Array& x) {
  if (x.size() == 0) return x;
  std::int64_t low = 0, high = 0;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const auto span = (x.shape()[i] - 1) * x.strides()[i];
    (span < 0 ? low : high) += span;
  }
  const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
  Array all = Array::empty({high - low + 1}, x.dtype());
  std::memcpy(all.raw(), static_cast<const std::byte*>(x.raw()) + low * item,
              static_cast<std::size_t>(all.size() * item));
  return Array::view_of(all, x.shape(), x.strides(), -low);
}

}  // namespace

std::vector<Tensor> CaptureSession::run(const Captured& f, std::span<const Tensor> given) {
  // Arrays are known by their memory: that of an argument may be that of another one, of a parameter or a captured tensor,
  // from which a later call's argument differs.
  std::vector<Tensor> arguments;
  for (const auto& x : given) arguments.emplace_back(in_own_memory(x.value()));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    plan_.inputs.push_back(recorder_.add_input(arguments[i].value(), static_cast<int>(i)));
  }
  recorder_.enter(__builtin_frame_address(0));
  const Generator at_start = default_generator();
  std::vector<Tensor> results;
  {
    const core::Recording on(&recorder_);
    const StateObserving observed(this);
    results = f(arguments);
    for (auto& y : results) y = y.detach();
  }
  drop_local_gradients();
  publish_changes();
  for (const auto& y : results) plan_.plan.keep(recorder_.operand(y.value()));
  for (const auto& step : plan_.plan.steps()) {
    if (step.kind != core::PlanStep::updated) continue;
    for (const auto& s : plan_.states) {
      for (const auto& y : step.out) s->updated |= y.memory >= 0 && y.memory == s->memory;
    }
  }
  std::erase_if(plan_.states, [](const auto& s) { return s->dropped; });
  plan_.generators = recorder_.generators();
  for (const auto& [generator, first] : plan_.generators) {
    const bool same = first.seed() == at_start.seed() && first.position() == at_start.position();
    if (generator == &default_generator() && !same) refuse("a generator that is set while the function runs");
  }
  const bool draws = std::any_of(plan_.generators.begin(), plan_.generators.end(),
                                 [](const auto& g) { return g.first == &default_generator(); });
  const Generator& now = default_generator();
  const bool unmoved = now.seed() == at_start.seed() && now.position() == at_start.position();
  if (!recorder_.generators_are_known() || (!draws && !unmoved)) refuse("random numbers that are drawn on the host");
  return results;
}

void CaptureSession::drop_local_gradients() {
  for (std::size_t k = 0; k < plan_.states.size(); ++k) {
    CapturedState& s = *plan_.states[k];
    if (!s.is_local_gradient()) continue;
    s.dropped = true;
    if (!plan_.plan.erase_state(static_cast<int>(k), s.memory)) {
      refuse("the gradient of a local variable after a call on the host");
    }
    s.memory = -1;
  }
}

CapturedState& CaptureSession::add(std::unique_ptr<CapturedState> state, const Array& now) {
  CapturedState& s = *plan_.states.emplace_back(std::move(state));
  known_.emplace(s.key(), &s);
  s.index = static_cast<int>(plan_.states.size()) - 1;
  if (now.defined()) s.memory = recorder_.add_state(now, s.index);
  return s;
}

void CaptureSession::on_value(const SharedCell<Tensor>& cell) {
  if (known_.count(cell.get()) != 0 || !cell->defined()) return;
  if (!cell->value().reusable()) {
    // A captured tensor that shares the memory is a constant, also when the state changes.
    const core::Recording off(nullptr);
    *cell = Tensor(in_own_memory(cell->value()), cell->node());
  }
  add(std::make_unique<CapturedState>(cell), cell->value());
}

void CaptureSession::on_gradient(Node& node, bool replaced) {
  if (known_.count(&node) != 0) return;
  if (node.op != nullptr) return;  // of a result: it does not outlive the function
  if (node.grad_hooks != nullptr && !node.grad_hooks->hooks.empty()) give_up("a hook on a gradient");
  auto state = std::make_unique<CapturedState>(node);
  state->start_matters = !replaced;
  if (replaced) state->replaced_from = static_cast<int>(plan_.plan.steps().size());
  state->published_undefined = !state->defined_at_start;
  const Array now = state->current();
  add(std::move(state), now);
}

void CaptureSession::on_condition(const void* key, const std::string& what, std::function<bool()> holds) {
  if (conditions_.insert(key).second) plan_.conditions.push_back({what, std::move(holds)});
}

void CaptureSession::publish(CapturedState& state, const Array& now) {
  CapturedPlan& plan = plan_;
  if (state.memory >= 0) recorder_.preserve(state.memory);
  recorder_.add_host(
      "store", {recorder_.operand(now)}, [&plan, &state](core::Operands in) { plan.publish(state, *in[0]); },
      state.index);
  // From now on the state has memory of its own, as in a replay.
  const core::Recording off(nullptr);
  const StateObserving unobserved(nullptr);
  const Array own = core::copy(now);
  state.store(own);
  if (state.memory < 0) {
    state.memory = recorder_.add_state(own, state.index);
  } else {
    recorder_.move_state(state.memory, own);
  }
}

void CaptureSession::publish_changes() {
  CapturedPlan& plan = plan_;
  for (const auto& s : plan_.states) {
    CapturedState& state = *s;
    if (state.dropped) continue;
    const Array now = state.current();
    if (!now.defined()) {
      if (state.published_undefined) continue;
      state.published_undefined = true;
      recorder_.add_host(
          "clear", {}, [&plan, &state](core::Operands) { plan.publish_undefined(state); }, state.index);
      continue;
    }
    state.published_undefined = false;
    if (state.memory < 0 || !recorder_.is_on(now, state.memory)) publish(state, now);
  }
}

void CaptureSession::on_host_call(const char* name, const void* object, const std::function<void()>& call) {
  if (recorder_.is_local(object)) refuse(std::string(name) + " of an object that is local to the function");
  publish_changes();
  for (const auto& s : plan_.states) {
    if (s->memory >= 0) recorder_.preserve(s->memory);
  }
  CapturedPlan& plan = plan_;
  recorder_.add_host(name, {}, [&plan, call](core::Operands) { plan.call_host(call); });
  {
    const StateObserving unobserved(nullptr);
    recorder_.run_host(call);
  }
  for (const auto& s : plan_.states) {
    const Array now = s->current();
    s->published_undefined = !now.defined();
    if (!now.defined()) continue;
    if (s->memory < 0) {
      s->memory = recorder_.add_state(now, s->index);
    } else {
      recorder_.move_state(s->memory, now);
    }
  }
}

}  // namespace newtape::detail
