// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/op_observer.hpp>
#include <newtape/autograd/tape.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace newtape::detail {

/// One reverse sweep: finds the nodes that the roots depend on in topological order, then propagates cotangents from
/// each node to its inputs. Without recursion. Several threads may run sweeps at once, also over shared nodes.
class Sweep {
 public:
  explicit Sweep(std::size_t batch, bool stops_at_wanted = false)
      : batch_(batch), id_(next_id()), anomaly_checks_(gradient_checks()), stops_at_wanted_(stops_at_wanted) {
    slots_.reserve(usual_nodes);
    order_.reserve(usual_nodes);
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;
  ~Sweep() {
    for (auto& slot : slots_) {
      if ((slot.node->claim.load(std::memory_order_relaxed) >> 32) == id_) {
        slot.node->claim.store(0, std::memory_order_release);
      }
    }
  }

  /// Requests the gradient of this node.
  void want(Node* node) { slots_[enter(node)].wanted = true; }

  /// Finds all nodes that `root` depends on. Call `want` before.
  void explore(Node* root);

  void seed(Node* root, Tensor g) {
    inspect("the cotangent for ", *root, g);
    receive(slots_[find(root)], std::move(g));
  }

  void run(bool release);

  /// The gradient of a requested node; undefined when the roots do not depend on it.
  Tensor result(Node* node) { return slots_[find(node)].result; }

  /// Adds the gradients of variables, and of results that retain theirs, to their cells.
  void deliver();

  /// Requests the gradients of all nodes that keep theirs.
  void want_keepers() { all_keepers_ = true; }

 private:
  struct Slot {
    Node* node;
    Tensor g;                                      ///< the cotangent accumulated so far
    Tensor result;                                 ///< the complete cotangent of a wanted node
    std::unique_ptr<std::vector<Tensor>> outputs;  ///< instead of g: cotangents of an operation with several results
    bool explored = false;
    bool wanted = false;
    bool needed = false;     ///< wanted, or depends on a wanted node
    std::uint32_t uses = 0;  ///< of a variable with hooks: by operations whose pullback has not run

    bool arrived() const { return g.defined() || outputs != nullptr; }
  };

  static void release_saved(Node& node) {
    node.released.store(true, std::memory_order_relaxed);
    node.release();
  }

  static std::uint64_t next_id();

  // A node stores its slot in the sweep that claimed it first; concurrent sweeps keep their slots of it in a map.
  std::uint32_t enter(Node* node);
  std::uint32_t find(Node* node) const {
    const std::uint64_t owner = node->claim.load(std::memory_order_relaxed);
    return (owner >> 32) == id_ ? static_cast<std::uint32_t>(owner) : elsewhere_.at(node);
  }

  void finish(std::uint32_t index);

  /// Adds `g` to the cotangent of result `k` of an operation with several results.
  static void collect(Slot& slot, std::size_t k, Tensor g);

  /// Whether the node of an edge needs a cotangent.
  bool needs(const NodeRef& edge) const { return edge && slots_[find(edge.get())].needed; }

  /// Propagates the cotangent of a node to its edges: first to variables, whose hooks so run before longer work, then to
  /// results. The last one receives it by move, and may overwrite it.
  void step(Node& node, Tensor g, const std::vector<Tensor>* outputs);

  /// One edge of it.
  void pull_edge(Node& node, std::size_t i, Tensor& g, const std::vector<Tensor>* outputs, Tensor* joint, bool moves);

  /// Calls the hooks of a node whose cotangent is complete, and keeps the cotangent if it is wanted.
  void arrive(Slot& slot);

  /// Whether the gradient of a node may be kept as rows: see row_grad.hpp. Captured functions have dense ones.
  bool takes_rows(const Node& node) const;

  /// Adds the cotangent of edge `i` to the sum in `slot` in place; false, with nothing done, where that is impossible.
  bool accumulated(Node& node, std::size_t i, Slot& slot, const Tensor& g) const;

  /// Applies the hooks of a node to its gradient.
  void call_hooks(const Node& node, Tensor& g);

  /// NumericalError when an anomaly check is on and `g` fails it.
  void inspect(const char* what, const Node& node, const Tensor& g, const Tensor* cotangent = nullptr) const;

  std::vector<bool> needed_by(const Node& node) const {
    std::vector<bool> needed;
    for (const auto& edge : node.edges) needed.push_back(needs(edge));
    return needed;
  }

  /// Sums `g` over broadcast axes to the shape of the node, and adds it to the cotangents from other uses.
  void receive(Slot& slot, Tensor g);

  Tensor fit(const Node& node, Tensor g) const;

  static constexpr std::size_t usual_nodes = 128;  ///< to which vectors need not grow step by step

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> order_;
  std::unordered_map<Node*, std::uint32_t> elsewhere_;
  std::size_t batch_;
  std::uint64_t id_;
  unsigned anomaly_checks_;
  OpObserver* const observer_ = OpObserver::current();
  bool all_keepers_ = false;
  bool stops_at_wanted_;
  bool for_pullbacks_ = false;   ///< cotangents are recorded for pullbacks that differentiate them, and not for results
  bool differentiated_ = false;  ///< a pullback differentiates its cotangents
};

}  // namespace newtape::detail
