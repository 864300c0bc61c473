// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Inputs and cotangents of layers during a backward sweep, for optimizers that need more than the weight's gradient.
namespace newtape {

class Op;

namespace core {
struct ConvGeometry;
}

/// One use of a weight [m, k] in y = input w^T + bias, with the cotangent of y. The weight's gradient is the sum over
/// rows of their outer products. Valid during the call of `on_layer_pass`.
struct LayerPass {
  const detail::Node* weight;                ///< the operand of the operation: a variable, or a result
  const detail::Node* bias = nullptr;        ///< null when there is none
  Tensor input;                              ///< [rows.., k], or with `conv` images [n, c, input..]
  Tensor grad;                               ///< [extra.., rows.., m], or [extra.., n, m, output..]; extra: batch axes
  const core::ConvGeometry* conv = nullptr;  ///< the weight is a convolution's [m, c / groups, kernel..]
  bool transposed = false;                   ///< the weight is [k, m]: y = input w

  // Set by `show_layer`: the variables behind the operands.
  const detail::Node* leaf = nullptr;              ///< that is the weight, or whose transpose it is; null for others
  bool leaf_transposed = false;                    ///< the leaf is [k, m]
  std::vector<const detail::Node*> bias_leaves{};  ///< whose sum is the bias: itself, or two of its shape
};

namespace detail {
/// Fills in the leaves of a pass.
void find_leaves(LayerPass& pass);
/// Whether this operation is the transposition of a matrix, a reshape, or an addition; defined beside these operations.
bool transposes(const Op& op) noexcept;
bool reshapes(const Op& op) noexcept;
bool adds(const Op& op) noexcept;
}  // namespace detail

/// `on_layer_pass` is called in sweeps on this thread, while this is the innermost observer in scope, for each use of a
/// weight that requires a gradient: by linear, matmul with a matrix on the right, convolutions, recurrent scans (with h
/// as the input), and user-defined operations that call `show_layer`.
class LayerObserver {
 public:
  /// Without `weight_grads` these operations skip the matrix products for the weights' gradients, which count as zero.
  explicit LayerObserver(bool weight_grads = true) noexcept;
  virtual ~LayerObserver();
  LayerObserver(const LayerObserver&) = delete;
  LayerObserver& operator=(const LayerObserver&) = delete;

  /// Called for each use of a weight, in the order of the sweep.
  virtual void on_layer_pass(const LayerPass& pass) = 0;
  /// Whether the products for the weights' gradients are computed.
  bool weight_grads() const noexcept { return weight_grads_; }
  /// The innermost observer in scope on this thread, or null.
  static LayerObserver* current() noexcept;

 private:
  LayerObserver* before_;
  bool weight_grads_;
};

/// For a weight's pullback: passes `make()` to the current observer, if any. True when the pullback may skip its
/// product and return an undefined tensor.
template <class F>
bool show_layer(const F& make) {
  auto* const observer = LayerObserver::current();
  if (observer == nullptr) return false;
  LayerPass pass = make();
  detail::find_leaves(pass);
  observer->on_layer_pass(pass);
  return !observer->weight_grads();
}

}  // namespace newtape
