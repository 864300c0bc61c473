// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/plan_text.hpp>

#include <string>

namespace newtape::detail {
namespace {

const char* kind_name(core::PlanStep::Kind kind) {
  switch (kind) {
    case core::PlanStep::elementwise: return "kernel";
    case core::PlanStep::fused: return "fused";
    case core::PlanStep::computed: return "computed";
    case core::PlanStep::recorded: return "recorded";
    case core::PlanStep::updated: return "in place";
    case core::PlanStep::drawn: return "drawn";
    case core::PlanStep::decided: return "test";
    case core::PlanStep::host: return "host";
  }
  return "";
}

std::string place(const CapturedPlan& plan, const core::PlanOperand& x) {
  if (x.memory < 0) return "-";
  const auto& m = plan.plan.memories()[static_cast<std::size_t>(x.memory)];
  const char* const letter = m.kind == core::PlanMemory::scratch ? "%"
                             : m.kind == core::PlanMemory::input ? "in"
                             : m.kind == core::PlanMemory::state ? "state"
                                                                 : "const";
  return letter + std::to_string(x.memory) + to_string(x.shape);
}

}  // namespace

std::string plan_text(const CapturedPlan& plan) {
  std::string text = "plan for";
  for (const auto& x : plan.key.arguments) text += " " + std::string(name(x.dtype)) + to_string(x.shape);
  text += ": " + std::to_string(plan.plan.steps().size()) + " of " + std::to_string(plan.plan.recorded_steps()) +
          " calls, " + std::to_string(plan.states.size()) + " states, arena " +
          std::to_string(plan.plan.arena_bytes()) + " bytes for " + std::to_string(plan.plan.scratch_bytes()) + ", " +
          std::to_string(plan.runs) + " runs\n";
  for (std::size_t i = 0; i < plan.plan.steps().size(); ++i) {
    const auto& step = plan.plan.steps()[i];
    std::string line = "  " + std::to_string(i) + "  " + kind_name(step.kind) + "  " + step.op + "(";
    for (std::size_t k = 0; k < step.in.size(); ++k) line += (k == 0 ? "" : ", ") + place(plan, step.in[k]);
    line += ")";
    for (std::size_t k = 0; k < step.out.size(); ++k) line += (k == 0 ? " -> " : ", ") + place(plan, step.out[k]);
    text += line + "\n";
  }
  for (const auto& c : plan.conditions) text += "  valid while: " + c.what + "\n";
  return text;
}

}  // namespace newtape::detail
