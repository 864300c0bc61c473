// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/usage.hpp>

#include <algorithm>

namespace newtape::onnx::detail {

void UsageOf::note(std::string_view name, Usage usage) {
  auto& known = usage_.try_emplace(name, Usage::setting).first->second;
  known = std::max(known, usage);
}

void UsageOf::visit(const format::GraphProto& graph) {
  for (const auto& node : graph.nodes) {
    const Row* row = find_row(node.domain == "ai.onnx" ? "" : node.domain, node.op_type, version_);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto has = [&](std::uint32_t bits) { return i < 32 && ((bits >> i) & 1U) != 0; };
      note(node.inputs[i], row != nullptr && has(row->traits.settings)     ? Usage::setting
                           : row != nullptr && has(row->traits.statistics) ? Usage::statistic
                                                                           : Usage::weight);
    }
    for (const auto& a : node.attributes) {
      for (const auto& g : a.graphs) visit(*g);
    }
  }
  for (const auto& output : graph.outputs) note(output.name, Usage::weight);
}

Usage UsageOf::operator()(std::string_view name) const {
  const auto at = usage_.find(name);
  return at == usage_.end() ? Usage::setting : at->second;
}

void visit_uses(const std::vector<Step>& steps, const std::vector<Ref>& outputs, std::int32_t levels,
                const std::function<void(std::int32_t)>& f) {
  const auto look = [&](const Ref& ref) {
    if (ref.kind == Ref::Kind::local && ref.up == levels) f(ref.index);
  };
  for (const auto& step : steps) {
    for (const auto& ref : step.inputs) look(ref);
    for (const auto& g : step.graphs) visit_uses(g.second->steps, g.second->outputs, levels + 1, f);
  }
  for (const auto& ref : outputs) look(ref);
}

void find_last_uses(std::vector<Step>& steps, const std::vector<Ref>& outputs, std::int32_t slots) {
  constexpr std::size_t never = static_cast<std::size_t>(-1);
  const bool keep =
      std::any_of(steps.begin(), steps.end(), [](const Step& s) { return s.node->op_type == "Gradient"; });
  std::vector<std::size_t> last(static_cast<std::size_t>(slots), never);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    auto& step = steps[s];
    step.last.assign(step.inputs.size(), false);
    step.release.clear();
    for (const auto& ref : step.inputs) {
      if (ref.kind == Ref::Kind::local && ref.up == 0) last[static_cast<std::size_t>(ref.index)] = s;
    }
    for (const auto& g : step.graphs) {
      visit_uses(g.second->steps, g.second->outputs, 1,
                 [&](std::int32_t slot) { last[static_cast<std::size_t>(slot)] = s; });
    }
    // What is not used at all is released by the step that makes it.
    for (const auto slot : step.outputs) {
      if (slot >= 0) last[static_cast<std::size_t>(slot)] = s;
    }
  }
  for (const auto& ref : outputs) {
    if (ref.kind == Ref::Kind::local && ref.up == 0) last[static_cast<std::size_t>(ref.index)] = never;
  }
  if (keep) return;
  for (std::size_t slot = 0; slot < last.size(); ++slot) {
    if (last[slot] == never) continue;
    auto& step = steps[last[slot]];
    const auto uses = std::count_if(step.inputs.begin(), step.inputs.end(), [&](const Ref& ref) {
      return ref.kind == Ref::Kind::local && ref.up == 0 && static_cast<std::size_t>(ref.index) == slot;
    });
    if (uses == 1 && step.graphs.empty()) {
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        const auto& ref = step.inputs[i];
        if (ref.kind == Ref::Kind::local && ref.up == 0 && static_cast<std::size_t>(ref.index) == slot) {
          step.last[i] = true;
        }
      }
    } else {
      step.release.push_back(static_cast<std::int32_t>(slot));
    }
  }
}

}  // namespace newtape::onnx::detail
