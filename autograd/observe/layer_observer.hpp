// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Layers as a backward sweep meets them: for optimizers that want more of a weight than its gradient.
namespace newtape {

namespace core {
struct ConvGeometry;
}

/// A weight [m, k] that was multiplied with rows of inputs, y = input w^T + bias, and the cotangents of y: their outer
/// products, summed over the rows, are its gradient. Valid during the call of `see`.
struct LayerPass {
  const detail::Node* weight;                ///< as the operation got it: a variable's, or of something made from one
  const detail::Node* bias = nullptr;        ///< null without one
  Tensor input;                              ///< [rows.., k], or with `conv` images [n, c, input..]
  Tensor grad;                               ///< [extra.., rows.., m], or [extra.., n, m, output..]; extra: batch axes
  const core::ConvGeometry* conv = nullptr;  ///< the weight is a convolution's [m, c / groups, kernel..]
  bool transposed = false;                   ///< the weight is [k, m]: y = input w
};

/// Sees each pass through a weight that asks for a gradient in sweeps on this thread, while it is the newest in scope:
/// linear, matmul with a matrix on the right, convolutions, recurrent scans (where h stands for the input), and
/// operations of users that call `show_layer`.
class LayerObserver {
 public:
  /// Without `weight_grads` those operations leave the weights' gradients out (as if zero), which saves their products.
  explicit LayerObserver(bool weight_grads = true) noexcept;
  virtual ~LayerObserver();
  LayerObserver(const LayerObserver&) = delete;
  LayerObserver& operator=(const LayerObserver&) = delete;

  virtual void see(const LayerPass& pass) = 0;
  bool weight_grads() const noexcept { return weight_grads_; }
  /// The newest in scope on this thread, or null.
  static LayerObserver* current() noexcept;

 private:
  LayerObserver* before_;
  bool weight_grads_;
};

/// For a weight's pullback: shows the pass that `make()` describes to the observer, if there is one. True when the
/// pullback may return an undefined tensor.
template <class F>
bool show_layer(const F& make) {
  auto* const observer = LayerObserver::current();
  if (observer == nullptr) return false;
  observer->see(make());
  return !observer->weight_grads();
}

}  // namespace newtape
