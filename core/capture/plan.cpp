// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/capture/plan.hpp>

#include <newtape/core/fuse/program.hpp>
#include <newtape/core/kernels/elementwise.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace newtape::core {
namespace {

/// The elements of `x` that are stored once: axes that repeat them are dropped to length 1.
Array distinct(const Array& x) {
  Shape shape = x.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (x.strides()[i] == 0) shape[i] = std::min<std::int64_t>(shape[i], 1);
  }
  return Array::view_of(x, shape, x.strides());
}

/// to[...] = from, where `to` may repeat elements as `from` does.
void copy_result(const Array& from, Array& to) {
  if (from.is_contiguous() && to.is_contiguous()) {
    std::memcpy(to.raw(), from.raw(), static_cast<std::size_t>(to.size()) * item_size(to.dtype()));
    return;
  }
  Array target = distinct(to);
  if (target.shape() == to.shape()) return assign(target, from);
  assign(target, Array::view_of(from, target.shape(), from.strides()));
}

/// A function and its slope at contiguous places.
void compute_pair(kernels::SlopePair pair, const Array& x, Array& y, Array& slope) {
  const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
  newtape::detail::parallel_for(x.size(), kernels::parallel_grain, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * item;
    pair(static_cast<const std::byte*>(x.raw()) + at, static_cast<std::byte*>(y.raw()) + at,
         static_cast<std::byte*>(slope.raw()) + at, end - begin);
  });
}

/// An array on memory that something else owns.
Array on_memory(const PlanMemory& m) {
  return Array::adopt({m.size}, m.dtype, m.base, nullptr, [](void*) {});
}

}  // namespace

bool PlanOperand::is_contiguous() const {
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

int CallPlan::add_memory(PlanMemory memory) {
  memories_.push_back(std::move(memory));
  return static_cast<int>(memories_.size()) - 1;
}

void CallPlan::add_step(PlanStep step) {
  step.number = static_cast<int>(steps_.size());
  steps_.push_back(std::move(step));
}

bool CallPlan::erase_state(int state, int memory) {
  std::vector<int> gone{memory};
  const auto is_gone = [&](const PlanOperand& x) {
    return x.memory >= 0 && std::find(gone.begin(), gone.end(), x.memory) != gone.end();
  };
  std::erase_if(steps_, [&](const PlanStep& s) {
    if (s.kind == PlanStep::host) return s.state == state;
    if (!s.preserves || !is_gone(s.in[0])) return false;
    gone.push_back(s.out[0].memory);
    return true;
  });
  return std::none_of(steps_.begin(), steps_.end(), [&](const PlanStep& s) {
    return std::any_of(s.in.begin(), s.in.end(), is_gone) || std::any_of(s.out.begin(), s.out.end(), is_gone);
  });
}

void CallPlan::finish(const std::vector<Replaceable>& states) {
  simplify();
  fuse_chains();
  std::optional<CallPlan> masked = with_masks();
  place(states);
  if (masked) {
    // Masks take a pass over the operand: not for a few percent of the memory.
    masked->place(states);
    if (masked->arena_bytes_ < arena_bytes_ - arena_bytes_ / 16) *this = std::move(*masked);
  }
  arena_ = Array::empty({arena_bytes_}, boolean);
  roots_.resize(memories_.size());
  residents_.resize(memories_.size());
  actions_.resize(steps_.size());
  find_users();
  finished_ = true;
  for (std::size_t k = 0; k < memories_.size(); ++k) {
    const auto& m = memories_[k];
    if (m.kind != PlanMemory::scratch) {
      set_base(k, m.base);
    } else if (m.region < 0) {
      set_base(k, static_cast<std::byte*>(arena_.raw()) + m.offset);
    } else {
      residents_[static_cast<std::size_t>(m.region)].push_back(static_cast<int>(k));
      set_base(k, nullptr);
    }
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    choose_kernel_call(steps_[i], actions_[i]);
    if (steps_[i].kind == PlanStep::fused) make_program(steps_[i], actions_[i]);
    prepare(i);
  }
}

void CallPlan::place(const std::vector<Replaceable>& states) {
  find_lifetimes();
  find_fresh(states);
  overwrite_operands();
  lay_out();
}

void CallPlan::find_users() {
  users_.resize(memories_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const auto* list : {&steps_[i].in, &steps_[i].out}) {
      for (const auto& x : *list) {
        if (x.memory < 0) continue;
        auto& users = users_[static_cast<std::size_t>(x.memory)];
        if (users.empty() || users.back() != static_cast<int>(i)) users.push_back(static_cast<int>(i));
      }
    }
  }
}

void CallPlan::set_base(std::size_t k, std::byte* base) {
  memories_[k].base = base;
  roots_[k] = on_memory(memories_[k]);
}

void CallPlan::bind(int memory, void* base) {
  const auto k = static_cast<std::size_t>(memory);
  auto* const at = static_cast<std::byte*>(base);
  if (memories_[k].base == at) return;
  set_base(k, at);
  for (const int step : users_[k]) prepare(static_cast<std::size_t>(step));
  for (const int r : residents_[k]) bind(r, at + memories_[static_cast<std::size_t>(r)].offset);
}

Array CallPlan::array(const PlanOperand& x) const {
  if (x.memory < 0) return {};
  return Array::view_of(roots_[static_cast<std::size_t>(x.memory)], x.shape, x.strides, x.offset);
}

std::byte* CallPlan::address(const PlanOperand& x) const {
  return memories_[static_cast<std::size_t>(x.memory)].base + x.offset * static_cast<std::int64_t>(item_size(x.dtype));
}

void CallPlan::prepare(std::size_t i) {
  const PlanStep& step = steps_[i];
  Action& a = actions_[i];
  if (a.kernel != nullptr || a.program) return set_addresses(step, a);
  a.in.clear();
  a.out.clear();
  for (const auto& x : step.in) a.in.push_back(array(x));
  for (const auto& x : step.out) a.out.push_back(array(x));
  a.in_list.clear();
  a.out_list.clear();
  for (const auto& x : a.in) a.in_list.push_back(&x);
  for (auto& x : a.out) a.out_list.push_back(&x);
  a.wanted.clear();
  for (std::size_t k = 0; k < step.allocations.size(); ++k) {
    if (step.allocations[k] < 0) continue;
    const PlanMemory& m = memories_[static_cast<std::size_t>(step.out[k].memory)];
    a.wanted.push_back({static_cast<std::size_t>(step.allocations[k]), m.base, static_cast<std::size_t>(m.bytes())});
  }
}

void CallPlan::set_addresses(const PlanStep& step, Action& a) const {
  if (a.program) {
    for (std::size_t k = 0; k < step.in.size(); ++k) a.program->read_from(static_cast<int>(k), address(step.in[k]));
    for (std::size_t k = 0; k < step.calls.size(); ++k) {
      const FusedCall& c = step.calls[k];
      if (c.out < 0) continue;
      a.program->write_to(static_cast<int>(step.in.size() + k), address(step.out[static_cast<std::size_t>(c.out)]));
    }
    return;
  }
  for (std::size_t k = 0; k < step.in.size(); ++k) a.sources[k] = address(step.in[k]);
  a.target = address(step.out[0]);
}

/// Operands that are whole, one element, or a block that is repeated along leading axes need no loop of their own.
void CallPlan::choose_kernel_call(const PlanStep& step, Action& a) const {
  if (step.kind != PlanStep::elementwise) return;
  const PlanOperand& y = step.out[0];
  const std::int64_t size = element_count(y.shape);
  if (!y.is_contiguous() || size > kernels::parallel_grain || size == 0) return;
  std::int64_t row = size;
  for (const auto& x : step.in) {
    const std::int64_t n = element_count(x.shape);
    if (n == 1 || n == size) continue;
    const bool trails = x.shape.size() <= y.shape.size() &&
                        std::equal(x.shape.begin(), x.shape.end(), y.shape.end() - std::ssize(x.shape));
    if (!trails || n < 16 || (row != size && row != n)) return;
    row = n;
  }
  a.scalars = 0;
  for (std::size_t k = 0; k < step.in.size(); ++k) {
    const PlanOperand& x = step.in[k];
    const std::int64_t n = element_count(x.shape);
    const auto bytes = row * static_cast<std::int64_t>(item_size(x.dtype));
    if (n == 1 && size != 1) {
      a.scalars |= 1U << k;
      a.steps[k] = 0;
    } else {
      if (!x.is_contiguous()) return;
      a.steps[k] = n == size ? bytes : 0;
    }
  }
  if (step.in.size() == 1 && a.scalars != 0) return;  // kernels of one operand take no scalars
  a.n = row;
  a.repeats = size / row;
  a.target_step = row * static_cast<std::int64_t>(item_size(y.dtype));
  a.kernel = step.kernel;
}

void CallPlan::make_program(const PlanStep& step, Action& a) const {
  std::vector<BlockValue> values;
  for (const auto& x : step.in) {
    BlockValue v{.dtype = x.dtype};
    if (const Array all = array(x); is_uniform(all)) {
      static constexpr std::byte unset[8] = {};
      v.scalar = unset;
    } else {
      v.operand = all;
    }
    values.push_back(std::move(v));
  }
  for (const auto& c : step.calls) values.push_back({.dtype = c.dtype, .made = c.call, .wanted = c.out >= 0});
  a.program.emplace(values, step.out[0].shape);
}

/// The call as it was recorded. Its results are allocated where they are wanted; those that are not are copied.
bool CallPlan::call_again(const PlanStep& step, Action& a) {
  a.placement.wanted = a.wanted;
  a.placement.count = 0;
  std::vector<Array> results = [&] {
    const newtape::detail::Placing placing(a.placement);
    return step.call(a.in_list);
  }();
  const auto is_elsewhere = [&](std::size_t k) {
    return a.out[k].defined() && results[k].raw() != a.out[k].raw() && results[k].size() != 0;
  };
  for (std::size_t k = 0; k < a.out.size(); ++k) {
    if (!a.out[k].defined()) continue;
    if (results[k].shape() != a.out[k].shape() || results[k].dtype() != a.out[k].dtype()) return false;
    // It may lie where another result is wanted.
    if (is_elsewhere(k) && a.placement.alive > 0) results[k] = copy(results[k]);
  }
  for (std::size_t k = 0; k < a.out.size(); ++k) {
    if (is_elsewhere(k)) copy_result(results[k], a.out[k]);
  }
  results.clear();
  assert(a.placement.alive == 0 && "a function keeps arrays that it makes, beyond its results");
  return true;
}

bool CallPlan::execute(const PlanStep& step, Action& a) {
  switch (step.kind) {
    case PlanStep::elementwise: kernels::call_into(step.kernel, a.in_list, a.out[0]); return true;
    case PlanStep::fused: a.program->run(); return true;
    case PlanStep::paired: compute_pair(step.pair, a.in[0], a.out[0], a.out[1]); return true;
    case PlanStep::computed: step.compute(a.in_list, a.out[0]); return true;
    case PlanStep::recorded:
    case PlanStep::drawn: return call_again(step, a);
    case PlanStep::written:
    case PlanStep::updated: step.update(a.out_list, a.in_list); return true;
    case PlanStep::decided: return step.test(a.in_list) == step.expected;
    case PlanStep::host: step.host_call(a.in_list); return true;
  }
  return true;
}

bool CallPlan::run() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Action& a = actions_[i];
    position_ = static_cast<int>(i);
    if (a.kernel == nullptr) {
      if (!execute(steps_[i], a)) return false;
      continue;
    }
    const void* in[max_operands] = {a.sources[0], a.sources[1], a.sources[2]};
    a.kernel(in, a.target, a.n, a.scalars);
    for (std::int64_t r = 1; r < a.repeats; ++r) {
      for (int k = 0; k < max_operands; ++k) in[k] = a.sources[k] + r * a.steps[k];
      a.kernel(in, a.target + r * a.target_step, a.n, a.scalars);
    }
  }
  return true;
}

}  // namespace newtape::core
