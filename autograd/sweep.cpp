// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/observe/backward_observer.hpp>
#include <newtape/autograd/observe/op_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/ops/elementwise.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace newtape {
namespace detail {
namespace {

std::string where(const Node& node) {
  return node.op == nullptr ? std::string("a variable")
                            : std::string(node.op->name()) + ", recorded at " + to_string(node.location);
}

/// Runs `f`; appends `doing` and the operation of `node` to the message of an error.
template <class F>
auto explain(const char* doing, const Node& node, const F& f) {
  const auto more = [&](const auto& error) { return error.what() + ("\n  " + (doing + where(node))); };
  try {
    return f();
  } catch (const ShapeError& e) {
    throw ShapeError(more(e));
  } catch (const DTypeError& e) {
    throw DTypeError(more(e));
  } catch (const ValueError& e) {
    throw ValueError(more(e));
  } catch (const NumericalError& e) {
    throw NumericalError(more(e));
  }
}

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

  void seed(Node* root, Tensor g) {
    inspect("the cotangent for ", *root, g);
    receive(slots_[find(root)], std::move(g));
  }

  void run(bool release) {
    const AnomalyPause off;
    // Cotangents that a pullback differentiates are recorded, for this sweep only: their graph refers to nodes that the
    // sweep has passed, which are therefore released at the end.
    const bool for_pullbacks = differentiated_ && !grad_enabled();
    const GradMode mode(grad_enabled() || for_pullbacks);
    std::vector<Node*> passed;
    // order_ lists inputs before their results, so in reverse order a node's cotangent is complete when it is reached.
    for (auto i = order_.rbegin(); i != order_.rend(); ++i) {
      const auto index = *i;
      if (!slots_[index].arrived() || !slots_[index].needed) continue;
      Node* node = slots_[index].node;
      if (node->grad_hooks != nullptr && !node->grad_hooks->hooks.empty()) call_hooks(*node, slots_[index].g);
      if (slots_[index].wanted) slots_[index].result = for_pullbacks ? slots_[index].g.detach() : slots_[index].g;
      Tensor g = std::move(slots_[index].g);
      slots_[index].g = Tensor();
      if (stops_at_wanted_ && slots_[index].wanted) continue;
      const auto last = last_needed(*node);
      if (last == node->edges.size()) continue;
      if (node->released.load(std::memory_order_relaxed)) {
        raise<ValueError>("backward: the graph was released by an earlier backward through " + where(*node),
                          "one backward through each graph, or retain_graph or create_graph in the first",
                          "a second one");
      }
      if (node->output_index >= 0) {
        collect(slots_[find(node->edges[0].get())], static_cast<std::size_t>(node->output_index), std::move(g));
        continue;
      }
      const auto outputs = std::move(slots_[index].outputs);
      if (observer_ != nullptr) observer_->on_pullback_begin(*node->op, node->location);
      step(*node, std::move(g), outputs.get(), last);
      if (observer_ != nullptr) observer_->on_pullback_end(*node->op, node->location);
      if (!release) continue;
      if (for_pullbacks) {
        passed.push_back(node);
      } else {
        release_saved(*node);
      }
    }
    for (auto* node : passed) release_saved(*node);
  }

  /// The gradient of a requested node; undefined when the roots do not depend on it.
  Tensor result(Node* node) { return slots_[find(node)].result; }

  /// Adds the gradients of variables, and of results that retain theirs, to their cells.
  void deliver() {
    for (auto& slot : slots_) {
      if (!slot.result.defined()) continue;
      auto* const cell = grad_cell(*slot.node);
      if (cell == nullptr) continue;
      if (state_observer != nullptr) state_observer->on_gradient(*slot.node, false);
      cell->add(std::move(slot.result));
    }
  }

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
    bool needed = false;  ///< wanted, or depends on a wanted node

    bool arrived() const { return g.defined() || outputs != nullptr; }
  };

  static void release_saved(Node& node) {
    node.released.store(true, std::memory_order_relaxed);
    node.release();
  }

  static std::uint64_t next_id() {
    static std::atomic<std::uint32_t> last{0};
    std::uint32_t id = 0;
    while (id == 0) id = last.fetch_add(1, std::memory_order_relaxed) + 1;
    return id;
  }

  // A node stores its slot in the sweep that claimed it first; concurrent sweeps keep their slots of it in a map.
  std::uint32_t enter(Node* node) {
    std::uint64_t owner = node->claim.load(std::memory_order_acquire);
    if ((owner >> 32) == id_) return static_cast<std::uint32_t>(owner);
    // Search the map first: the sweep that owned the node at the time of insertion may have released its claim since.
    if (!elsewhere_.empty()) {
      if (const auto at = elsewhere_.find(node); at != elsewhere_.end()) return at->second;
    }
    const auto index = static_cast<std::uint32_t>(slots_.size());
    if (owner != 0 || !node->claim.compare_exchange_strong(owner, id_ << 32 | index)) elsewhere_.emplace(node, index);
    slots_.push_back({node, {}, {}, {}});
    return index;
  }
  std::uint32_t find(Node* node) const {
    const std::uint64_t owner = node->claim.load(std::memory_order_relaxed);
    return (owner >> 32) == id_ ? static_cast<std::uint32_t>(owner) : elsewhere_.at(node);
  }

  void finish(std::uint32_t index) {
    auto& slot = slots_[index];
    if (all_keepers_ && grad_cell(*slot.node) != nullptr) slot.wanted = true;
    slot.needed = slot.wanted;
    if (stops_at_wanted_ && slot.wanted) {
      order_.push_back(index);
      return;
    }
    for (const auto& edge : slot.node->edges) {
      if (slot.needed) break;
      slot.needed = edge && slots_[find(edge.get())].needed;
    }
    differentiated_ |= slot.needed && slot.node->differentiates_cotangents;
    order_.push_back(index);
  }

  /// Adds `g` to the cotangent of result `k` of an operation with several results.
  static void collect(Slot& slot, std::size_t k, Tensor g) {
    if (slot.outputs == nullptr) slot.outputs = std::make_unique<std::vector<Tensor>>();
    auto& all = *slot.outputs;
    if (all.size() <= k) all.resize(k + 1);
    all[k] = all[k].defined() ? std::move(all[k]) + std::move(g) : std::move(g);
  }

  /// The last edge whose node needs a cotangent; the number of edges when none does.
  std::size_t last_needed(const Node& node) const {
    for (std::size_t i = node.edges.size(); i-- > 0;) {
      if (node.edges[i] && slots_[find(node.edges[i].get())].needed) return i;
    }
    return node.edges.size();
  }

  /// Propagates the cotangent of a node to its edges. Edge `last` receives it by move, and may overwrite it.
  void step(Node& node, Tensor g, const std::vector<Tensor>* outputs, std::size_t last) {
    std::vector<Tensor> all;
    if (node.has_joint_pullback) {
      all = explain("in the pullback of ", node,
                    [&] { return node.pull_all(needed_by(node), anomaly_checks_ == 0 ? std::move(g) : g); });
    }
    for (std::size_t i = 0; i <= last; ++i) {
      if (!node.edges[i]) continue;
      auto& slot = slots_[find(node.edges[i].get())];
      if (!slot.needed || (outputs == nullptr && accumulated(node, i, slot, g))) continue;
      const RowsWelcome rows(takes_rows(*slot.node));
      Tensor x = explain("in the pullback of ", node, [&] {
        if (node.has_joint_pullback) return std::move(all[i]);
        if (outputs != nullptr) return node.pull_outputs(i, *outputs);
        const bool moves = i == last && anomaly_checks_ == 0;         // an error shows the cotangent
        return moves ? node.pull(i, std::move(g)) : node.pull(i, g);  // NOLINT(bugprone-use-after-move): the end
      });
      if (!x.defined()) continue;
      inspect("the result of the pullback of ", node, x, &g);
      explain("in the gradient from ", node, [&] { receive(slot, std::move(x)); });
    }
  }

  /// Whether the gradient of a node may be kept as rows: see row_grad.hpp. Captured functions have dense ones.
  bool takes_rows(const Node& node) const {
    return all_keepers_ && node.op == nullptr && !grad_enabled() && state_observer == nullptr &&
           (node.grad_hooks == nullptr || node.grad_hooks->hooks.empty());
  }

  /// Adds the cotangent of edge `i` to the sum in `slot` in place; false, with nothing done, where that is impossible.
  bool accumulated(Node& node, std::size_t i, Slot& slot, const Tensor& g) const {
    if (grad_enabled() || anomaly_checks_ != 0 || !slot.g.defined() || !slot.g.value().reusable() || holds_rows(slot.g))
      return false;
    Array sum = slot.g.take_value();
    const bool done = explain("in the pullback of ", node, [&] { return node.accumulate_into(i, sum, g.value()); });
    slot.g = Tensor(std::move(sum));
    return done;
  }

  /// Applies the hooks of a node to its gradient.
  void call_hooks(const Node& node, Tensor& g) {
    const auto hooks = node.grad_hooks->hooks;  // a hook may register or remove others
    explain("in a hook on ", node, [&] {
      for (const auto& hook : hooks) {
        if (*hook == nullptr) continue;
        Tensor other = (*hook)(g);
        if (other.defined()) g = fit(node, std::move(other));
      }
    });
  }

  /// NumericalError when an anomaly check is on and `g` fails it.
  void inspect(const char* what, const Node& node, const Tensor& g, const Tensor* cotangent = nullptr) const {
    if (anomaly_checks_ == 0) return;
    std::string found = first_anomaly(g.value(), anomaly_checks_);
    if (found.empty()) return;
    if (cotangent != nullptr && cotangent->defined()) found += "\n  cotangent: " + range_text(cotangent->value());
    raise<NumericalError>("anomaly: first found in " + (what + where(node)), "finite numbers", found);
  }

  std::vector<bool> needed_by(const Node& node) const {
    std::vector<bool> needed;
    for (const auto& edge : node.edges) needed.push_back(edge && slots_[find(edge.get())].needed);
    return needed;
  }

  /// Sums `g` over broadcast axes to the shape of the node, and adds it to the cotangents from other uses.
  void receive(Slot& slot, Tensor g) {
    const bool rows = holds_rows(g);
    if (!rows) g = fit(*slot.node, std::move(g));
    if (!slot.g.defined()) {
      slot.g = std::move(g);
    } else if (rows || holds_rows(slot.g)) {
      slot.g = add_gradients(std::move(slot.g), std::move(g));
    } else if (grad_enabled()) {
      slot.g = std::move(slot.g) + std::move(g);
    } else {
      slot.g = core::add(slot.g.take_value(), g.take_value());
    }
  }

  Tensor fit(const Node& node, Tensor g) const {
    if (g.dtype() != node.dtype) {
      raise<DTypeError>("backward: a gradient must have the dtype of its tensor",
                        std::string(name(node.dtype)) + " " + to_string(node.shape), describe(g.value()));
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
      raise<ShapeError>("backward: a gradient must have the shape of its tensor, or one that it broadcasts to",
                        to_string(node.shape) + (batch_ == 0 ? "" : " after " + std::to_string(batch_) + " batch axes"),
                        to_string(g.shape()));
    }
    return same ? g : sum_to(std::move(g), node.shape, batch_);
  }

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
  bool differentiated_ = false;  ///< a pullback differentiates its cotangents
};

/// Checks the cotangents of `outputs`; missing ones become ones. Returns the number of their extra leading axes.
std::size_t check_cotangents(const char* op, std::span<const Tensor> outputs, std::vector<Tensor>& cotangents) {
  if (cotangents.empty()) cotangents.resize(outputs.size());
  if (cotangents.size() != outputs.size()) {
    raise<ValueError>(std::string(op) + ": each output needs one cotangent", std::to_string(outputs.size()),
                      std::to_string(cotangents.size()));
  }
  std::size_t batch = 0;
  bool known = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& y = outputs[i];
    auto& g = cotangents[i];
    if (!y.requires_grad()) {
      raise<ValueError>(
          std::string(op) + ": the output must depend on a variable", "a recorded result",
          "a constant (computed from constants, detached, computed while recording was off, or a gradient "
          "without create_graph)");
    }
    if (!g.defined()) {
      if (y.size() != 1) {
        raise<ShapeError>(std::string(op) + ": an output of several elements needs a cotangent",
                          "one element, or a cotangent of shape " + to_string(y.shape()), "none");
      }
      g = ones_like(y);
    }
    if (g.dtype() != y.dtype()) {
      raise<DTypeError>(std::string(op) + ": the cotangent must have the output's dtype", std::string(name(y.dtype())),
                        std::string(name(g.dtype())));
    }
    const bool longer = g.ndim() >= y.ndim();
    const std::size_t extra = longer ? g.ndim() - y.ndim() : 0;
    if (!longer || !std::equal(y.shape().begin(), y.shape().end(), g.shape().begin() + extra) ||
        (known && extra != batch)) {
      raise<ShapeError>(std::string(op) + ": the cotangent must have the output's shape, after any batch axes",
                        to_string(y.shape()), to_string(g.shape()));
    }
    batch = extra;
    known = true;
  }
  return batch;
}

}  // namespace

std::vector<Tensor> Node::pull_all(const std::vector<bool>& needed, Tensor g) {
  std::vector<Tensor> results(needed.size());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) results[i] = pull(i, g);
  }
  return results;
}

std::vector<Tensor> grad_between(const Tensor& output, std::span<const Tensor> inputs, Tensor g, bool create_graph,
                                 bool retain_graph) {
  Sweep sweep(g.ndim() - output.ndim(), true);
  for (const auto& x : inputs) {
    if (x.requires_grad()) sweep.want(x.node().get());
  }
  sweep.explore(output.node().get());
  const GradMode mode(create_graph);
  sweep.seed(output.node().get(), std::move(g));
  sweep.run(!create_graph && !retain_graph);
  std::vector<Tensor> results;
  for (const auto& x : inputs) results.push_back(x.requires_grad() ? sweep.result(x.node().get()) : Tensor());
  return results;
}

}  // namespace detail

void Tensor::backward() const { backward(BackwardOptions{}); }

void Tensor::backward(const BackwardOptions& options) const {
  std::vector<Tensor> cotangents{options.gradient};
  const Tensor self = *this;  // keeps the graph alive even if a pullback destroys this tensor
  const auto batch = detail::check_cotangents("backward", {&self, 1}, cotangents);
  if (batch != 0) {
    raise<ShapeError>("backward: the cotangent must have the output's shape", to_string(shape()),
                      to_string(cotangents[0].shape()));
  }
  if (detail::backward_is_observed.load(std::memory_order_relaxed)) detail::observe_backward(self);
  detail::Sweep sweep(0);
  sweep.want_keepers();
  sweep.explore(node_.get());
  const GradMode mode(options.create_graph);
  std::optional<detail::UnitCotangent> unit;
  if (!options.gradient.defined()) unit.emplace(cotangents[0].value());
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
      raise<ValueError>("grad: an input must depend on a variable", "a variable or a recorded result",
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
        raise<ValueError>("grad: the outputs must depend on every input", "a used input, or allow_unused for zeros",
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
