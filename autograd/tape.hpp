// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/grad_hooks.hpp>
#include <newtape/autograd/tensor.hpp>

#include <atomic>
#include <span>
#include <vector>

namespace newtape {

class Op;

namespace detail {

/// A recorded operation: what it made (shape and dtype), from which nodes, and how cotangents go back to them.
class Node : public Counted {
 public:
  Node(const Op* by, SourceLocation at, const Array& value)
      : dtype(value.dtype()), shape(value.shape()), op(by), location(at) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  /// The cotangent for edge `i`, given that of the output; undefined stands for zero.
  virtual Tensor pull(std::size_t i, Tensor g) = 0;
  /// The cotangents for all the edges that are `needed`, of an operation that makes them in one go: then it has set
  /// `has_joint_pullback`, and `pull` is not called.
  virtual std::vector<Tensor> pull_all(const std::vector<bool>& needed, Tensor g);
  /// The same for an operation with several results, from the cotangents of all of them; undefined ones stand for zero.
  virtual Tensor pull_outputs(std::size_t, std::span<const Tensor>) { return {}; }
  /// Adds the cotangent for edge `i` to `sum`, in memory that nobody else sees and without a record; false when that is
  /// no cheaper than `pull` and an addition. For operations that read a small part of their input.
  virtual bool accumulate_into(std::size_t, Array&, const Array&) { return false; }
  /// Lets go of everything that was saved for `pull`.
  virtual void release() noexcept = 0;

  static void* operator new(std::size_t n) { return allocator::allocate(n); }
  static void operator delete(void* p, std::size_t n) noexcept { allocator::deallocate(p, n); }

  const DType dtype;
  std::atomic<bool> released{false};
  bool has_joint_pullback = false;
  const Shape shape;
  const Op* const op;  ///< null for a leaf
  const SourceLocation location;
  int output_index = -1;     ///< it stands for this one of the several results of the operation on its only edge
  std::span<NodeRef> edges;  ///< null where the input was a constant
  std::unique_ptr<GradHooks> grad_hooks;  ///< null until somebody asks
  /// Which sweep is using this node, and as which of its entries; linked list of the dead once nobody refers to it.
  std::atomic<std::uint64_t> claim{0};
};

/// One of the several results of an operation: what comes for it is collected at the operation's node.
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

/// A variable. Its gradient gathers here, so that every copy of the tensor sees it.
class Leaf final : public Node {
 public:
  explicit Leaf(const Array& value) : Node(nullptr, {}, value) {}
  Tensor pull(std::size_t, Tensor) override { return {}; }
  void release() noexcept override {}

  GradCell grad;
};

/// Where the gradient of this node is to be kept; null when nowhere.
inline GradCell* grad_cell(Node& node) noexcept {
  if (node.op == nullptr) return &static_cast<Leaf&>(node).grad;
  return node.grad_hooks != nullptr && node.grad_hooks->retain ? &node.grad_hooks->grad : nullptr;
}

inline Node* NodeRef::get() const noexcept { return static_cast<Node*>(node_); }

/// The cotangents of `inputs` for the cotangent `g` of `output`, undefined where it does not depend on one. The walk
/// does not go behind the inputs, of which none may depend on another.
std::vector<Tensor> grad_between(const Tensor& output, std::span<const Tensor> inputs, Tensor g, bool create_graph);

}  // namespace detail

struct BackwardOptions {
  /// The cotangent of the output, of its shape; may be left out for a one-element output.
  Tensor gradient = {};
  /// Keep what was recorded, for another backward through it.
  bool retain_graph = false;
  /// Record the backward computation itself, for derivatives of the gradients. Implies retain_graph.
  bool create_graph = false;
};

struct GradOptions {
  /// Record the backward computation itself, for derivatives of the result. Implies retain_graph.
  bool create_graph = false;
  bool retain_graph = false;
  /// One for each output, of its shape; may be left out for one-element outputs. They may all carry the same number of
  /// extra leading axes (a batch of cotangents): the results then carry them too.
  std::vector<Tensor> grad_outputs = {};
  /// An input that the outputs do not depend on gets zeros instead of a ValueError.
  bool allow_unused = false;
};

/// The derivatives of `outputs` (their sum, weighted by grad_outputs) with respect to each of `inputs`, which may be
/// variables or intermediate results. Leaves every `grad()` as it is.
/// ValueError for an output that depends on nothing, an unused input, a released graph.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         const GradOptions& options = {});
Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options = {});
std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options = {});

}  // namespace newtape
