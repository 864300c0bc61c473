// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/sweep.hpp>

#include <newtape/autograd/autocast.hpp>
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/ops/arithmetic.hpp>

#include <algorithm>
#include <string>

namespace newtape::detail {

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

}  // namespace

void Sweep::explore(Node* root) {
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

void Sweep::run(bool release) {
  const AnomalyPause off;
  // Cotangents that a pullback differentiates are recorded, for this sweep only: their graph refers to nodes that the
  // sweep has passed, which are therefore released at the end.
  for_pullbacks_ = differentiated_ && !grad_enabled();
  const GradMode mode(grad_enabled() || for_pullbacks_);
  const Autocast of_operations(false);  // pullbacks have the precision of their operations
  std::vector<Node*> passed;
  // order_ lists inputs before their results, so in reverse order a node's cotangent is complete when it is reached.
  for (auto i = order_.rbegin(); i != order_.rend(); ++i) {
    const auto index = *i;
    if (!slots_[index].arrived() || !slots_[index].needed) continue;
    Node* node = slots_[index].node;
    arrive(slots_[index]);
    Tensor g = std::move(slots_[index].g);
    slots_[index].g = Tensor();
    if (stops_at_wanted_ && slots_[index].wanted) continue;
    if (std::none_of(node->edges.begin(), node->edges.end(), [this](const auto& edge) { return needs(edge); })) {
      continue;
    }
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
    step(*node, std::move(g), outputs.get());
    if (observer_ != nullptr) observer_->on_pullback_end(*node->op, node->location);
    if (!release) continue;
    if (for_pullbacks_) {
      passed.push_back(node);
    } else {
      release_saved(*node);
    }
  }
  for (auto* node : passed) release_saved(*node);
}

void Sweep::arrive(Slot& slot) {
  const auto& hooks = slot.node->grad_hooks;
  if (hooks != nullptr && !hooks->hooks.empty()) call_hooks(*slot.node, slot.g);
  if (slot.wanted) slot.result = for_pullbacks_ ? slot.g.detach() : slot.g;
}

void Sweep::deliver() {
  for (auto& slot : slots_) {
    if (!slot.result.defined()) continue;
    auto* const cell = grad_cell(*slot.node);
    if (cell == nullptr) continue;
    if (state_observer != nullptr) state_observer->on_gradient(*slot.node, false);
    cell->add(std::move(slot.result));
  }
}

std::uint64_t Sweep::next_id() {
  static std::atomic<std::uint32_t> last{0};
  std::uint32_t id = 0;
  while (id == 0) id = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return id;
}

std::uint32_t Sweep::enter(Node* node) {
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

void Sweep::finish(std::uint32_t index) {
  auto& slot = slots_[index];
  if (all_keepers_ && grad_cell(*slot.node) != nullptr) slot.wanted = true;
  slot.needed = slot.wanted;
  if (stops_at_wanted_ && slot.wanted) {
    order_.push_back(index);
    return;
  }
  for (const auto& edge : slot.node->edges) {
    if (!needs(edge)) continue;
    slot.needed = true;
    if (edge->op == nullptr && edge->grad_hooks != nullptr) ++slots_[find(edge.get())].uses;
  }
  differentiated_ |= slot.needed && slot.node->differentiates_cotangents;
  order_.push_back(index);
}

void Sweep::collect(Slot& slot, std::size_t k, Tensor g) {
  if (slot.outputs == nullptr) slot.outputs = std::make_unique<std::vector<Tensor>>();
  auto& all = *slot.outputs;
  if (all.size() <= k) all.resize(k + 1);
  all[k] = all[k].defined() ? std::move(all[k]) + std::move(g) : std::move(g);
}

void Sweep::step(Node& node, Tensor g, const std::vector<Tensor>* outputs) {
  std::vector<Tensor> all;
  if (node.has_joint_pullback) {
    all = explain("in the pullback of ", node,
                  [&] { return node.pull_all(needed_by(node), anomaly_checks_ == 0 ? std::move(g) : g); });
  }
  const auto n = node.edges.size();
  auto last = n;  // in the order of the pullbacks
  for (std::size_t i = 0; i < n; ++i) {
    if (!needs(node.edges[i])) continue;
    if (last == n || node.edges[i]->op != nullptr || node.edges[last]->op == nullptr) last = i;
  }
  for (const bool variables : {true, false}) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!needs(node.edges[i]) || (node.edges[i]->op == nullptr) != variables) continue;
      const bool moves = i == last && anomaly_checks_ == 0;  // an error shows the cotangent
      pull_edge(node, i, g, outputs, node.has_joint_pullback ? &all[i] : nullptr, moves);
      auto& slot = slots_[find(node.edges[i].get())];
      if (slot.uses == 0 || --slot.uses != 0 || !slot.g.defined()) continue;
      arrive(slot);
      slot.g = Tensor();
    }
  }
}

void Sweep::pull_edge(Node& node, std::size_t i, Tensor& g, const std::vector<Tensor>* outputs, Tensor* joint,
                      bool moves) {
  auto& slot = slots_[find(node.edges[i].get())];
  if (outputs == nullptr && accumulated(node, i, slot, g)) return;
  const RowsWelcome rows(takes_rows(*slot.node));
  Tensor x = explain("in the pullback of ", node, [&] {
    if (joint != nullptr) return std::move(*joint);
    if (outputs != nullptr) return node.pull_outputs(i, *outputs);
    return moves ? node.pull(i, std::move(g)) : node.pull(i, g);
  });
  if (!x.defined()) return;
  inspect("the result of the pullback of ", node, x, &g);
  explain("in the gradient from ", node, [&] { receive(slot, std::move(x)); });
}

bool Sweep::takes_rows(const Node& node) const {
  return all_keepers_ && node.op == nullptr && !grad_enabled() && state_observer == nullptr &&
         (node.grad_hooks == nullptr || node.grad_hooks->hooks.empty());
}

bool Sweep::accumulated(Node& node, std::size_t i, Slot& slot, const Tensor& g) const {
  if (grad_enabled() || anomaly_checks_ != 0 || !slot.g.defined() || !slot.g.value().reusable() || holds_rows(slot.g)) {
    return false;
  }
  Array sum = slot.g.take_value();
  const bool done = explain("in the pullback of ", node, [&] { return node.accumulate_into(i, sum, g.value()); });
  slot.g = Tensor(std::move(sum));
  return done;
}

void Sweep::call_hooks(const Node& node, Tensor& g) {
  const auto hooks = node.grad_hooks->hooks;  // a hook may register or remove others
  explain("in a hook on ", node, [&] {
    for (const auto& hook : hooks) {
      if (*hook == nullptr) continue;
      Tensor other = (*hook)(g);
      if (other.defined()) g = fit(node, std::move(other));
    }
  });
}

void Sweep::inspect(const char* what, const Node& node, const Tensor& g, const Tensor* cotangent) const {
  if (anomaly_checks_ == 0) return;
  std::string found = first_anomaly(g.value(), anomaly_checks_);
  if (found.empty()) return;
  if (cotangent != nullptr && cotangent->defined()) found += "\n  cotangent: " + range_text(cotangent->value());
  raise<NumericalError>("anomaly: first found in " + (what + where(node)), "finite numbers", found);
}

void Sweep::receive(Slot& slot, Tensor g) {
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

Tensor Sweep::fit(const Node& node, Tensor g) const {
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

std::vector<Tensor> Node::pull_all(const std::vector<bool>& needed, Tensor g) {
  std::vector<Tensor> results(needed.size());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) results[i] = pull(i, g);
  }
  return results;
}

}  // namespace newtape::detail
