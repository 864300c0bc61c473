// SPDX-License-Identifier: BSD-3-Clause
// What of a plan need not be executed: calls on constants, which are made once, equal calls, and calls whose results are
// not read. Only calls of kernels and of functions that write a given array are removed: others may raise errors.
#include <newtape/core/capture/plan.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace newtape::core {
namespace {

/// Larger results of calls on constants are computed at each run, in memory that others use, too.
constexpr std::int64_t most_folded = 1 << 18;
/// Constants up to this size are compared.
constexpr std::int64_t most_compared = 1 << 14;

/// Whether the result depends on nothing but the operands' values and layouts: sums, say, have axes, too.
bool is_function_of_operands(const PlanStep& s) {
  if (s.kind == PlanStep::elementwise) return true;
  constexpr std::string_view products[] = {"linear", "linear_bf16", "matmul", "matmul_bf16"};
  return s.kind == PlanStep::computed &&
         std::find(std::begin(products), std::end(products), s.op) != std::end(products);
}

/// What makes two calls equal.
std::string signature(const PlanStep& s) {
  std::string text = s.op + std::to_string(reinterpret_cast<std::uintptr_t>(s.kernel));
  for (const auto* list : {&s.in, &s.out}) {
    for (const auto& x : *list) {
      const bool is_result = list == &s.out;
      text += ";" + std::to_string(is_result ? -1 : x.memory) + "," + std::to_string(is_result ? 0 : x.offset) + "," +
              to_string(x.shape) + to_string(x.strides) + std::to_string(static_cast<int>(x.dtype));
    }
  }
  return text;
}

/// Views of constants up to this size are copied to the order in which kernels read them.
constexpr std::int64_t most_spread_bytes = 1 << 16;
/// Shorter runs of consecutive elements are read slowly.
constexpr std::int64_t short_run = 64;

/// Whether kernels would gather the elements of `x` from short runs.
bool is_scattered(const PlanOperand& x) {
  if (x.is_contiguous()) return false;
  std::int64_t run = 1;
  bool repeats_one = true, consecutive = true;
  for (std::size_t i = x.shape.size(); i-- > 0;) {
    if (x.shape[i] == 1) continue;
    consecutive = consecutive && x.strides[i] == run;
    if (consecutive) run *= x.shape[i];
    repeats_one = repeats_one && x.strides[i] == 0;
  }
  return !repeats_one && run < short_run;
}

}  // namespace

std::vector<int> CallPlan::count_writes() const {
  std::vector<int> writes(memories_.size());
  for (const auto& s : steps_) {
    for (const auto& y : s.out) {
      if (y.memory >= 0) ++writes[static_cast<std::size_t>(y.memory)];
    }
  }
  return writes;
}

bool CallPlan::has_one_value(int memory, const std::vector<int>& writes) const {
  if (memory < 0) return true;
  const auto k = static_cast<std::size_t>(memory);
  const auto kind = memories_[k].kind;
  return kind == PlanMemory::constant || kind == PlanMemory::input || (kind == PlanMemory::scratch && writes[k] == 1);
}

void CallPlan::fold_constants() {
  const auto writes = count_writes();
  const auto memory_of = [&](const PlanOperand& x) -> PlanMemory& {
    return memories_[static_cast<std::size_t>(x.memory)];
  };
  std::erase_if(steps_, [&](const PlanStep& s) {
    const bool makes_numbers = s.kind == PlanStep::recorded && s.in.empty();
    if ((!s.is_kernel() && !makes_numbers) || s.out.size() != 1 || s.out[0].memory < 0) return false;
    const bool known = std::all_of(s.in.begin(), s.in.end(), [&](const PlanOperand& x) {
      return x.memory < 0 || memory_of(x).kind == PlanMemory::constant;
    });
    PlanMemory& result = memory_of(s.out[0]);
    if (!known || result.kind != PlanMemory::scratch || writes[static_cast<std::size_t>(s.out[0].memory)] != 1 ||
        result.bytes() > most_folded) {
      return false;
    }
    constant_bytes_ += result.bytes();
    result.held = Array::empty({result.size}, result.dtype);
    result.base = static_cast<std::byte*>(result.held.raw());
    result.kind = PlanMemory::constant;
    Action action;
    const auto array_at = [&](const PlanOperand& x) {
      if (x.memory < 0) return Array();
      const PlanMemory& m = memory_of(x);
      const Array root = Array::adopt({m.size}, m.dtype, m.base, nullptr, [](void*) {});
      return Array::view_of(root, x.shape, x.strides, x.offset);
    };
    for (const auto& x : s.in) action.in.push_back(array_at(x));
    action.out.push_back(array_at(s.out[0]));
    for (const auto& x : action.in) action.in_list.push_back(&x);
    execute(s, action);
    return true;
  });
}

void CallPlan::spread_constants() {
  std::map<std::string, int> dense;
  for (auto& s : steps_) {
    if (s.kind != PlanStep::elementwise) continue;
    for (auto& x : s.in) {
      if (x.memory < 0 || memories_[static_cast<std::size_t>(x.memory)].kind != PlanMemory::constant) continue;
      const std::int64_t n = element_count(x.shape);
      const std::int64_t bytes = n * static_cast<std::int64_t>(item_size(x.dtype));
      if (n == 0 || bytes > most_spread_bytes || !is_scattered(x)) continue;
      const std::string view = std::to_string(x.memory) + "," + std::to_string(x.offset) + to_string(x.shape) +
                               to_string(x.strides) + std::string(name(x.dtype));
      const auto [at, is_new] = dense.try_emplace(view, -1);
      if (is_new) {
        const PlanMemory& m = memories_[static_cast<std::size_t>(x.memory)];
        const Array root = Array::adopt({m.size}, m.dtype, m.base, nullptr, [](void*) {});
        Array held = copy(Array::view_of(root, x.shape, x.strides, x.offset));
        constant_bytes_ += bytes;
        auto* const base = static_cast<std::byte*>(held.raw());
        at->second = add_memory(
            {.kind = PlanMemory::constant, .dtype = x.dtype, .size = n, .held = std::move(held), .base = base});
      }
      x = {at->second, 0, x.dtype, x.shape, contiguous_strides(x.shape)};
    }
  }
}

void CallPlan::join_equal_calls() {
  const auto writes = count_writes();
  std::vector<int> same_as(memories_.size());
  for (std::size_t k = 0; k < same_as.size(); ++k) same_as[k] = static_cast<int>(k);
  const auto rename = [&](PlanOperand& x) {
    if (x.memory >= 0) x.memory = same_as[static_cast<std::size_t>(x.memory)];
  };
  const auto is_fixed = [&](const PlanOperand& x) { return has_one_value(x.memory, writes); };
  // Equal constants first.
  std::map<std::string, int> constants;
  for (std::size_t k = 0; k < memories_.size(); ++k) {
    const PlanMemory& m = memories_[k];
    if (m.kind != PlanMemory::constant || m.bytes() == 0 || m.bytes() > most_compared) continue;
    std::string bits(reinterpret_cast<const char*>(m.base), static_cast<std::size_t>(m.bytes()));
    same_as[k] = constants.try_emplace(std::move(bits) + std::string(name(m.dtype)), static_cast<int>(k)).first->second;
  }
  std::map<std::string, int> known;
  int host_calls = 0;  // which may change states
  std::erase_if(steps_, [&](PlanStep& s) {
    for (auto& x : s.in) rename(x);
    if (s.kind == PlanStep::host) ++host_calls;
    if (!is_function_of_operands(s) || s.out[0].memory < 0) return false;
    bool reads_states = false;
    const bool fixed = is_fixed(s.out[0]) && std::all_of(s.in.begin(), s.in.end(), [&](const PlanOperand& x) {
                         if (is_fixed(x)) return true;
                         const auto k = static_cast<std::size_t>(x.memory);
                         if (memories_[k].kind != PlanMemory::state || writes[k] != 0) return false;
                         return reads_states = true;
                       });
    if (!fixed || memories_[static_cast<std::size_t>(s.out[0].memory)].kind != PlanMemory::scratch) return false;
    const std::string what = signature(s) + (reads_states ? "@" + std::to_string(host_calls) : "");
    const auto [at, is_new] = known.try_emplace(what, s.out[0].memory);
    if (!is_new) same_as[static_cast<std::size_t>(s.out[0].memory)] = at->second;
    return !is_new;
  });
  for (auto& x : kept_) rename(x);
}

void CallPlan::drop_unread_results() {
  std::vector<bool> read(memories_.size());
  const auto mark = [&](const PlanOperand& x) {
    if (x.memory >= 0) read[static_cast<std::size_t>(x.memory)] = true;
  };
  for (const auto& x : kept_) mark(x);
  std::vector<PlanStep> needed;
  for (std::size_t i = steps_.size(); i-- > 0;) {
    PlanStep& s = steps_[i];
    const bool is_read = std::any_of(s.out.begin(), s.out.end(), [&](const PlanOperand& y) {
      if (y.memory < 0) return false;
      const auto k = static_cast<std::size_t>(y.memory);
      return read[k] || memories_[k].kind != PlanMemory::scratch;
    });
    if (s.is_kernel() && !is_read) continue;
    for (const auto& x : s.in) mark(x);
    // A call that updates its results in place reads them, too.
    if (s.kind == PlanStep::updated) {
      for (const auto& y : s.out) mark(y);
    }
    needed.push_back(std::move(s));
  }
  std::reverse(needed.begin(), needed.end());
  steps_ = std::move(needed);
}

void CallPlan::simplify() {
  recorded_steps_ = steps_.size();
  fold_constants();
  spread_constants();
  join_equal_calls();
  if (share_slopes()) join_equal_calls();
  use_residuals();
  drop_unread_results();
}

}  // namespace newtape::core
