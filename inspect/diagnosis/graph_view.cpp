// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/inspect/diagnosis/graph_view.hpp>

#include <algorithm>
#include <string_view>

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

/// The least number of edges from `root` to each node that it depends on.
std::unordered_map<const Node*, int> distances_from(const Node* root) {
  std::unordered_map<const Node*, int> distance{{root, 0}};
  std::vector<const Node*> level{root};
  while (!level.empty()) {
    std::vector<const Node*> next;
    for (const Node* node : level) {
      for (const auto& edge : node->edges) {
        if (edge && distance.emplace(edge.get(), distance[node] + 1).second) next.push_back(edge.get());
      }
    }
    level = std::move(next);
  }
  return distance;
}

/// Operations that subtract the mean of each channel.
bool takes_means(std::string_view op) { return op == "batch_norm" || op == "instance_norm"; }

/// Adds the parameters with one axis that the result normalised by `norm` is the last to be shifted by.
void note_biases(const Node& norm, const std::unordered_map<const Node*, std::string>& names,
                 std::vector<std::string>& biases) {
  const Node* made = first_edge(norm);
  while (made != nullptr && only_moves(*made)) made = first_edge(*made);
  if (made == nullptr || made->op == nullptr) return;
  const std::string op = made->op->name();
  if (op != "linear" && op != "conv" && op != "conv_transpose" && op != "add") return;
  for (const auto& edge : made->edges) {
    const Node* from = edge.get();
    while (from != nullptr && names.count(from) == 0 && only_moves(*from)) from = first_edge(*from);
    const auto at = from != nullptr ? names.find(from) : names.end();
    if (at != names.end() && at->second.ends_with("bias")) biases.push_back(at->second);
  }
}

/// Operations in which weights multiply activations.
bool is_product(const std::string& op) {
  static const std::unordered_set<std::string> products{"linear",    "matmul",   "conv",          "conv_transpose",
                                                        "lstm_scan", "gru_scan", "rnn_tanh_scan", "rnn_relu_scan"};
  return products.count(op) > 0;
}

/// The leaf that an operand is, or moves the elements of; null for what was computed.
const Node* leaf_of(const Node* from) {
  while (from != nullptr && from->op != nullptr && only_moves(*from)) from = first_edge(*from);
  return from != nullptr && from->op == nullptr ? from : nullptr;
}

/// Whether an operation takes data and variables only: a first layer.
bool takes_data(const Node& node) {
  if (node.op == nullptr || (!is_product(node.op->name()) && std::string_view(node.op->name()) != "embedding")) {
    return false;
  }
  return std::all_of(node.edges.begin(), node.edges.end(),
                     [](const auto& edge) { return !edge || leaf_of(edge.get()) != nullptr; });
}

/// Whether data reach `root` without the operations that take `leaf`.
bool has_way_around(const Node* root, const Node* leaf) {
  std::unordered_set<const Node*> seen{root};
  std::vector<const Node*> next{root};
  while (!next.empty()) {
    const Node* node = next.back();
    next.pop_back();
    const bool taken = std::any_of(node->edges.begin(), node->edges.end(),
                                   [&](const auto& edge) { return edge && leaf_of(edge.get()) == leaf; });
    if (taken && node->op != nullptr && !only_moves(*node)) continue;
    if (takes_data(*node)) return true;
    for (const auto& edge : node->edges) {
      if (edge && seen.insert(edge.get()).second) next.push_back(edge.get());
    }
  }
  return false;
}

}  // namespace

bool GraphView::multiplies(const std::string& parameter) const {
  const auto at = consumers.find(parameter);
  return at != consumers.end() &&
         std::any_of(at->second.begin(), at->second.end(), [](const auto& op) { return is_product(op); });
}

GraphView view_graph(const nn::ModuleBase& model, const Tensor& output, const Tensor& loss,
                     const std::vector<Parameter>& held) {
  GraphView view;
  if (!loss.defined() || !loss.requires_grad()) return view;
  view.known = true;
  const Node* root = loss.node().get();
  const Node* head = output.defined() && output.requires_grad() ? output.node().get() : nullptr;
  if (root->op != nullptr) view.loss_location = to_string(root->location);
  const auto beside = reachable(root, head);
  for (const Node* node : beside) {
    if (node != head && node->op != nullptr) {
      view.loss_ops.insert(node->op->name());
      std::int64_t size = 1;
      for (const auto length : node->shape) size *= length;
      view.loss_sizes.insert(size);
    }
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
  std::unordered_set<const Node*> known;
  for (const auto& p : model.parameters()) known.insert(p.tensor().node().get());
  for (const auto& p : held) known.insert(p.tensor().node().get());
  const auto all = reachable(root, nullptr);
  std::unordered_set<const Node*> strangers;
  for (const Node* node : all) {
    if (node->op == nullptr) continue;
    view.ops.insert(node->op->name());
    for (const auto& edge : node->edges) {
      const Node* from = edge.get();
      while (from != nullptr && names.count(from) == 0 && only_moves(*from)) from = first_edge(*from);
      if (from == nullptr) continue;
      if (from->op == nullptr && known.count(from) == 0 && strangers.insert(from).second) {
        view.unregistered.push_back(std::string("an operand of ") + node->op->name() + " at " +
                                    to_string(node->location));
      }
      if (const auto at = names.find(from); at != names.end()) view.consumers[at->second].insert(node->op->name());
    }
  }
  for (const Node* node : all) {
    if (node->op != nullptr && takes_means(node->op->name())) note_biases(*node, names, view.normalised_biases);
  }
  std::sort(view.normalised_biases.begin(), view.normalised_biases.end());
  const auto distances = distances_from(root);
  for (const auto& [node, name] : names) {
    if (const auto at = distances.find(node); at != distances.end()) view.distances[name] = at->second;
    if (head != nullptr && beside.count(node) > 0) view.penalised.push_back(name);
    if (all.count(node) == 0) view.unreached.push_back(name);
    constexpr std::int64_t narrow = 8;  // others are no bottleneck
    if (node->shape.size() >= 2 && node->shape[0] <= narrow && all.count(node) > 0 && !has_way_around(root, node)) {
      view.bottlenecks.insert(name);
    }
  }
  for (auto* list : {&view.unreached, &view.unregistered, &view.penalised}) std::sort(list->begin(), list->end());
  return view;
}

}  // namespace newtape::inspect
