// SPDX-License-Identifier: BSD-3-Clause
// Where the blocks of a plan lie. Results and new values of states are computed in memory of their own, not copied there;
// a kernel's result is written over an operand that is not read again; what remains is laid out by lifetimes, in the memory
// of results and states before that is written, or in the arena.
#include <newtape/core/capture/plan.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::core {
namespace {

constexpr std::int64_t alignment = 64;
/// Smaller results are copied: that takes less time than to set their address.
constexpr std::int64_t least_result = 16384;

std::int64_t aligned(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// Whether the operand is all of its block, in C order.
bool is_whole(const PlanOperand& x, const PlanMemory& m) {
  return x.offset == 0 && x.dtype == m.dtype && x.is_contiguous() && element_count(x.shape) == m.size && m.size > 0;
}

/// Functions of rows of the first operand, which may be written over them.
bool maps_rows(const PlanStep& s) {
  constexpr std::string_view all[] = {"softmax", "log_softmax", "softmax_grad", "log_softmax_grad"};
  return s.kind == PlanStep::computed && std::find(std::begin(all), std::end(all), s.op) != std::end(all);
}

/// Whether a kernel step may write result `out` where operand `in` lies.
bool may_overwrite(const PlanStep& s, std::size_t in, std::size_t out) {
  if (s.kind == PlanStep::elementwise || s.kind == PlanStep::paired) return true;
  if (maps_rows(s)) return in == 0;
  if (s.kind != PlanStep::fused) return false;
  // Within a block, no call after the one that writes the result may read the operand.
  std::size_t last_read = 0, write = 0;
  for (std::size_t k = 0; k < s.calls.size(); ++k) {
    const FusedCall& c = s.calls[k];
    for (int i = 0; i < c.call.count; ++i) {
      if (c.call.in[static_cast<std::size_t>(i)] == static_cast<int>(in)) last_read = k;
    }
    if (c.out == static_cast<int>(out)) write = k;
  }
  return last_read <= write;
}

/// Whether the program may see what states are when the step is executed: it is a call on the host, or may end the run
/// before a state's present value is not needed any more.
bool shows_states(const PlanStep& s, int replaced_from) {
  return (s.kind == PlanStep::decided && s.number < replaced_from) || (s.kind == PlanStep::host && s.state < 0);
}

/// A place in a region, for a time.
struct Placed {
  std::int64_t offset, bytes;
  int first, last;
};

struct Region {
  int memory = -1;  ///< -1: the arena
  std::int64_t bytes = std::numeric_limits<std::int64_t>::max();
  int until = std::numeric_limits<int>::max();  ///< the step that writes its own value
  std::vector<Placed> placed = {};              ///< by offset

  /// The smallest gap of at least `bytes` between those that live from `first` to `last`; -1 if there is none.
  std::int64_t find(std::int64_t size, int first, int last) const {
    if (last >= until) return -1;
    std::int64_t end = 0, best = -1, best_gap = std::numeric_limits<std::int64_t>::max();
    const auto try_gap = [&](std::int64_t from, std::int64_t to) {
      if (to - from >= size && to - from < best_gap) best = from, best_gap = to - from;
    };
    for (const Placed& p : placed) {
      if (p.last < first || last < p.first) continue;
      if (p.offset > end) try_gap(end, p.offset);
      end = std::max(end, p.offset + p.bytes);
    }
    if (best < 0 && bytes - end >= size) best = end;
    return best;
  }
  void place(const Placed& p) {
    const auto later = [](const Placed& a, const Placed& b) { return a.offset < b.offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), p, later), p);
  }
};

/// Places blocks in this order, each into the smallest gap between those that live at the same time, in the smallest region
/// that has one; returns the bytes of the arena, which is the last region.
std::int64_t place_all(const std::vector<PlanMemory*>& order, std::vector<Region> regions) {
  std::int64_t arena = 0;
  for (auto* m : order) {
    const std::int64_t bytes = aligned(m->bytes());
    for (auto& r : regions) {
      // The last aligned piece of a result may end beyond it.
      const std::int64_t at = r.find(r.memory < 0 ? bytes : m->bytes(), m->first, m->last);
      if (at < 0) continue;
      r.place({at, bytes, m->first, m->last});
      m->region = r.memory;
      m->offset = at;
      if (r.memory < 0) arena = std::max(arena, at + bytes);
      break;
    }
  }
  return arena;
}

/// The blocks by the step of the most memory at which they live, and by size (greedy by breadth, Pisarchyk & Lee 2020).
std::vector<PlanMemory*> by_breadth(const std::vector<PlanMemory*>& by_size, std::size_t steps) {
  std::vector<std::int64_t> live(steps);
  for (const auto* m : by_size) {
    for (int i = m->first; i <= m->last; ++i) live[static_cast<std::size_t>(i)] += aligned(m->bytes());
  }
  const auto breadth = [&](const PlanMemory* m) {
    return *std::max_element(live.begin() + m->first, live.begin() + m->last + 1);
  };
  std::vector<std::pair<std::int64_t, PlanMemory*>> keyed;
  for (auto* m : by_size) keyed.emplace_back(breadth(m), m);
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<PlanMemory*> order;
  for (const auto& [bytes, m] : keyed) order.push_back(m);
  return order;
}

}  // namespace

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
    if (m.kind == PlanMemory::scratch && m.first >= 0) sum += aligned(m.bytes());
  }
  return sum;
}

/// Whether block `memory`, all of which step `store` copies into a state, may be written in the memory that the state has
/// after it: nothing else may look at the state, or end the run, in the meantime.
bool CallPlan::can_be_next_state(const PlanMemory& m, int memory, std::size_t store, int replaced_from) const {
  if (m.first < 0 || m.last != static_cast<int>(store)) return false;
  const int state = steps_[store].state;
  const auto is_state = [&](const PlanOperand& x) {
    if (x.memory < 0) return false;
    const PlanMemory& of = memories_[static_cast<std::size_t>(x.memory)];
    return of.kind == PlanMemory::state && of.index == state;
  };
  for (std::size_t i = static_cast<std::size_t>(m.first); i < store; ++i) {
    const PlanStep& s = steps_[i];
    if (shows_states(s, replaced_from)) return false;
    if (std::any_of(s.out.begin(), s.out.end(), is_state)) return false;
    if (std::none_of(s.in.begin(), s.in.end(), is_state)) continue;
    // The step that writes the block may read the state if it may write over it.
    const auto& first = s.out.empty() ? s.in.front() : s.out.front();
    if (static_cast<int>(i) != m.first || s.kind != PlanStep::elementwise || first.memory != memory) return false;
    for (const auto& x : s.in) {
      if (is_state(x) && (x.dtype != m.dtype || !is_whole(x, memories_[static_cast<std::size_t>(x.memory)])))
        return false;
    }
  }
  return true;
}

void CallPlan::find_fresh(const std::vector<Replaceable>& states) {
  const auto scratch_of = [&](const PlanOperand& x) -> PlanMemory* {
    if (x.memory < 0) return nullptr;
    PlanMemory& m = memories_[static_cast<std::size_t>(x.memory)];
    return m.kind == PlanMemory::scratch && m.first >= 0 && is_whole(x, m) ? &m : nullptr;
  };
  for (std::size_t k = 0; k < kept_.size(); ++k) {
    PlanMemory* const m = scratch_of(kept_[k]);
    if (m == nullptr || m->bytes() < least_result || m->first == static_cast<int>(steps_.size())) continue;
    m->kind = PlanMemory::result;
    m->index = static_cast<int>(k);
    fresh_.push_back(kept_[k].memory);
  }
  for (const auto& [state, from] : states) {
    const auto store = std::find_if(steps_.begin(), steps_.end(), [state = state](const PlanStep& s) {
      return s.kind == PlanStep::host && s.state == state;
    });
    if (store == steps_.end() || store->in.empty()) continue;
    PlanMemory* const m = scratch_of(store->in[0]);
    const auto step = static_cast<std::size_t>(store - steps_.begin());
    if (m == nullptr || !can_be_next_state(*m, store->in[0].memory, step, from)) continue;
    m->kind = PlanMemory::next_state;
    m->index = state;
    m->replaced_from = from;
    fresh_.push_back(store->in[0].memory);
  }
}

void CallPlan::overwrite_operands() {
  std::vector<int> same_as(memories_.size());
  std::iota(same_as.begin(), same_as.end(), 0);
  const auto rename = [&](PlanOperand& x) {
    if (x.memory >= 0) x.memory = same_as[static_cast<std::size_t>(x.memory)];
  };
  const auto memory_of = [&](const PlanOperand& x) -> PlanMemory& {
    return memories_[static_cast<std::size_t>(x.memory)];
  };
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    PlanStep& s = steps_[i];
    for (auto& x : s.in) rename(x);
    for (auto& y : s.out) rename(y);
    if (s.kind != PlanStep::elementwise && s.kind != PlanStep::fused && s.kind != PlanStep::paired && !maps_rows(s))
      continue;
    const int step = static_cast<int>(i);
    for (std::size_t j = 0; j < s.out.size(); ++j) {
      PlanOperand& y = s.out[j];
      if (y.memory < 0 || memory_of(y).kind != PlanMemory::scratch || memory_of(y).first != step) continue;
      for (std::size_t k = 0; k < s.in.size(); ++k) {
        const PlanOperand& x = s.in[k];
        if (x.memory < 0 || x.memory == y.memory) continue;
        PlanMemory& from = memory_of(x);
        if (from.kind != PlanMemory::scratch || from.last != step || from.first == step || any_on(s.out, x.memory))
          continue;
        if (from.dtype != memory_of(y).dtype || from.size != memory_of(y).size || !is_whole(y, memory_of(y))) continue;
        bool fits = true;
        for (std::size_t l = 0; l < s.in.size() && fits; ++l) {
          if (s.in[l].memory == x.memory) fits = is_whole(s.in[l], from) && may_overwrite(s, l, j);
        }
        if (!fits) continue;
        from.last = memory_of(y).last;
        memory_of(y).first = memory_of(y).last = -1;
        same_as[static_cast<std::size_t>(y.memory)] = x.memory;
        rename(y);
        ++overwritten_;
        break;
      }
    }
  }
  for (auto& x : kept_) rename(x);
}

/// Greedy, in several orders (Pisarchyk & Lee 2020), of which none is best for all plans.
void CallPlan::lay_out() {
  std::vector<Region> regions;
  for (const int id : fresh_) {
    const PlanMemory& m = memories_[static_cast<std::size_t>(id)];
    // Before a state has its next value, a host call or an early end would show what lies in its memory.
    const bool is_seen = m.kind == PlanMemory::next_state &&
                         std::any_of(steps_.begin(), steps_.begin() + m.first + 1, [&](const PlanStep& s) {
                           if (shows_states(s, m.replaced_from)) return true;
                           return std::any_of(s.in.begin(), s.in.end(), [&](const PlanOperand& x) {
                             if (x.memory < 0) return false;
                             const PlanMemory& of = memories_[static_cast<std::size_t>(x.memory)];
                             return of.kind == PlanMemory::state && of.index == m.index;
                           });
                         });
    if (!is_seen) regions.push_back({id, m.bytes(), m.first});
  }
  std::sort(regions.begin(), regions.end(), [](const Region& a, const Region& b) { return a.bytes < b.bytes; });
  std::vector<PlanMemory*> order;
  for (auto& m : memories_) {
    if (m.kind == PlanMemory::scratch && m.first >= 0 && m.size > 0) order.push_back(&m);
  }
  const auto bytes_first = [](const PlanMemory* a, const PlanMemory* b) { return a->bytes() > b->bytes(); };
  std::stable_sort(order.begin(), order.end(), bytes_first);
  regions.push_back({});
  const auto time = [](const PlanMemory* m) { return m->bytes() * (m->last - m->first + 1); };
  std::vector<PlanMemory*> by_time = order, by_start = order;
  std::stable_sort(by_time.begin(), by_time.end(), [&](auto* a, auto* b) { return time(a) > time(b); });
  std::stable_sort(by_start.begin(), by_start.end(), [](auto* a, auto* b) { return a->first < b->first; });
  std::vector<PlanMemory*> by_end = order;
  std::stable_sort(by_end.begin(), by_end.end(), [](auto* a, auto* b) {
    return a->bytes() != b->bytes() ? a->bytes() > b->bytes() : a->last > b->last;
  });
  const std::size_t steps = steps_.size() + 1;
  const std::vector<PlanMemory*> orders[] = {order, by_breadth(order, steps), by_breadth(by_end, steps), by_time,
                                             by_start};
  std::size_t best = 0;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (std::size_t k = 0; k < std::size(orders); ++k) {
    const std::int64_t bytes = place_all(orders[k], regions);
    if (bytes < least) best = k, least = bytes;
  }
  arena_bytes_ = place_all(orders[best], regions);
  std::vector<std::int64_t> live(steps_.size() + 1);
  for (const auto* m : order) {
    for (int i = m->first; i <= m->last && m->region < 0; ++i) live[static_cast<std::size_t>(i)] += aligned(m->bytes());
  }
  live_bytes_ = *std::max_element(live.begin(), live.end());
}

}  // namespace newtape::core
