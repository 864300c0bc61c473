// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/op_tracer.hpp>

#include <span>
#include <string_view>
#include <vector>

/// How a traced operation is computed for a batch of examples.
namespace newtape::detail {

/// A value of the traced function: of one example, or of all of them along a new first axis.
struct Batched {
  Tensor x;
  bool batched = false;
};

/// A traced call and its operands, some of which are batched.
struct BatchedCall {
  const OpCall& call;
  std::vector<Batched> operands;
  std::int64_t size;  ///< the number of examples

  /// The number of axes of operand i of one example.
  std::size_t ndim(std::size_t i) const { return call.operands[i].ndim(); }
  const Tensor& operator[](std::size_t i) const { return operands[i].x; }
  bool batched(std::size_t i) const { return operands[i].batched; }
  /// An attribute of the call.
  template <class T>
  const T& get(std::string_view name) const {
    for (const auto& a : call.attributes) {
      if (a.name == name) return std::get<T>(a.value);
    }
    raise<ValueError>("vmap: an operation lacks an attribute", name, call.op);
  }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  bool flag(std::string_view name) const { return integer(name) != 0; }
  /// The attribute `axis` of operand i of one example, as an axis of the batch.
  std::int64_t axis(std::size_t i = 0) const;
  /// Operand i with the axis of the examples, expanded if it is not batched.
  Tensor whole(std::size_t i) const;
  /// Operand i whose example has at least `ndim` axes: further axes of length 1 after that of the examples.
  Tensor aligned(std::size_t i, std::size_t ndim) const;
};

/// The results for all examples, along a new first axis; undefined without a rule for this call. At least one operand is
/// batched.
using BatchingRule = std::vector<Tensor> (*)(const BatchedCall&);
struct NamedRule {
  std::string_view op;
  BatchingRule rule;
};
/// The rules of convolutions and pooling.
std::span<const NamedRule> image_rules();
/// The rules of linear algebra.
std::span<const NamedRule> linalg_rules();
/// The rule of an operation; nullptr if it has none.
BatchingRule batching_rule(std::string_view op);
/// The names of all operations that have one.
std::vector<std::string_view> batched_ops();
/// Whether each element of an operation's result depends on those elements of its operands alone that are broadcast to it.
bool is_elementwise(std::string_view op);

}  // namespace newtape::detail
