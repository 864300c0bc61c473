// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/op_tracer.hpp>

#include <functional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace newtape::onnx::detail {

/// Which elements an array has, for arrays that live: those of equal keys are equal.
using ArrayKey = std::tuple<const void*, DType, std::vector<std::int64_t>, std::vector<std::int64_t>>;
ArrayKey key_of(const Tensor& x);

/// What a program computed, as calls in their order.
struct Trace {
  std::vector<Tensor> inputs, outputs;
  std::vector<OpCall> calls;
};

using Program = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

Trace trace(const Program& program, std::vector<Tensor> inputs);

/// Drops the calls that no output needs.
void drop_unused(Trace& t);

}  // namespace newtape::onnx::detail
