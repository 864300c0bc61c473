// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/capture/plan.hpp>

#include <newtape/core/kernels/elementwise.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace newtape::core {
namespace {

constexpr std::int64_t alignment = 64;

std::int64_t bytes_of(const PlanMemory& m) { return m.size * static_cast<std::int64_t>(item_size(m.dtype)); }

std::int64_t aligned(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

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
  if (from.raw() == to.raw() || to.size() == 0) return;
  if (from.is_contiguous() && to.is_contiguous()) {
    std::memcpy(to.raw(), from.raw(), static_cast<std::size_t>(to.size()) * item_size(to.dtype()));
    return;
  }
  Array target = distinct(to);
  if (target.shape() == to.shape()) return assign(target, from);
  assign(target, Array::view_of(from, target.shape(), from.strides()));
}

}  // namespace

int CallPlan::add_memory(PlanMemory memory) {
  memories_.push_back(std::move(memory));
  return static_cast<int>(memories_.size()) - 1;
}

void CallPlan::add_step(PlanStep step) { steps_.push_back(std::move(step)); }

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

void CallPlan::find_lifetimes() {
  const auto use = [&](const PlanOperand& x, std::size_t step) {
    if (x.memory < 0) return;
    auto& m = memories_[static_cast<std::size_t>(x.memory)];
    if (m.first < 0) m.first = static_cast<int>(step);
    m.last = static_cast<int>(step);
  };
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const auto& x : steps_[i].in) use(x, i);
    for (const auto& x : steps_[i].out) use(x, i);
  }
  for (const auto& x : kept_) use(x, steps_.size());
}

std::int64_t CallPlan::scratch_bytes() const noexcept {
  std::int64_t sum = 0;
  for (const auto& m : memories_) {
    if (m.kind == PlanMemory::scratch && m.first >= 0) sum += aligned(bytes_of(m));
  }
  return sum;
}

void CallPlan::lay_out() {
  // First fit among the blocks that live at the same time, the largest first (as in the planners of inference engines,
  // e.g. Pisarchyk & Lee 2020, greedy by size).
  std::vector<PlanMemory*> order;
  for (auto& m : memories_) {
    if (m.kind == PlanMemory::scratch && m.first >= 0 && m.size > 0) order.push_back(&m);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const PlanMemory* a, const PlanMemory* b) { return bytes_of(*a) > bytes_of(*b); });
  std::vector<const PlanMemory*> placed;  // by offset
  arena_bytes_ = 0;
  for (auto* m : order) {
    std::int64_t offset = 0;
    for (const auto* p : placed) {
      if (p->last < m->first || m->last < p->first) continue;
      if (offset + aligned(bytes_of(*m)) <= p->offset) break;
      offset = std::max(offset, p->offset + aligned(bytes_of(*p)));
    }
    m->offset = offset;
    arena_bytes_ = std::max(arena_bytes_, offset + aligned(bytes_of(*m)));
    placed.insert(std::upper_bound(placed.begin(), placed.end(), m,
                                   [](const PlanMemory* a, const PlanMemory* b) { return a->offset < b->offset; }),
                  m);
  }
}

void CallPlan::finish() {
  simplify();
  find_lifetimes();
  lay_out();
  arena_ = Array::empty({arena_bytes_}, boolean);
  roots_.resize(memories_.size());
  users_.resize(memories_.size());
  actions_.resize(steps_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const auto* list : {&steps_[i].in, &steps_[i].out}) {
      for (const auto& x : *list) {
        if (x.memory < 0) continue;
        auto& users = users_[static_cast<std::size_t>(x.memory)];
        if (users.empty() || users.back() != static_cast<int>(i)) users.push_back(static_cast<int>(i));
      }
    }
  }
  finished_ = true;
  for (std::size_t k = 0; k < memories_.size(); ++k) {
    auto& m = memories_[k];
    if (m.kind == PlanMemory::scratch) m.base = static_cast<std::byte*>(arena_.raw()) + m.offset;
    roots_[k] = Array::adopt({m.size}, m.dtype, m.base, nullptr, [](void*) {});
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) prepare(i);
}

void CallPlan::bind(int memory, void* base) {
  const auto k = static_cast<std::size_t>(memory);
  auto& m = memories_[k];
  if (m.base == base) return;
  m.base = static_cast<std::byte*>(base);
  roots_[k] = Array::adopt({m.size}, m.dtype, m.base, nullptr, [](void*) {});
  for (const int step : users_[k]) prepare(static_cast<std::size_t>(step));
}

Array CallPlan::array(const PlanOperand& x) const {
  if (x.memory < 0) return {};
  return Array::view_of(roots_[static_cast<std::size_t>(x.memory)], x.shape, x.strides, x.offset);
}

void CallPlan::prepare(std::size_t i) {
  const PlanStep& step = steps_[i];
  Action& a = actions_[i];
  a.in.clear();
  a.out.clear();
  for (const auto& x : step.in) a.in.push_back(array(x));
  for (const auto& x : step.out) a.out.push_back(array(x));
  a.in_list.clear();
  a.out_list.clear();
  for (const auto& x : a.in) a.in_list.push_back(&x);
  for (auto& x : a.out) a.out_list.push_back(&x);
  if (step.kind == PlanStep::elementwise) prepare_kernel(step, a);
}

void CallPlan::prepare_kernel(const PlanStep& step, Action& a) const {
  a.kernel = nullptr;
  Array& y = a.out[0];
  if (!y.is_contiguous() || y.size() > kernels::parallel_grain || y.size() == 0) return;
  a.scalars = 0;
  for (std::size_t k = 0; k < a.in.size(); ++k) {
    const Array& x = a.in[k];
    const bool whole = x.is_contiguous() && x.size() == y.size();
    if (!whole && x.size() != 1) return;
    if (!whole) a.scalars |= 1U << k;
    a.sources[k] = x.raw();
  }
  a.n = y.size();
  a.target = y.raw();
  a.kernel = step.kernel;
}

bool CallPlan::execute(const PlanStep& step, Action& a) {
  switch (step.kind) {
    case PlanStep::elementwise: kernels::call_into(step.kernel, a.in_list, a.out[0]); return true;
    case PlanStep::computed: step.compute(a.in_list, a.out[0]); return true;
    case PlanStep::recorded:
    case PlanStep::drawn: {
      const std::vector<Array> results = step.call(a.in_list);
      for (std::size_t k = 0; k < a.out.size(); ++k) {
        if (!a.out[k].defined()) continue;
        if (results[k].shape() != a.out[k].shape() || results[k].dtype() != a.out[k].dtype()) return false;
        copy_result(results[k], a.out[k]);
      }
      return true;
    }
    case PlanStep::updated: step.update(a.out_list, a.in_list); return true;
    case PlanStep::decided: return step.test(a.in_list) == step.expected;
    case PlanStep::host: step.host_call(a.in_list); return true;
  }
  return true;
}

bool CallPlan::run() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Action& a = actions_[i];
    if (a.kernel != nullptr) {
      a.kernel(a.sources, a.target, a.n, a.scalars);
    } else if (!execute(steps_[i], a)) {
      return false;
    }
  }
  return true;
}

}  // namespace newtape::core
