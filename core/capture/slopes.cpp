// SPDX-License-Identifier: BSD-3-Clause
// Smooth activations: a step computes their slope at a place once, together with the value where it can, and not in each
// pullback; these become products with it. The bits are the same.
#include <newtape/core/capture/plan.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/named_kernels.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace newtape::core {
namespace {

struct Smooth {
  const char *function, *pullback;
};

/// Pullbacks p(g, x) = strong_mul(g, p(1, x)) that take much longer than that product.
constexpr Smooth smooth[] = {{"tanh", "tanh_grad"}, {"sigmoid", "sigmoid_grad"},     {"softplus", "softplus_grad"},
                             {"gelu", "gelu_grad"}, {"gelu_tanh", "gelu_tanh_grad"}, {"silu", "silu_grad"},
                             {"mish", "mish_grad"}};
/// Larger arrays run in chains instead, so that they are read once.
constexpr std::int64_t most_paired_bytes = 1 << 16;
/// The same for activations with one pullback.
constexpr std::int64_t most_paired_once_bytes = 24576 - 1;

/// Null where there is none for the dtype.
kernels::Kernel kernel_of(const char* name, DType dtype) {
  const auto k = static_cast<std::size_t>(dtype);
  const auto& all = kernels::find_kernels(name).of;
  return k < std::size(all) ? all[k] : nullptr;
}

kernels::SlopePair pair_of(const std::string& function, DType dtype) {
  for (const auto& pair : kernels::select<kernels::SlopePairs>().list) {
    if (function == pair.function) return dtype == f32 ? pair.f32 : dtype == f64 ? pair.f64 : nullptr;
  }
  return nullptr;
}

/// An activation at a place.
using Site = std::pair<const Smooth*, std::string>;

/// What a call of a function (`operands` 1) or of a pullback (2) belongs to; null for other calls.
Site site_of(const PlanStep& s, std::size_t operands) {
  if (operands != 1 && operands != 2) return {};
  if (s.kind != PlanStep::elementwise || s.in.size() != operands || s.out[0].memory < 0) return {};
  const PlanOperand& x = s.in.back();
  if (x.memory < 0 || !x.is_contiguous() || element_count(x.shape) <= 1) return {};
  for (const auto& f : smooth) {
    const char* const name = operands == 1 ? f.function : f.pullback;
    if (s.op != name || s.kernel != kernel_of(name, x.dtype)) continue;
    return {&f, std::to_string(x.memory) + " " + std::to_string(x.offset) + to_string(x.shape)};
  }
  return {};
}

struct Slope {
  int pullbacks = 0;
  std::ptrdiff_t function = -1;  ///< the step that computes the value, if it can compute both
  PlanOperand value = {};        ///< once it is computed
};

/// Where activations and their pullbacks are called.
std::map<Site, Slope> find_sites(const CallPlan& plan, const std::vector<int>& writes) {
  std::map<Site, Slope> sites;
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const PlanStep& s = plan.steps()[i];
    if (s.in.empty() || s.out.empty() || !plan.has_one_value(s.in.back().memory, writes)) continue;
    if (const Site at = site_of(s, 2); at.first != nullptr) ++sites[at].pullbacks;
    const Site at = site_of(s, 1);
    if (at.first == nullptr || pair_of(s.op, s.out[0].dtype) == nullptr || sites.count(at) != 0) continue;
    if (plan.has_one_value(s.out[0].memory, writes)) sites[at].function = static_cast<std::ptrdiff_t>(i);
  }
  return sites;
}

/// Whether `y` is all of a block of scratch memory that nothing else writes.
bool is_scratch_block(const PlanOperand& y, const CallPlan& plan, const std::vector<int>& writes) {
  const PlanMemory& m = plan.memories()[static_cast<std::size_t>(y.memory)];
  return m.kind == PlanMemory::scratch && y.offset == 0 && y.is_contiguous() && element_count(y.shape) == m.size &&
         writes[static_cast<std::size_t>(y.memory)] == 1;
}

}  // namespace

PlanOperand CallPlan::constant_number(DType dtype, double value) {
  const auto narrow = static_cast<float>(value);
  const void* const bits = dtype == f64 ? static_cast<const void*>(&value) : &narrow;
  const auto is_it = [&](const PlanMemory& m) {
    return m.kind == PlanMemory::constant && m.dtype == dtype && m.size == 1 &&
           std::memcmp(m.base, bits, item_size(dtype)) == 0;
  };
  const auto found = std::find_if(memories_.begin(), memories_.end(), is_it);
  if (found != memories_.end()) return {.memory = static_cast<int>(found - memories_.begin()), .dtype = dtype};
  Array held = Array::empty({1}, dtype);
  auto* const base = static_cast<std::byte*>(held.raw());
  std::memcpy(base, bits, item_size(dtype));
  return {.memory = add_memory({.kind = PlanMemory::constant, .dtype = dtype, .size = 1, .held = held, .base = base}),
          .dtype = dtype};
}

bool CallPlan::share_slopes() {
  const auto writes = count_writes();
  auto sites = find_sites(*this, writes);
  if (std::none_of(sites.begin(), sites.end(), [](const auto& s) { return s.second.pullbacks > 0; })) return false;
  const auto place = [&](const PlanOperand& x) {
    const int memory = add_memory({.kind = PlanMemory::scratch, .dtype = x.dtype, .size = element_count(x.shape)});
    return PlanOperand{memory, 0, x.dtype, x.shape, contiguous_strides(x.shape)};
  };
  std::map<int, int> same_as;
  const auto rename = [&](PlanOperand& x) {
    if (const auto at = same_as.find(x.memory); at != same_as.end()) x.memory = at->second;
  };
  std::vector<PlanStep> all;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    PlanStep& s = steps_[i];
    for (auto& x : s.in) rename(x);
    const Site at = site_of(s, s.in.size());
    const auto found = sites.find(at);
    if (found == sites.end() || found->second.pullbacks == 0) {
      all.push_back(std::move(s));
      continue;
    }
    Slope& slope = found->second;
    const PlanOperand x = s.in.back();
    if (slope.function == static_cast<std::ptrdiff_t>(i)) {
      const std::int64_t bytes = memories_[static_cast<std::size_t>(s.out[0].memory)].bytes();
      if (bytes > (slope.pullbacks > 1 ? most_paired_bytes : most_paired_once_bytes)) {
        all.push_back(std::move(s));
        continue;
      }
      slope.value = place(x);
      s.kind = PlanStep::paired;
      s.pair = pair_of(s.op, x.dtype);
      s.op += std::string(" ") + at.first->pullback;
      s.out.push_back(slope.value);
    } else if (s.in.size() == 2 && (slope.value.memory >= 0 || slope.pullbacks > 1)) {
      const PlanOperand one = constant_number(x.dtype, 1);
      if (slope.value.memory < 0) {
        slope.value = place(x);
        all.push_back({PlanStep::elementwise, s.op, {one, x}, {slope.value}, s.kernel});
        all.back().number = s.number;
      }
      if (s.in[0].memory == one.memory && is_scratch_block(s.out[0], *this, writes)) {
        same_as[s.out[0].memory] = slope.value.memory;
        continue;
      }
      s.op = "strong_mul";
      s.kernel = kernel_of("strong_mul", x.dtype);
      s.in[1] = slope.value;
    }
    all.push_back(std::move(s));
  }
  for (auto& x : kept_) rename(x);
  steps_ = std::move(all);
  return true;
}

}  // namespace newtape::core
