// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops.hpp>
#include <newtape/nn/module.hpp>

/// Operations as modules, under PyTorch's names, for Sequential.
namespace newtape::nn {

struct ReLU : Module<ReLU> {
  Tensor forward(In x) const { return relu(std::move(x)); }
};
struct Tanh : Module<Tanh> {
  Tensor forward(In x) const { return tanh(std::move(x)); }
};
struct Sigmoid : Module<Sigmoid> {
  Tensor forward(In x) const { return sigmoid(std::move(x)); }
};
struct GELU : Module<GELU> {
  Tensor forward(In x) const { return gelu(std::move(x)); }
};
struct Softplus : Module<Softplus> {
  Tensor forward(In x) const { return softplus(std::move(x)); }
};

struct Softmax : Module<Softmax> {
  explicit Softmax(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return softmax(std::move(x), dim); }
  std::int64_t dim;
};
struct LogSoftmax : Module<LogSoftmax> {
  explicit LogSoftmax(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return log_softmax(std::move(x), dim); }
  std::int64_t dim;
};

/// Joins the axes from `start_dim` to `end_dim`, both included, to one: [N, c, h, w] -> [N, c h w].
struct Flatten : Module<Flatten> {
  explicit Flatten(std::int64_t start = 1, std::int64_t end = -1) : start_dim(start), end_dim(end) {}
  Tensor forward(In x) const;
  std::int64_t start_dim;
  std::int64_t end_dim;
};

}  // namespace newtape::nn
