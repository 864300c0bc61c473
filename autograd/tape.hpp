// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/grad_hooks.hpp>
#include <newtape/autograd/tensor.hpp>
#include <newtape/core/runtime/owner.hpp>

#include <atomic>
#include <span>
#include <vector>

namespace newtape {

class Op;

namespace detail {

/// A recorded operation: shape and dtype of its result, the nodes of its inputs, and the pullbacks to them.
class Node : public NodeCount {
 public:
  Node(const Op* by, SourceLocation at, const Array& value)
      : dtype(value.dtype()), shape(value.shape()), op(by), location(at) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  /// The cotangent of edge `i` for the cotangent `g` of the output; an undefined result means zero.
  virtual Tensor pull(std::size_t i, Tensor g) = 0;
  /// The cotangents of all `needed` edges at once. Called instead of `pull` when `has_joint_pullback` is set.
  virtual std::vector<Tensor> pull_all(const std::vector<bool>& needed, Tensor g);
  /// `pull` for an operation with several results, given the cotangents of all of them; undefined ones mean zero.
  virtual Tensor pull_outputs(std::size_t, std::span<const Tensor>) { return {}; }
  /// Adds the cotangent of edge `i` to `sum` in place, unrecorded; `sum` is not shared. False, with nothing done, when
  /// that is no cheaper than `pull` and an addition. For operations that read a small part of their input.
  virtual bool accumulate_into(std::size_t, Array&, const Array&) { return false; }
  /// Frees everything that was saved for `pull`.
  virtual void release() noexcept = 0;

  static void* operator new(std::size_t n) { return allocator::allocate(n); }
  static void operator delete(void* p, std::size_t n) noexcept { allocator::deallocate(p, n); }

  const DType dtype;
  std::atomic<bool> released{false};
  bool has_joint_pullback = false;
  /// The operation's pullback differentiates the cotangents that it receives: a sweep through this node records them.
  bool differentiates_cotangents = false;
  const Shape shape;
  const Op* const op;  ///< null for a leaf
  const SourceLocation location;
  int output_index = -1;        ///< output index within the operation of edges[0]; -1 otherwise
  std::span<NodeRef> edges;     ///< null where the input was a constant
  Owner<GradHooks> grad_hooks;  ///< null until a hook or retain_grad is registered
  /// High 32 bits: the owning sweep; low: the slot. After the last release: link in the deferred-delete list.
  std::atomic<std::uint64_t> claim{0};
};

/// One result of an operation with several: its cotangent is collected at the operation's node.
class ResultNode final : public Node {
 public:
  ResultNode(NodeRef operation, std::size_t index, const Array& value)
      : Node(operation.get()->op, operation.get()->location, value), operation_{std::move(operation)} {
    output_index = static_cast<int>(index);
    edges = operation_;
  }
  Tensor pull(std::size_t, Tensor) override { return {}; }
  void release() noexcept override {}

 private:
  NodeRef operation_[1];
};

/// A variable. Its gradient is accumulated here, so that all copies of the tensor share it.
class Leaf final : public Node {
 public:
  explicit Leaf(const Array& value) : Node(nullptr, {}, value) {}
  Tensor pull(std::size_t, Tensor) override { return {}; }
  void release() noexcept override {}

  GradCell grad;
};

/// The cell that keeps the gradient of this node; null when it keeps none.
inline GradCell* grad_cell(Node& node) noexcept {
  if (node.op == nullptr) return &static_cast<Leaf&>(node).grad;
  return node.grad_hooks != nullptr && node.grad_hooks->retain ? &node.grad_hooks->grad : nullptr;
}

/// The cotangents of `inputs` for the cotangent `g` of `output`; undefined for inputs that it does not depend on. The
/// traversal stops at the inputs; none of them may depend on another. The graph is released unless one of the flags is set.
std::vector<Tensor> grad_between(const Tensor& output, std::span<const Tensor> inputs, Tensor g, bool create_graph,
                                 bool retain_graph = false);

}  // namespace detail

struct BackwardOptions {
  /// The cotangent of the output, of its shape; optional for a one-element output.
  Tensor gradient = {};
  /// Keep the graph for another backward through it.
  bool retain_graph = false;
  /// Record the backward computation itself, for derivatives of the gradients. Implies retain_graph.
  bool create_graph = false;
};

struct GradOptions {
  /// Record the backward computation itself, for derivatives of the result. Implies retain_graph.
  bool create_graph = false;
  bool retain_graph = false;
  /// One for each output, of its shape; optional for one-element outputs. They may all have the same number of extra
  /// leading axes (a batch of cotangents), which the results then have too.
  std::vector<Tensor> grad_outputs = {};
  /// An input that the outputs do not depend on yields zeros instead of a ValueError.
  bool allow_unused = false;
};

/// The derivatives of `outputs` (their sum, weighted by grad_outputs) with respect to each of `inputs`, which may be
/// variables or intermediate results. Leaves every `grad()` as it is.
/// ValueError for an output that depends on nothing, an unused input, a released graph.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         const GradOptions& options = {}, SourceLocation location = SourceLocation::current());
Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options = {},
            SourceLocation location = SourceLocation::current());
std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options = {},
                         SourceLocation location = SourceLocation::current());

}  // namespace newtape
