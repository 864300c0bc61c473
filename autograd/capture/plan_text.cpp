// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/plan_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace newtape::detail {
namespace {

using core::PlanMemory;
using core::PlanOperand;
using core::PlanStep;

const char* kind_name(PlanStep::Kind kind) {
  switch (kind) {
    case PlanStep::elementwise: return "kernel";
    case PlanStep::fused: return "fused";
    case PlanStep::paired: return "paired";
    case PlanStep::computed: return "computed";
    case PlanStep::written: return "written";
    case PlanStep::recorded: return "recorded";
    case PlanStep::updated: return "in place";
    case PlanStep::drawn: return "drawn";
    case PlanStep::decided: return "test";
    case PlanStep::host: return "host";
  }
  return "";
}

const char* memory_name(PlanMemory::Kind kind) {
  switch (kind) {
    case PlanMemory::scratch: return "%";
    case PlanMemory::input: return "in";
    case PlanMemory::state: return "state";
    case PlanMemory::constant: return "const";
    case PlanMemory::next_state: return "next";
    case PlanMemory::result: return "out";
  }
  return "";
}

std::string block_name(const CapturedPlan& plan, int memory) {
  return memory_name(plan.plan.memories()[static_cast<std::size_t>(memory)].kind) + std::to_string(memory);
}

std::string place(const CapturedPlan& plan, const PlanOperand& x) {
  return x.memory < 0 ? "-" : block_name(plan, x.memory) + to_string(x.shape);
}

std::int64_t bytes_of(const PlanOperand& x) {
  return x.memory < 0 ? 0 : element_count(x.shape) * static_cast<std::int64_t>(item_size(x.dtype));
}

std::string list(const CapturedPlan& plan, const std::vector<PlanOperand>& all) {
  std::string text;
  for (const auto& x : all) text += (text.empty() ? "" : ", ") + place(plan, x);
  return text;
}

std::string memory_text(const CapturedPlan& plan) {
  const auto& p = plan.plan;
  std::int64_t own = 0, before = 0;
  for (const int id : p.fresh()) own += p.memories()[static_cast<std::size_t>(id)].bytes();
  for (const auto& m : p.memories()) before += m.kind == PlanMemory::scratch && m.first >= 0 && m.region >= 0 ? 1 : 0;
  std::string text = fmt::format("  memory: arena {} bytes", p.arena_bytes());
  if (plan.eager_peak >= 0) text += fmt::format(", the function itself {}", plan.eager_peak);
  text += fmt::format("; at most {} in use at a time, {} without reuse; constants {}\n", p.live_bytes(),
                      p.scratch_bytes(), p.constant_bytes());
  text += fmt::format(
      "  reuse: {} results over an operand; {} results and gradients ({} bytes) in memory of their own, "
      "{} blocks in that before\n",
      p.overwritten(), p.fresh().size(), own, before);
  return text;
}

/// The calls of a fused step; a result is named by its number.
std::string calls_text(const CapturedPlan& plan, const PlanStep& step) {
  std::string text;
  for (std::size_t k = 0; k < step.calls.size(); ++k) {
    const core::FusedCall& c = step.calls[k];
    std::string operands;
    for (int i = 0; i < c.call.count; ++i) {
      const auto id = static_cast<std::size_t>(c.call.in[static_cast<std::size_t>(i)]);
      operands += i == 0 ? "" : ", ";
      operands += id < step.in.size() ? place(plan, step.in[id]) : fmt::format("#{}", id - step.in.size());
    }
    text += fmt::format("        #{} {}({})", k, c.op, operands);
    if (c.out >= 0) text += " -> " + place(plan, step.out[static_cast<std::size_t>(c.out)]);
    text += "\n";
  }
  return text;
}

}  // namespace

std::string plan_text(const CapturedPlan& plan) {
  std::string text = "plan for";
  for (const auto& x : plan.key.arguments) text += " " + std::string(name(x.dtype)) + to_string(x.shape);
  text += fmt::format(": {} of {} calls, {} states, arena {} bytes for {}, {} runs\n", plan.plan.steps().size(),
                      plan.plan.recorded_steps(), plan.states.size(), plan.plan.arena_bytes(),
                      plan.plan.scratch_bytes(), plan.runs);
  text += memory_text(plan);
  for (std::size_t i = 0; i < plan.plan.steps().size(); ++i) {
    const PlanStep& step = plan.plan.steps()[i];
    std::int64_t bytes = 0;
    for (const auto& y : step.out) bytes += bytes_of(y);
    const bool fused = step.kind == PlanStep::fused;
    text += fmt::format("  {}  {}  {}({})", i, kind_name(step.kind),
                        fused ? fmt::format("{} kernels", step.calls.size()) : step.op, list(plan, step.in));
    if (!step.out.empty()) text += fmt::format(" -> {}, {} bytes", list(plan, step.out), bytes);
    text += "\n";
    if (fused) text += calls_text(plan, step);
  }
  for (const auto& c : plan.conditions) text += "  valid while: " + c.what + "\n";
  return text;
}

std::string plan_to_dot(const CapturedPlan& plan) {
  std::string text = "digraph {\n  node [fontname=\"Helvetica\", fontsize=10, shape=box]\n  edge [fontsize=8]\n";
  std::map<int, std::string> writer;  // the node that made what is in a block
  const auto source = [&](const PlanOperand& x) -> std::string {
    if (const auto at = writer.find(x.memory); at != writer.end()) return at->second;
    const std::string node = fmt::format("m{}", x.memory);
    text += fmt::format("  {} [label=\"{}\", shape=ellipse]\n", node, place(plan, x));
    return writer[x.memory] = node;
  };
  for (std::size_t i = 0; i < plan.plan.steps().size(); ++i) {
    const PlanStep& step = plan.plan.steps()[i];
    std::string label;
    for (const auto& c : step.calls) label += c.op + "\\n";
    text += fmt::format("  s{} [label=\"{}\"{}]\n", i, step.calls.empty() ? step.op : label,
                        step.kind == PlanStep::fused  ? ", style=filled, fillcolor=lightyellow"
                        : step.kind == PlanStep::host ? ", style=dashed"
                                                      : "");
    std::vector<std::string> drawn;
    for (const auto& x : step.in) {
      if (x.memory < 0) continue;
      const std::string from = source(x);
      if (std::find(drawn.begin(), drawn.end(), from) != drawn.end()) continue;
      drawn.push_back(from);
      text += fmt::format("  {} -> s{} [label=\"{}\"]\n", from, i, to_string(x.shape));
    }
    for (const auto& y : step.out) {
      if (y.memory >= 0) writer[y.memory] = fmt::format("s{}", i);
    }
  }
  const auto& kept = plan.plan.kept();
  for (std::size_t k = 0; k < kept.size(); ++k) {
    if (kept[k].memory < 0) continue;
    const std::string from = source(kept[k]);
    text += fmt::format("  r{} [label=\"result {}\", shape=ellipse]\n  {} -> r{}\n", k, k, from, k);
  }
  return text + "}\n";
}

}  // namespace newtape::detail
