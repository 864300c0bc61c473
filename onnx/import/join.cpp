// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/join.hpp>
#include <newtape/onnx/import/join_patterns.hpp>
#include <newtape/onnx/import/usage.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace newtape::onnx::detail {
namespace {

/// Operators whose results are not the same each time, or no tensors, or that train.
constexpr std::string_view not_prepared[] = {
    "BatchNormalization", "Bernoulli",        "Dropout",       "Multinomial",       "Optional",
    "RandomNormal",       "RandomNormalLike", "RandomUniform", "RandomUniformLike", "SequenceConstruct",
};

class Joiner {
 public:
  explicit Joiner(Plan& plan) : plan_(plan), build_(plan) {}
  void run() { graph(plan_.graph, nullptr); }

 private:
  /// A graph within others, with what its slots became.
  struct Scope {
    const Scope* outer;
    std::vector<Ref> replaced;  ///< by slot; absent: not replaced
  };

  static Ref substituted(const Scope& scope, const Ref& ref) {
    if (ref.kind != Ref::Kind::local) return ref;
    const Scope* s = &scope;
    for (auto up = ref.up; up > 0 && s != nullptr; --up) s = s->outer;
    if (s == nullptr) return ref;
    const Ref& other = s->replaced[static_cast<std::size_t>(ref.index)];
    return other.kind == Ref::Kind::absent ? ref : other;
  }

  /// Whether it depends on weights, statistics and constants only.
  static bool can_be_prepared(const Step& step) {
    if (step.row == nullptr || step.function || !step.graphs.empty() || !step.row->domain.empty()) return false;
    if (std::find(std::begin(not_prepared), std::end(not_prepared), step.row->op) != std::end(not_prepared))
      return false;
    const auto fits = [](const Ref& ref) { return is_static(ref) || ref.kind == Ref::Kind::absent; };
    return std::all_of(step.inputs.begin(), step.inputs.end(), fits) &&
           std::any_of(step.inputs.begin(), step.inputs.end(), is_static);
  }

  void graph(GraphPlan& g, const Scope* outer) {
    Scope scope{outer, std::vector<Ref>(static_cast<std::size_t>(g.slots))};
    for (const Step& original : g.steps) {
      Step step = original;
      for (auto& ref : step.inputs) ref = substituted(scope, ref);
      if (can_be_prepared(step)) {
        const auto prepared = build_.prepare(step);
        for (std::size_t i = 0; i < step.outputs.size(); ++i) {
          if (step.outputs[i] >= 0) scope.replaced[static_cast<std::size_t>(step.outputs[i])] = prepared[i];
        }
        continue;
      }
      for (auto& inner : step.graphs) graph(*inner.second, &scope);
      if (step.function) graph(*step.function, nullptr);
      g.joined_steps.push_back(std::move(step));
    }
    for (const auto& ref : g.outputs) g.joined_outputs.push_back(substituted(scope, ref));
    join_patterns(g, build_);
    find_last_uses(g.joined_steps, g.joined_outputs, g.slots);
  }

  Plan& plan_;
  StepBuilder build_;
};

}  // namespace

void join_nodes(Plan& plan) { Joiner(plan).run(); }

}  // namespace newtape::onnx::detail
