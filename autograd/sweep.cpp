// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>

#include <memory>
#include <string>
#include <unordered_map>

namespace newtape {
namespace detail {
namespace {

std::string where(const Node& node) {
  return node.op == nullptr ? std::string("a variable")
                            : std::string(node.op->name()) + ", recorded at " + to_string(node.place);
}

/// One walk back through the graph: finds what the roots depend on, then takes cotangents from each node to its inputs.
/// Two loops, no recursion. Sweeps may run in several threads at once, also over nodes that they share.
class Sweep {
 public:
  explicit Sweep(std::size_t batch, bool stops_at_wanted = false)
      : batch_(batch), id_(next_id()), stops_at_wanted_(stops_at_wanted) {}
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;
  ~Sweep() {
    for (auto& slot : slots_) {
      if ((slot.node->claim.load(std::memory_order_relaxed) >> 32) == id_) {
        slot.node->claim.store(0, std::memory_order_release);
      }
    }
  }

  /// The gradient of this node is wanted.
  void want(Node* node) { slots_[enter(node)].wanted = true; }

  /// Finds all that `root` depends on. Call `want` before.
  void explore(Node* root) {
    struct Visit {
      std::uint32_t slot;
      std::uint32_t edge;
    };
    std::vector<Visit> path;
    const auto start = enter(root);
    if (slots_[start].explored) return;
    slots_[start].explored = true;
    path.push_back({start, 0});
    while (!path.empty()) {
      auto& [slot, edge] = path.back();
      Node* node = slots_[slot].node;
      if (edge == node->edges.size() || (stops_at_wanted_ && slots_[slot].wanted)) {
        finish(slot);
        path.pop_back();
        continue;
      }
      Node* input = node->edges[edge++].get();
      if (input == nullptr) continue;
      const auto next = enter(input);
      if (slots_[next].explored) continue;
      slots_[next].explored = true;
      path.push_back({next, 0});
    }
  }

  void seed(Node* root, Tensor g) { receive(slots_[find(root)], std::move(g)); }

  void run(bool release) {
    // Inputs finish before what is made of them, so the reverse order has every cotangent complete when its turn comes.
    for (auto i = order_.rbegin(); i != order_.rend(); ++i) {
      const auto index = *i;
      if (!slots_[index].g.defined() || !slots_[index].needed) continue;
      Node* node = slots_[index].node;
      if (slots_[index].wanted) slots_[index].result = slots_[index].g;
      Tensor g = std::move(slots_[index].g);
      slots_[index].g = Tensor();
      if (node->edges.empty() || (stops_at_wanted_ && slots_[index].wanted)) continue;
      if (node->released.load(std::memory_order_relaxed)) {
        raise<ValueError>("backward: the graph was released by an earlier backward through " + where(*node),
                          "one backward through each graph, or retain_graph or create_graph for the first",
                          "a second one");
      }
      step(*node, std::move(g));
      if (release) {
        node->released.store(true, std::memory_order_relaxed);
        node->release();
      }
    }
  }

  /// What has arrived at a node that was wanted; undefined when nothing has.
  Tensor result(Node* node) { return slots_[find(node)].result; }

  /// Adds what has arrived at the variables to their gradients.
  void deliver() {
    for (auto& slot : slots_) {
      if (slot.node->op == nullptr && slot.result.defined()) {
        static_cast<Leaf*>(slot.node)->accumulate(std::move(slot.result));
      }
    }
  }

  /// Every variable is wanted.
  void want_variables() { all_leaves_ = true; }

 private:
  struct Slot {
    Node* node;
    Tensor g;       ///< what has arrived so far
    Tensor result;  ///< all that arrived, where it was wanted
    bool explored = false;
    bool wanted = false;
    bool needed = false;  ///< wanted, or on the way to a node that is
  };

  static std::uint64_t next_id() {
    static std::atomic<std::uint32_t> last{0};
    std::uint32_t id = 0;
    while (id == 0) id = last.fetch_add(1, std::memory_order_relaxed) + 1;
    return id;
  }

  // A node remembers its slot in the sweep that claimed it first; a sweep that comes second keeps its slots in a map.
  std::uint32_t enter(Node* node) {
    std::uint64_t owner = node->claim.load(std::memory_order_acquire);
    if ((owner >> 32) == id_) return static_cast<std::uint32_t>(owner);
    // The map first: the sweep that had the node when it was put there may have let go of it since.
    if (!elsewhere_.empty()) {
      if (const auto at = elsewhere_.find(node); at != elsewhere_.end()) return at->second;
    }
    const auto index = static_cast<std::uint32_t>(slots_.size());
    if (owner != 0 || !node->claim.compare_exchange_strong(owner, id_ << 32 | index)) elsewhere_.emplace(node, index);
    slots_.push_back({node, {}, {}});
    return index;
  }
  std::uint32_t find(Node* node) const {
    const std::uint64_t owner = node->claim.load(std::memory_order_relaxed);
    return (owner >> 32) == id_ ? static_cast<std::uint32_t>(owner) : elsewhere_.at(node);
  }

  void finish(std::uint32_t index) {
    auto& slot = slots_[index];
    if (all_leaves_ && slot.node->op == nullptr) slot.wanted = true;
    slot.needed = slot.wanted;
    if (stops_at_wanted_ && slot.wanted) {
      order_.push_back(index);
      return;
    }
    for (const auto& edge : slot.node->edges) {
      if (slot.needed) break;
      slot.needed = edge && slots_[find(edge.get())].needed;
    }
    order_.push_back(index);
  }

  void step(Node& node, Tensor g) {
    // The last input that needs the cotangent gets it for good, and may write over it.
    std::size_t last = node.edges.size();
    for (std::size_t i = node.edges.size(); i-- > 0 && last == node.edges.size();) {
      if (node.edges[i] && slots_[find(node.edges[i].get())].needed) last = i;
    }
    if (last == node.edges.size()) return;
    const char* doing = "in the pullback of ";
    std::vector<Tensor> all;
    try {
      if (node.pulls_together) all = node.pull_together(needed_by(node), std::move(g));
      for (std::size_t i = 0; i <= last; ++i) {
        if (!node.edges[i]) continue;
        auto& slot = slots_[find(node.edges[i].get())];
        if (!slot.needed) continue;
        doing = "in the pullback of ";
        // NOLINTNEXTLINE(bugprone-use-after-move): the last use
        Tensor x = node.pulls_together ? std::move(all[i]) : i == last ? node.pull(i, std::move(g)) : node.pull(i, g);
        doing = "in the gradient from ";
        if (x.defined()) receive(slot, std::move(x));
      }
    } catch (const ShapeError& e) {
      throw ShapeError(e.what() + ("\n  " + (doing + where(node))));
    } catch (const DTypeError& e) {
      throw DTypeError(e.what() + ("\n  " + (doing + where(node))));
    } catch (const ValueError& e) {
      throw ValueError(e.what() + ("\n  " + (doing + where(node))));
    } catch (const NumericalError& e) {
      throw NumericalError(e.what() + ("\n  " + (doing + where(node))));
    }
  }

  std::vector<bool> needed_by(const Node& node) const {
    std::vector<bool> needed;
    for (const auto& edge : node.edges) needed.push_back(edge && slots_[find(edge.get())].needed);
    return needed;
  }

  /// The one place where gradients are summed: over broadcast axes down to the shape of the node, and over its uses.
  void receive(Slot& slot, Tensor g) {
    g = fit(*slot.node, std::move(g));
    slot.g = slot.g.defined() ? std::move(slot.g) + std::move(g) : std::move(g);
  }

  Tensor fit(const Node& node, Tensor g) const {
    if (g.dtype() != node.dtype) {
      raise<DTypeError>("backward: a gradient must have the dtype of what it belongs to",
                        std::string(name(node.dtype)) + " " + to_string(node.shape),
                        std::string(name(g.dtype())) + " " + to_string(g.shape()));
    }
    if (batch_ == 0 && g.shape() == node.shape) return g;
    const auto extra = static_cast<std::int64_t>(g.ndim()) - static_cast<std::int64_t>(node.shape.size() + batch_);
    bool fits = extra >= 0;
    bool same = extra == 0;
    for (std::size_t i = 0; fits && i < node.shape.size(); ++i) {
      const auto got = g.shape()[g.ndim() - node.shape.size() + i];
      same &= got == node.shape[i];
      fits = got == node.shape[i] || node.shape[i] == 1;
    }
    if (!fits) {
      raise<ShapeError>("backward: a gradient must have the shape of what it belongs to, or one it broadcasts to",
                        to_string(node.shape) + (batch_ == 0 ? "" : " after " + std::to_string(batch_) + " batch axes"),
                        to_string(g.shape()));
    }
    return same ? g : sum_to(std::move(g), node.shape, batch_);
  }

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> order_;
  std::unordered_map<Node*, std::uint32_t> elsewhere_;
  std::size_t batch_;
  std::uint64_t id_;
  bool all_leaves_ = false;
  bool stops_at_wanted_;
};

/// Checks the cotangents of `outputs` and makes those left out. Returns the number of their extra leading axes.
std::size_t check_cotangents(const char* what, std::span<const Tensor> outputs, std::vector<Tensor>& cotangents) {
  if (cotangents.empty()) cotangents.resize(outputs.size());
  if (cotangents.size() != outputs.size()) {
    raise<ValueError>(std::string(what) + ": one cotangent for each output", std::to_string(outputs.size()),
                      std::to_string(cotangents.size()));
  }
  std::size_t batch = 0;
  bool known = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& y = outputs[i];
    auto& g = cotangents[i];
    if (!y.requires_grad()) {
      raise<ValueError>(std::string(what) + ": the output must depend on a variable", "a recorded result",
                        "a constant (made of constants, detached, or computed while recording was off)");
    }
    if (!g.defined()) {
      if (y.size() != 1) {
        raise<ShapeError>(std::string(what) + ": an output of several elements needs a cotangent",
                          "one element, or a cotangent of shape " + to_string(y.shape()), "none");
      }
      g = ones_like(y);
    }
    if (g.dtype() != y.dtype()) {
      raise<DTypeError>(std::string(what) + ": the cotangent must have the output's dtype",
                        std::string(name(y.dtype())), std::string(name(g.dtype())));
    }
    const bool longer = g.ndim() >= y.ndim();
    const std::size_t extra = longer ? g.ndim() - y.ndim() : 0;
    if (!longer || !std::equal(y.shape().begin(), y.shape().end(), g.shape().begin() + extra) ||
        (known && extra != batch)) {
      raise<ShapeError>(std::string(what) + ": the cotangent must have the output's shape, after any batch axes",
                        to_string(y.shape()), to_string(g.shape()));
    }
    batch = extra;
    known = true;
  }
  return batch;
}

}  // namespace

std::vector<Tensor> Node::pull_together(const std::vector<bool>& needed, Tensor g) {
  std::vector<Tensor> results(needed.size());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) results[i] = pull(i, g);
  }
  return results;
}

std::vector<Tensor> grad_between(const Tensor& output, std::span<const Tensor> inputs, Tensor g, bool create_graph) {
  Sweep sweep(g.ndim() - output.ndim(), true);
  for (const auto& x : inputs) {
    if (x.requires_grad()) sweep.want(x.node().get());
  }
  sweep.explore(output.node().get());
  const GradMode mode(create_graph);
  sweep.seed(output.node().get(), std::move(g));
  sweep.run(!create_graph);
  std::vector<Tensor> results;
  for (const auto& x : inputs) results.push_back(x.requires_grad() ? sweep.result(x.node().get()) : Tensor());
  return results;
}

void Leaf::accumulate(Tensor g) {
  // Taken out while it is added to, so that the sum can be formed in place; a second thread adds to what it finds.
  for (;;) {
    while (busy_.test_and_set(std::memory_order_acquire)) busy_.wait(true, std::memory_order_relaxed);
    Tensor other = std::exchange(grad_, Tensor());
    const bool alone = !other.defined();
    if (alone) std::swap(grad_, g);
    busy_.clear(std::memory_order_release);
    busy_.notify_one();
    if (alone) return;
    g = std::move(other) + std::move(g);
  }
}

}  // namespace detail

void Tensor::backward() const { backward(BackwardOptions{}); }

void Tensor::backward(const BackwardOptions& options) const {
  std::vector<Tensor> cotangents{options.gradient};
  const Tensor self = *this;  // keeps the graph alive whatever a pullback does
  const auto batch = detail::check_cotangents("backward", {&self, 1}, cotangents);
  if (batch != 0) {
    raise<ShapeError>("backward: the cotangent must have the output's shape", to_string(shape()),
                      to_string(cotangents[0].shape()));
  }
  detail::Sweep sweep(0);
  sweep.want_variables();
  sweep.explore(node_.get());
  const GradMode mode(options.create_graph);
  sweep.seed(node_.get(), std::move(cotangents[0]));
  sweep.run(!options.retain_graph && !options.create_graph);
  sweep.deliver();
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs, const GradOptions& options) {
  const std::vector<Tensor> roots(outputs.begin(), outputs.end());
  std::vector<Tensor> cotangents = options.grad_outputs;
  const auto batch = detail::check_cotangents("grad", roots, cotangents);
  detail::Sweep sweep(batch);
  for (const auto& x : inputs) {
    if (!x.requires_grad()) {
      raise<ValueError>("grad: an input must be a variable, or made from one", "a variable or a recorded result",
                        "a constant of shape " + (x.defined() ? to_string(x.shape()) : std::string("(undefined)")));
    }
    sweep.want(x.node().get());
  }
  for (const auto& y : roots) sweep.explore(y.node().get());
  const GradMode mode(options.create_graph);
  for (std::size_t i = 0; i < roots.size(); ++i) sweep.seed(roots[i].node().get(), cotangents[i]);
  sweep.run(!options.retain_graph && !options.create_graph);
  std::vector<Tensor> results;
  results.reserve(inputs.size());
  for (const auto& x : inputs) {
    Tensor g = sweep.result(x.node().get());
    if (!g.defined()) {
      if (!options.allow_unused) {
        raise<ValueError>("grad: the outputs do not depend on an input", "a used input, or allow_unused for zeros",
                          "an unused one of shape " + to_string(x.shape()));
      }
      g = zeros(with_leading(cotangents[0], roots[0].ndim(), x.shape()), x.dtype());
    }
    results.push_back(std::move(g));
  }
  return results;
}

Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options) {
  return grad(std::span(&output, 1), std::span(&input, 1), options)[0];
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options) {
  return grad(std::span(&output, 1), std::span<const Tensor>(inputs), options);
}

}  // namespace newtape
