// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/module/module.hpp>

/// Operations as modules with PyTorch's names, for Sequential.
namespace newtape::nn {

struct ReLU : Module<ReLU> {
  Tensor forward(In x) const { return relu(std::move(x)); }
};
struct ReLU6 : Module<ReLU6> {
  Tensor forward(In x) const { return relu6(std::move(x)); }
};
struct Tanh : Module<Tanh> {
  Tensor forward(In x) const { return tanh(std::move(x)); }
};
struct Sigmoid : Module<Sigmoid> {
  Tensor forward(In x) const { return sigmoid(std::move(x)); }
};
struct LogSigmoid : Module<LogSigmoid> {
  Tensor forward(In x) const { return logsigmoid(std::move(x)); }
};
struct SELU : Module<SELU> {
  Tensor forward(In x) const { return selu(std::move(x)); }
};
struct SiLU : Module<SiLU> {
  Tensor forward(In x) const { return silu(std::move(x)); }
};
struct Mish : Module<Mish> {
  Tensor forward(In x) const { return mish(std::move(x)); }
};
struct Softsign : Module<Softsign> {
  Tensor forward(In x) const { return softsign(std::move(x)); }
};
struct Hardsigmoid : Module<Hardsigmoid> {
  Tensor forward(In x) const { return hardsigmoid(std::move(x)); }
};
struct Hardswish : Module<Hardswish> {
  Tensor forward(In x) const { return hardswish(std::move(x)); }
};
struct Tanhshrink : Module<Tanhshrink> {
  Tensor forward(In x) const { return tanhshrink(std::move(x)); }
};

struct GELU : Module<GELU> {
  explicit GELU(Approximate a = Approximate::exact) : approximate(a) {}
  Tensor forward(In x) const { return gelu(std::move(x), approximate); }
  Approximate approximate;
};
struct ELU : Module<ELU> {
  explicit ELU(double a = 1) : alpha(a) {}
  Tensor forward(In x) const { return elu(std::move(x), alpha); }
  double alpha;
};
struct CELU : Module<CELU> {
  explicit CELU(double a = 1) : alpha(a) {}
  Tensor forward(In x) const { return celu(std::move(x), alpha); }
  double alpha;
};
struct LeakyReLU : Module<LeakyReLU> {
  explicit LeakyReLU(double slope = 0.01) : negative_slope(slope) {}
  Tensor forward(In x) const { return leaky_relu(std::move(x), negative_slope); }
  double negative_slope;
};
struct Hardtanh : Module<Hardtanh> {
  explicit Hardtanh(double low = -1, double high = 1) : min_val(low), max_val(high) {}
  Tensor forward(In x) const { return hardtanh(std::move(x), min_val, max_val); }
  double min_val;
  double max_val;
};
struct Threshold : Module<Threshold> {
  Threshold(double above, double otherwise) : threshold(above), value(otherwise) {}
  Tensor forward(In x) const { return newtape::threshold(std::move(x), threshold, value); }
  double threshold;
  double value;
};
struct Hardshrink : Module<Hardshrink> {
  explicit Hardshrink(double l = 0.5) : lambd(l) {}
  Tensor forward(In x) const { return hardshrink(std::move(x), lambd); }
  double lambd;
};
struct Softshrink : Module<Softshrink> {
  explicit Softshrink(double l = 0.5) : lambd(l) {}
  Tensor forward(In x) const { return softshrink(std::move(x), lambd); }
  double lambd;
};

struct SoftplusOptions {
  double beta = 1;
  double threshold = 20;  ///< the result is x where beta x exceeds this
};
/// softplus(beta x) / beta.
struct Softplus : Module<Softplus> {
  explicit Softplus(const SoftplusOptions& o = {}) : options(o) {}
  Tensor forward(In x) const;
  SoftplusOptions options;
};

struct PReLUOptions {
  double init = 0.25;
  DType dtype = f32;
};
/// x where x > 0, else weight x; weight [num_parameters]: one for all, or one for each channel (axis 1).
struct PReLU : Module<PReLU> {
  explicit PReLU(std::int64_t num_parameters = 1, const PReLUOptions& options = {});
  Tensor forward(In x) const;
  Parameter weight;
};

/// x where x >= 0, else a x; in training a is uniform in [lower, upper) for each element, from default_generator(),
/// after eval() it is (lower + upper) / 2.
struct RReLU : Module<RReLU> {
  explicit RReLU(double low = 1.0 / 8, double high = 1.0 / 3);
  Tensor forward(In x) const;
  double lower;
  double upper;
};

/// a sigmoid(b), where a and b are the halves of x along an axis. ShapeError for an odd length.
Tensor glu(In x, std::int64_t axis = -1);
struct GLU : Module<GLU> {
  explicit GLU(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return glu(std::move(x), dim); }
  std::int64_t dim;
};

/// softmax(-x).
struct Softmin : Module<Softmin> {
  explicit Softmin(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return softmax(-std::move(x), dim); }
  std::int64_t dim;
};
/// softmax over the channels of x [N, C, H, W] or [C, H, W].
struct Softmax2d : Module<Softmax2d> {
  Tensor forward(In x) const;
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

/// Merges the axes from `start_dim` to `end_dim`, inclusive: [N, c, h, w] -> [N, c h w]. A scalar is treated as [1].
struct Flatten : Module<Flatten> {
  explicit Flatten(std::int64_t start = 1, std::int64_t end = -1) : start_dim(start), end_dim(end) {}
  Tensor forward(In x) const;
  std::int64_t start_dim;
  std::int64_t end_dim;
};

/// Splits one axis into several of the given lengths, one of which may be -1.
struct Unflatten : Module<Unflatten> {
  Unflatten(std::int64_t axis, Shape lengths) : dim(axis), unflattened_size(std::move(lengths)) {}
  Tensor forward(In x) const { return unflatten(std::move(x), dim, unflattened_size); }
  std::int64_t dim;
  Shape unflattened_size;
};

}  // namespace newtape::nn
