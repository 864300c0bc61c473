// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/inspect/diagnosis/graph_view.hpp>

#include <algorithm>

namespace newtape::inspect {
namespace {

using newtape::detail::Node;

/// Operations that move elements: what they pass on was computed before.
bool only_moves(const Node& node) {
  static const std::unordered_set<std::string> names{"reshape", "permute", "slice", "expand", "cast"};
  return node.op != nullptr && names.count(node.op->name()) > 0;
}

const Node* first_edge(const Node& node) {
  for (const auto& edge : node.edges) {
    if (edge) return edge.get();
  }
  return nullptr;
}

/// All nodes that `from` depends on, itself included; not beyond `stop`.
std::unordered_set<const Node*> reachable(const Node* from, const Node* stop) {
  std::unordered_set<const Node*> seen{from};
  std::vector<const Node*> next{from};
  while (!next.empty()) {
    const Node* node = next.back();
    next.pop_back();
    if (node == stop) continue;
    for (const auto& edge : node->edges) {
      if (edge && seen.insert(edge.get()).second) next.push_back(edge.get());
    }
  }
  return seen;
}

}  // namespace

bool GraphView::multiplies(const std::string& parameter) const {
  static const std::unordered_set<std::string> products{"linear",    "matmul",   "conv",          "conv_transpose",
                                                        "lstm_scan", "gru_scan", "rnn_tanh_scan", "rnn_relu_scan"};
  const auto at = consumers.find(parameter);
  return at != consumers.end() &&
         std::any_of(at->second.begin(), at->second.end(), [&](const auto& op) { return products.count(op) > 0; });
}

GraphView view_graph(const nn::ModuleBase& model, const Tensor& output, const Tensor& loss) {
  GraphView view;
  if (!loss.defined() || !loss.requires_grad()) return view;
  view.known = true;
  const Node* root = loss.node().get();
  const Node* head = output.defined() && output.requires_grad() ? output.node().get() : nullptr;
  if (root->op != nullptr) view.loss_location = to_string(root->location);
  for (const Node* node : reachable(root, head)) {
    if (node != head && node->op != nullptr) view.loss_ops.insert(node->op->name());
    view.output_reached = view.output_reached || (head != nullptr && node == head);
  }
  const Node* made = head;
  while (made != nullptr && only_moves(*made)) made = first_edge(*made);
  if (made != nullptr && made->op != nullptr) {
    view.head = made->op->name();
    view.head_location = to_string(made->location);
  }
  std::unordered_map<const Node*, std::string> names;
  for (const auto& [name, p] : model.named_parameters()) {
    if (p.requires_grad()) names.emplace(p.tensor().node().get(), name);
  }
  const auto all = reachable(root, nullptr);
  for (const Node* node : all) {
    if (node->op == nullptr) continue;
    view.ops.insert(node->op->name());
    for (const auto& edge : node->edges) {
      const Node* from = edge.get();
      while (from != nullptr && names.count(from) == 0 && only_moves(*from)) from = first_edge(*from);
      if (from == nullptr) continue;
      if (const auto at = names.find(from); at != names.end()) view.consumers[at->second].insert(node->op->name());
    }
  }
  for (const auto& [node, name] : names) {
    if (all.count(node) == 0) view.unreached.push_back(name);
  }
  std::sort(view.unreached.begin(), view.unreached.end());
  return view;
}

}  // namespace newtape::inspect
