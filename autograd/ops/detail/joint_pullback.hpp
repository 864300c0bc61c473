// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/op.hpp>

/// Operations with one joint pullback for all inputs.
namespace newtape::detail {

/// `f(needed, g)` returns one cotangent for each input; those not `needed` are ignored.
template <class F>
class JointNode final : public Node {
 public:
  JointNode(const Op* by, SourceLocation at, const Array& value, std::vector<NodeRef> inputs, F f)
      : Node(by, at, value), edges_(std::move(inputs)), pullback_(std::move(f)) {
    edges = edges_;
    has_joint_pullback = true;
  }
  Tensor pull(std::size_t i, Tensor g) override {
    std::vector<bool> needed(edges_.size());
    needed[i] = true;
    return pull_all(needed, std::move(g))[i];
  }
  std::vector<Tensor> pull_all(const std::vector<bool>& needed, Tensor g) override {
    return (*pullback_)(needed, std::move(g));
  }
  void release() noexcept override { pullback_.reset(); }

 private:
  std::vector<NodeRef> edges_;
  std::optional<F> pullback_;
};

/// The result of an operation, recorded when recording is on and one of its inputs (which may be undefined) requires a
/// gradient.
template <class F>
Tensor record_joint(const Op& op, SourceLocation location, Array value, std::initializer_list<const Tensor*> inputs,
                    F f) {
  if (instrumented() != 0) check_anomaly(op, location, value, inputs);
  std::vector<NodeRef> nodes;
  bool any = false;
  for (const auto* x : inputs) {
    nodes.push_back(x->node());
    any = any || nodes.back();
  }
  if (!grad_enabled() || !any) return Tensor(std::move(value));
  auto node = NodeRef::adopt(new JointNode<F>(&op, location, value, std::move(nodes), std::move(f)));
  return Tensor(std::move(value), std::move(node));
}

}  // namespace newtape::detail
