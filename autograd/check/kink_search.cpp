// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/kink_search.hpp>

#include <newtape/autograd/op.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

namespace newtape::detail {

namespace {

/// The nodes of a graph, operands before results, with their cotangents (undefined where none arrives).
struct Swept {
  std::vector<Tensor> outputs;  ///< keep the nodes alive
  std::vector<Node*> nodes;
  std::vector<std::vector<std::size_t>> operands;  ///< positions in `nodes`
  std::vector<Tensor> cotangents;
};

/// All nodes that the outputs depend on, in an order that depends on the graph alone.
void collect(Swept& s) {
  std::unordered_map<Node*, std::size_t> position;
  std::unordered_map<Node*, bool> seen;
  struct Visit {
    Node* node;
    std::size_t edge;
  };
  std::vector<Visit> path;
  const auto enter = [&](Node* node) {
    if (node != nullptr && !std::exchange(seen[node], true)) path.push_back({node, 0});
  };
  for (const auto& y : s.outputs) {
    enter(y.node().get());
    while (!path.empty()) {
      auto& [node, edge] = path.back();
      if (edge < node->edges.size()) {
        enter(node->edges[edge++].get());
        continue;
      }
      position[node] = s.nodes.size();
      s.nodes.push_back(node);
      s.operands.emplace_back();
      for (const auto& e : node->edges) {
        if (e) s.operands.back().push_back(position.at(e.get()));
      }
      path.pop_back();
    }
  }
}

/// F_{order-1} with one entry moved by `step`, and all cotangents, for those of the site.
Swept swept(CheckedFunction& f, const Site& site, int order, const CheckedEntry& e, double step) {
  std::vector<Tensor> point;
  const auto inputs = f.input_count(order - 1);
  for (std::size_t i = 0; i < inputs; ++i) {
    Numbers x = site.x[i];
    if (i == e.input) x[e.at] += step;
    point.push_back(variable(tensor_of(site.point[i].shape(), x)));
  }
  Swept s;
  std::vector<Tensor> weights;
  const auto ys = f.derivative(order - 1, point, true);
  for (std::size_t i = 0; i < ys.size(); ++i) {
    if (!ys[i].requires_grad()) continue;
    s.outputs.push_back(ys[i]);
    weights.push_back(site.point[inputs + i]);
  }
  collect(s);
  std::vector<Tensor> wanted;
  for (auto* node : s.nodes) wanted.emplace_back(Array(), NodeRef(node));
  if (!wanted.empty()) {
    s.cotangents =
        grad(s.outputs, wanted, {.retain_graph = true, .grad_outputs = std::move(weights), .allow_unused = true});
  }
  return s;
}

bool same_operations(const Swept& a, const Swept& b) {
  if (a.nodes.size() != b.nodes.size() || a.operands != b.operands) return false;
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    if (a.nodes[i]->op != b.nodes[i]->op || a.nodes[i]->shape != b.nodes[i]->shape) return false;
  }
  return true;
}

/// The entry with the largest jump between two cotangents; -1 if they differ by less than smooth functions may.
std::int64_t jump(const Tensor& a, const Tensor& b, const Shape& shape) {
  constexpr double smooth = 1e-3;
  const auto count = static_cast<std::size_t>(element_count(shape));
  const Numbers x = a.defined() ? numbers(a) : Numbers(count, 0.0);
  const Numbers y = b.defined() ? numbers(b) : Numbers(count, 0.0);
  double size = 0;
  double largest = 0;
  std::int64_t at = -1;
  for (std::size_t i = 0; i < count; ++i) {
    size = std::max({size, std::abs(x[i]), std::abs(y[i])});
    if (!(std::abs(x[i] - y[i]) > largest)) continue;
    largest = std::abs(x[i] - y[i]);
    at = static_cast<std::int64_t>(i);
  }
  return largest > smooth * size ? at : -1;
}

/// Whether operation k sends operand i a part of its cotangent that jumps.
bool passes_jump(const Swept& left, const Swept& right, std::size_t k, std::size_t i) {
  const NoGrad off;
  for (std::size_t edge = 0; edge < left.nodes[k]->edges.size(); ++edge) {
    if (left.nodes[k]->edges[edge].get() != left.nodes[i]) continue;
    if (!left.cotangents[k].defined() || !right.cotangents[k].defined()) return true;
    const Tensor a = left.nodes[k]->pull(edge, left.cotangents[k]);
    const Tensor b = right.nodes[k]->pull(edge, right.cotangents[k]);
    // One of several results has its operation's cotangents, which are not known here.
    if (!a.defined() || !b.defined() || a.shape() != b.shape()) return true;
    if (jump(a, b, a.shape()) >= 0) return true;
  }
  return false;
}

std::string jumping_operation(CheckedFunction& f, const Site& site, int order, const CheckedEntry& e) {
  const double step = 1e-6 * site.scale[e.input];
  const Swept left = swept(f, site, order, e, -step);
  const Swept right = swept(f, site, order, e, step);
  if (!same_operations(left, right) || left.cotangents.size() != left.nodes.size()) return {};
  // From the results back, the first operand whose cotangent jumps, and an operation that takes it.
  for (std::size_t i = left.nodes.size(); i-- > 0;) {
    const Node& operand = *left.nodes[i];
    if (operand.dtype != f64) continue;
    const auto at = jump(left.cotangents[i], right.cotangents[i], operand.shape);
    if (at < 0) continue;
    for (std::size_t k = left.nodes.size(); k-- > i + 1;) {
      if (!passes_jump(left, right, k, i)) continue;
      const Node& node = *left.nodes[k];
      return "the kink is that of " + std::string(node.op->name()) + ", recorded at " + to_string(node.location) +
             ", at entry " + entry_text(static_cast<std::size_t>(at), operand.shape) + " of its operand " +
             to_string(operand.shape);
    }
  }
  return {};
}

}  // namespace

std::string operation_at_kink(CheckedFunction& f, const Site& site, const CheckedEntry& e) {
  // The function's own operations say more than those of its derivatives.
  std::string found;
  if (e.input < f.input_count(0)) found = jumping_operation(f, site, 1, e);
  return found.empty() && site.order > 1 ? jumping_operation(f, site, site.order, e) : found;
}

}  // namespace newtape::detail
