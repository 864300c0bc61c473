// SPDX-License-Identifier: BSD-3-Clause
// Pullbacks of relu whose operand nothing reads after them: one byte per element is kept of it, so that the cotangent, which
// is as large, can be computed in its memory.
#include <newtape/core/capture/plan.hpp>
#include <newtape/core/kernels/named_kernels.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace newtape::core {
namespace {

/// Smaller arrays are not worth a pass of their own.
constexpr std::int64_t least_masked_bytes = 1 << 16;

const kernels::Kernels& pullback_of_relu() { return kernels::find_kernels("relu_grad"); }

bool reads(const PlanStep& s, int memory) {
  return any_on(s.in, memory) || (s.kind == PlanStep::updated && any_on(s.out, memory));
}

/// The step that computes the cotangent of pullback `p` of relu, if the operand is read before that for the last time but
/// for the pullback; else `p`.
std::size_t producer(const CallPlan& plan, std::size_t p, const std::vector<int>& writes) {
  const auto& steps = plan.steps();
  const PlanStep& s = steps[p];
  if (s.kind != PlanStep::elementwise || s.op != "relu_grad") return p;
  const PlanOperand &g = s.in[0], &y = s.in[1];
  if ((y.dtype != f32 && y.dtype != f64) || s.kernel != pullback_of_relu().of[static_cast<std::size_t>(y.dtype)])
    return p;
  if (g.memory < 0 || y.memory < 0 || g.memory == y.memory || g.shape != y.shape || g.dtype != y.dtype) return p;
  const PlanMemory& m = plan.memories()[static_cast<std::size_t>(y.memory)];
  if (m.kind != PlanMemory::scratch || m.bytes() < least_masked_bytes || element_count(y.shape) != m.size) return p;
  if (!y.is_contiguous() || any_on(plan.kept(), y.memory)) return p;
  if (!plan.has_one_value(g.memory, writes) || !plan.has_one_value(y.memory, writes)) return p;
  std::size_t made = 0;
  while (made < p && !any_on(steps[made].out, g.memory)) ++made;
  if (made == p || steps[made].kind != PlanStep::computed) return p;  // others may be computed in place themselves
  for (std::size_t i = made; i < steps.size(); ++i) {
    if (i != p && reads(steps[i], y.memory)) return p;
  }
  return made;
}

}  // namespace

std::optional<CallPlan> CallPlan::with_masks() const {
  const auto writes = count_writes();
  std::vector<std::pair<std::size_t, std::size_t>> found;  // cotangent, pullback
  for (std::size_t p = 0; p < steps_.size(); ++p) {
    if (const std::size_t made = producer(*this, p, writes); made != p) found.emplace_back(made, p);
  }
  if (found.empty()) return {};
  CallPlan plan = *this;
  std::vector<std::pair<std::size_t, PlanStep>> added;
  for (const auto& [made, p] : found) {
    PlanStep& s = plan.steps_[p];
    const PlanOperand g = s.in[0], y = s.in[1], zero = plan.constant_number(y.dtype, 0);
    const auto k = static_cast<std::size_t>(y.dtype);
    const int memory = plan.add_memory({.kind = PlanMemory::scratch, .dtype = boolean, .size = element_count(y.shape)});
    const PlanOperand mask{memory, 0, boolean, y.shape, contiguous_strides(y.shape)};
    PlanStep test{PlanStep::elementwise, "greater", {y, zero}, {mask}, kernels::find_kernels("greater").of[k]};
    test.number = plan.steps_[made].number;
    added.emplace_back(made, std::move(test));
    s.op = "where";
    s.in = {mask, g, zero};
    s.kernel = kernels::find_kernels("where").of[y.dtype == f32 ? 0 : 1];
  }
  std::sort(added.begin(), added.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [at, step] : added)
    plan.steps_.insert(plan.steps_.begin() + static_cast<std::ptrdiff_t>(at), std::move(step));
  return plan;
}

}  // namespace newtape::core
