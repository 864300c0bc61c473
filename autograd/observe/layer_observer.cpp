// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/layer_observer.hpp>

#include <newtape/autograd/op.hpp>

#include <algorithm>

namespace newtape {

namespace {
constinit thread_local LayerObserver* newest = nullptr;
}

LayerObserver::LayerObserver(bool weight_grads) noexcept
    : before_(std::exchange(newest, this)), weight_grads_(weight_grads) {}
LayerObserver::~LayerObserver() { newest = before_; }
LayerObserver* LayerObserver::current() noexcept { return newest; }

void detail::find_leaves(LayerPass& pass) {
  const auto is_leaf = [](const Node* node) { return node != nullptr && node->op == nullptr; };
  const Node* weight = pass.weight;
  pass.leaf_transposed = pass.transposed;
  // An identity permutation is recorded as a reshape.
  if (!is_leaf(weight) && reshapes(*weight->op) && weight->edges[0].get() != nullptr &&
      weight->edges[0].get()->shape == weight->shape) {
    weight = weight->edges[0].get();
  }
  if (!is_leaf(weight) && transposes(*weight->op) && weight->shape.size() == 2) {
    weight = weight->edges[0].get();
    pass.leaf_transposed = !pass.transposed;
  }
  pass.leaf = is_leaf(weight) ? weight : nullptr;

  const Node* bias = pass.bias;
  if (is_leaf(bias)) {
    pass.bias_leaves = {bias};
  } else if (bias != nullptr && adds(*bias->op)) {
    // Broadcast operands are not biases of the layer.
    const auto whole = [&](const NodeRef& edge) { return is_leaf(edge.get()) && edge.get()->shape == bias->shape; };
    for (const auto& edge : bias->edges) {
      if (whole(edge)) pass.bias_leaves.push_back(edge.get());
    }
  }
}

}  // namespace newtape
