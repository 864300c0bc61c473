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
constexpr std::size_t most_calls = 48;
/// Results of reductions up to this size wait for other calls on the operand.
constexpr std::int64_t most_reduced = 1024;

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

/// A call that makes few numbers of many.
bool is_reduction(const PlanStep& s) {
  return s.kind == PlanStep::computed && s.out.size() == 1 && element_count(s.out[0].shape) <= most_reduced;
}

/// Calls of one shape that wait.
struct Chain {
  Shape shape;
  std::vector<PlanStep> steps;
  std::vector<PlanStep> after = {};  ///< reductions of the results, which come next

  static bool writes(const std::vector<PlanStep>& all, int memory) {
    return std::any_of(all.begin(), all.end(), [memory](const PlanStep& s) { return any_on(s.out, memory); });
  }
  static bool reads(const std::vector<PlanStep>& all, int memory) {
    return std::any_of(all.begin(), all.end(), [memory](const PlanStep& s) { return any_on(s.in, memory); });
  }
  bool writes(int memory) const { return writes(steps, memory); }
  bool reads(int memory) const { return reads(steps, memory); }
  /// Whether `s` must come after these calls.
  bool precedes(const PlanStep& s) const {
    const auto on_any = [&](const std::vector<PlanOperand>& list, bool also_read) {
      return std::any_of(list.begin(), list.end(), [&](const PlanOperand& x) {
        const int m = x.memory;
        return m >= 0 && (writes(m) || writes(after, m) || (also_read && (reads(m) || reads(after, m))));
      });
    };
    return on_any(s.in, false) || on_any(s.out, true);
  }
  /// Whether `s` must come after one of the reductions.
  bool reductions_precede(const PlanStep& s) const {
    return std::any_of(s.in.begin(), s.in.end(),
                       [&](const PlanOperand& x) { return x.memory >= 0 && writes(after, x.memory); });
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

/// The calls in their new order.
class Schedule {
 public:
  /// How often a call reads or keeps each block, and writes it.
  Schedule(std::vector<int> reads, std::vector<int> writes, const std::vector<PlanMemory>& memories)
      : reads_(std::move(reads)), writes_(std::move(writes)), memories_(memories) {}

  void add(PlanStep s) {
    const bool joins = is_suitable(s) && writes_[static_cast<std::size_t>(s.out[0].memory)] == 1;
    if (Chain* const chain = joins ? find(s) : nullptr; chain != nullptr) return join(*chain, std::move(s));
    const auto needed = [&](const Chain& c) { return c.precedes(s); };
    const auto first = std::find_if(waiting_.begin(), waiting_.end(), needed);
    if (is_reduction(s) && first != waiting_.end() && std::none_of(std::next(first), waiting_.end(), needed)) {
      first->after.push_back(std::move(s));
      return;
    }
    const bool is_on_host = s.kind == PlanStep::host || s.kind == PlanStep::decided;
    emit_if([&](const Chain& c) { return is_on_host || c.precedes(s); });
    if (!joins) return done_.push_back(std::move(s));
    waiting_.push_back({s.out[0].shape, {}});
    waiting_.back().steps.push_back(std::move(s));
  }

  std::vector<PlanStep> take() {
    emit_if([](const Chain&) { return true; });
    return std::move(done_);
  }

 private:
  /// The chain that `s` joins, adapted to its shape: one whose results it reads, else one that reads the same.
  Chain* find(PlanStep& s) {
    Chain* into = nullptr;
    for (auto& c : waiting_) {
      if ((!c.precedes(s) && !c.shares_operand(s)) || c.reductions_precede(s)) continue;
      if (c.steps.size() >= most_calls || !adapt(s, c)) continue;
      into = &c;
      if (c.precedes(s)) break;
    }
    return into;
  }

  void join(Chain& into, PlanStep s) {
    Chain chain = std::move(into);
    into.steps.clear();
    std::erase_if(waiting_, [](const Chain& c) { return c.steps.empty(); });
    emit_if([&](const Chain& c) { return c.precedes(s); });
    chain.steps.push_back(std::move(s));
    waiting_.push_back(std::move(chain));
  }

  template <class Condition>
  void emit_if(const Condition& condition) {
    std::vector<Chain> ready;
    for (auto& c : waiting_) {
      if (!condition(c)) continue;
      ready.push_back(std::move(c));
      c.steps.clear();
    }
    std::erase_if(waiting_, [](const Chain& c) { return c.steps.empty(); });
    for (auto& c : ready) emit(std::move(c));
  }

  void emit(Chain chain) {
    const auto is_read = [&](int memory) {
      std::ptrdiff_t inside = 0;
      for (const auto& s : chain.steps) {
        inside += std::count_if(s.in.begin(), s.in.end(), [memory](const auto& x) { return x.memory == memory; });
      }
      const auto m = static_cast<std::size_t>(memory);
      return reads_[m] > inside || memories_[m].kind != PlanMemory::scratch;
    };
    done_.push_back(chain.steps.size() == 1 ? chain.steps[0] : joined(chain, is_read));
    for (auto& s : chain.after) done_.push_back(std::move(s));
  }

  std::vector<int> reads_, writes_;
  const std::vector<PlanMemory>& memories_;
  std::vector<Chain> waiting_;
  std::vector<PlanStep> done_;
};

}  // namespace

void CallPlan::fuse_chains() {
  std::vector<int> writes(memories_.size()), reads(memories_.size());
  const auto count = [](std::vector<int>& counts, const std::vector<PlanOperand>& list) {
    for (const auto& x : list) {
      if (x.memory >= 0) ++counts[static_cast<std::size_t>(x.memory)];
    }
  };
  for (const auto& s : steps_) {
    count(reads, s.in);
    count(writes, s.out);
  }
  count(reads, kept_);
  Schedule schedule(std::move(reads), std::move(writes), memories_);
  for (auto& s : steps_) schedule.add(std::move(s));
  steps_ = schedule.take();
}

}  // namespace newtape::core
