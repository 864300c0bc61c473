// SPDX-License-Identifier: BSD-3-Clause
// Kernels on large arrays of one shape that follow one another become one step, which executes them block by block, so that
// values that nothing else reads take no memory. A kernel waits for those that it may be joined with until something needs
// its result.
#include <newtape/core/capture/plan.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

namespace newtape::core {
namespace {

/// Smaller arrays stay in the L1 cache from one kernel to the next.
constexpr std::int64_t least_bytes = 24576;
/// More values at a time would not.
constexpr std::size_t most_operands = 16, most_calls = 48;

bool repeats_one(const PlanOperand& x) {
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    if (x.shape[i] != 1 && x.strides[i] != 0) return false;
  }
  return true;
}

/// As is_block_readable(Array).
bool can_be_read_in_blocks(const PlanOperand& x) {
  for (std::size_t i = x.shape.size(); i-- > 0;) {
    if (x.shape[i] != 1) return x.strides[i] == 0 || x.strides[i] == 1;
  }
  return true;
}

bool is_same_operand(const PlanOperand& a, const PlanOperand& b) {
  return a.memory == b.memory && a.offset == b.offset && a.dtype == b.dtype && a.shape == b.shape &&
         a.strides == b.strides;
}

bool is_suitable(const PlanStep& s) {
  if (s.kind != PlanStep::elementwise || s.out[0].memory < 0 || !s.out[0].is_contiguous()) return false;
  const std::int64_t bytes = element_count(s.out[0].shape) * static_cast<std::int64_t>(item_size(s.out[0].dtype));
  return bytes >= least_bytes && std::all_of(s.in.begin(), s.in.end(), can_be_read_in_blocks) &&
         !std::all_of(s.in.begin(), s.in.end(), repeats_one);
}

/// Calls of one shape that wait.
struct Chain {
  Shape shape;
  std::vector<PlanStep> steps;

  bool writes(int memory) const {
    return std::any_of(steps.begin(), steps.end(), [memory](const PlanStep& s) { return any_on(s.out, memory); });
  }
  bool reads(int memory) const {
    return std::any_of(steps.begin(), steps.end(), [memory](const PlanStep& s) { return any_on(s.in, memory); });
  }
  /// Whether `s` must come after these calls.
  bool precedes(const PlanStep& s) const {
    return std::any_of(s.in.begin(), s.in.end(),
                       [&](const PlanOperand& x) { return x.memory >= 0 && writes(x.memory); }) ||
           std::any_of(s.out.begin(), s.out.end(),
                       [&](const PlanOperand& y) { return y.memory >= 0 && (writes(y.memory) || reads(y.memory)); });
  }
  bool shares_operand(const PlanStep& s) const {
    return std::any_of(s.in.begin(), s.in.end(),
                       [&](const PlanOperand& x) { return !repeats_one(x) && reads(x.memory); });
  }
};

/// The call on the shape of a chain; false if it has another one, or reads results in another order.
bool adapt(PlanStep& s, const Chain& chain) {
  const bool reshaped = s.out[0].shape != chain.shape;
  if (reshaped && element_count(s.out[0].shape) != element_count(chain.shape)) return false;
  for (auto* list : {&s.in, &s.out}) {
    for (auto& x : *list) {
      if (reshaped && !repeats_one(x) && (!x.is_contiguous() || element_count(x.shape) != element_count(chain.shape))) {
        return false;
      }
    }
  }
  PlanStep same = s;
  for (auto* list : {&same.in, &same.out}) {
    for (auto& x : *list) {
      if (!reshaped) continue;
      if (!repeats_one(x)) {
        x.shape = chain.shape;
        x.strides = contiguous_strides(chain.shape);
      } else {
        x.shape = {};
        x.strides = {};
      }
    }
  }
  for (auto& x : same.in) {
    for (const auto& earlier : chain.steps) {
      if (earlier.out[0].memory != x.memory) continue;
      PlanOperand y = earlier.out[0];
      if (y.offset != x.offset || y.dtype != x.dtype || !x.is_contiguous() ||
          element_count(x.shape) != element_count(chain.shape)) {
        return false;
      }
      x = y;
    }
  }
  s = std::move(same);
  return true;
}

/// One step of the calls of a chain; `is_read` tells which results are read by other steps.
template <class IsRead>
PlanStep joined(Chain chain, const IsRead& is_read) {
  PlanStep step;
  step.kind = PlanStep::fused;
  for (const auto& s : chain.steps) {
    for (const auto& x : s.in) {
      if (chain.writes(x.memory)) continue;
      if (std::none_of(step.in.begin(), step.in.end(), [&](const auto& y) { return is_same_operand(x, y); }))
        step.in.push_back(x);
    }
  }
  const auto id_of = [&](const PlanOperand& x) {
    for (std::size_t k = 0; k < step.in.size(); ++k) {
      if (is_same_operand(x, step.in[k])) return static_cast<int>(k);
    }
    for (std::size_t k = 0; k < chain.steps.size(); ++k) {
      if (chain.steps[k].out[0].memory == x.memory) return static_cast<int>(step.in.size() + k);
    }
    return -1;
  };
  for (const auto& s : chain.steps) {
    FusedCall call{.op = s.op, .call = {s.kernel, static_cast<int>(s.in.size()), {}}, .dtype = s.out[0].dtype};
    for (std::size_t k = 0; k < s.in.size(); ++k) call.call.in[k] = id_of(s.in[k]);
    if (is_read(s.out[0].memory)) {
      call.out = static_cast<int>(step.out.size());
      step.out.push_back(s.out[0]);
    }
    step.op += (step.op.empty() ? "" : " ") + s.op;
    step.calls.push_back(std::move(call));
  }
  return step;
}

}  // namespace

void CallPlan::fuse_chains() {
  std::vector<int> writes(memories_.size()), reads(memories_.size());
  for (const auto& s : steps_) {
    for (const auto& x : s.in) {
      if (x.memory >= 0) ++reads[static_cast<std::size_t>(x.memory)];
    }
    for (const auto& y : s.out) {
      if (y.memory >= 0) ++writes[static_cast<std::size_t>(y.memory)];
    }
  }
  for (const auto& y : kept_) {
    if (y.memory >= 0) ++reads[static_cast<std::size_t>(y.memory)];
  }
  std::vector<PlanStep> done;
  std::vector<Chain> waiting;
  const auto emit = [&](Chain chain) {
    if (chain.steps.size() == 1) return done.push_back(std::move(chain.steps[0]));
    const auto is_read = [&](int memory) {
      std::ptrdiff_t inside = 0;
      for (const auto& s : chain.steps) {
        inside += std::count_if(s.in.begin(), s.in.end(), [memory](const auto& x) { return x.memory == memory; });
      }
      return reads[static_cast<std::size_t>(memory)] > inside ||
             memories_[static_cast<std::size_t>(memory)].kind != PlanMemory::scratch;
    };
    done.push_back(joined(chain, is_read));
  };
  const auto emit_if = [&](const auto& condition) {
    for (std::size_t k = 0; k < waiting.size();) {
      if (!condition(waiting[k])) {
        ++k;
        continue;
      }
      Chain chain = std::move(waiting[k]);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(k));
      emit(std::move(chain));
    }
  };
  for (auto& s : steps_) {
    const bool joins = is_suitable(s) && writes[static_cast<std::size_t>(s.out[0].memory)] == 1;
    Chain* into = nullptr;
    if (joins) {
      for (auto& c : waiting) {
        if (!c.precedes(s) && !c.shares_operand(s)) continue;
        if (c.steps.size() < most_calls && adapt(s, c)) into = &c;
        if (into != nullptr && c.precedes(s)) break;
      }
    }
    if (into == nullptr) {
      const bool is_on_host = s.kind == PlanStep::host || s.kind == PlanStep::decided;
      emit_if([&](const Chain& c) { return is_on_host || c.precedes(s); });
      if (joins) {
        waiting.push_back({s.out[0].shape, {}});
        waiting.back().steps.push_back(std::move(s));
      } else {
        done.push_back(std::move(s));
      }
      continue;
    }
    // Others that it needs are of another shape, or wait for nothing else.
    Chain chain = std::move(*into);
    into->steps.clear();
    std::erase_if(waiting, [](const Chain& c) { return c.steps.empty(); });
    emit_if([&](const Chain& c) { return c.precedes(s); });
    chain.steps.push_back(std::move(s));
    waiting.push_back(std::move(chain));
  }
  emit_if([](const Chain&) { return true; });
  steps_ = std::move(done);
}

}  // namespace newtape::core
