// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/module.hpp>

/// Operations as modules with PyTorch's names, for Sequential.
namespace newtape::nn {

/// max(x, 0).
struct ReLU : Module<ReLU> {
  Tensor forward(In x) const { return relu(std::move(x)); }
};
/// min(max(x, 0), 6).
struct ReLU6 : Module<ReLU6> {
  Tensor forward(In x) const { return relu6(std::move(x)); }
};
/// tanh(x).
struct Tanh : Module<Tanh> {
  Tensor forward(In x) const { return tanh(std::move(x)); }
};
/// 1 / (1 + exp(-x)).
struct Sigmoid : Module<Sigmoid> {
  Tensor forward(In x) const { return sigmoid(std::move(x)); }
};
/// log(sigmoid(x)).
struct LogSigmoid : Module<LogSigmoid> {
  Tensor forward(In x) const { return logsigmoid(std::move(x)); }
};
/// elu, scaled to preserve mean 0 and variance 1 (Klambauer et al. 2017).
struct SELU : Module<SELU> {
  Tensor forward(In x) const { return selu(std::move(x)); }
};
/// x sigmoid(x).
struct SiLU : Module<SiLU> {
  Tensor forward(In x) const { return silu(std::move(x)); }
};
/// x tanh(softplus(x)).
struct Mish : Module<Mish> {
  Tensor forward(In x) const { return mish(std::move(x)); }
};
/// x / (1 + |x|).
struct Softsign : Module<Softsign> {
  Tensor forward(In x) const { return softsign(std::move(x)); }
};
/// min(max(x / 6 + 1/2, 0), 1).
struct Hardsigmoid : Module<Hardsigmoid> {
  Tensor forward(In x) const { return hardsigmoid(std::move(x)); }
};
/// x hardsigmoid(x).
struct Hardswish : Module<Hardswish> {
  Tensor forward(In x) const { return hardswish(std::move(x)); }
};
/// x - tanh(x).
struct Tanhshrink : Module<Tanhshrink> {
  Tensor forward(In x) const { return tanhshrink(std::move(x)); }
};

/// x Phi(x), exactly or by the approximation with tanh.
struct GELU : Module<GELU> {
  explicit GELU(Approximate a = Approximate::exact) : approximate(a) {}
  Tensor forward(In x) const { return gelu(std::move(x), approximate); }
  Approximate approximate;
};
/// x where x > 0, else alpha (exp(x) - 1).
struct ELU : Module<ELU> {
  explicit ELU(double a = 1) : alpha(a) {}
  Tensor forward(In x) const { return elu(std::move(x), alpha); }
  double alpha;
};
/// alpha elu(x / alpha); ValueError when called, unless alpha > 0.
struct CELU : Module<CELU> {
  explicit CELU(double a = 1) : alpha(a) {}
  Tensor forward(In x) const { return celu(std::move(x), alpha); }
  double alpha;
};
/// x where x > 0, else negative_slope x.
struct LeakyReLU : Module<LeakyReLU> {
  explicit LeakyReLU(double slope = 0.01) : negative_slope(slope) {}
  Tensor forward(In x) const { return leaky_relu(std::move(x), negative_slope); }
  double negative_slope;
};
/// min(max(x, min_val), max_val); ValueError when called, unless min_val < max_val.
struct Hardtanh : Module<Hardtanh> {
  explicit Hardtanh(double low = -1, double high = 1) : min_val(low), max_val(high) {}
  Tensor forward(In x) const { return hardtanh(std::move(x), min_val, max_val); }
  double min_val;
  double max_val;
};
/// x where x > threshold, else value.
struct Threshold : Module<Threshold> {
  Threshold(double above, double otherwise) : threshold(above), value(otherwise) {}
  Tensor forward(In x) const { return newtape::threshold(std::move(x), threshold, value); }
  double threshold;
  double value;
};
/// x where |x| > lambd, else 0.
struct Hardshrink : Module<Hardshrink> {
  explicit Hardshrink(double l = 0.5) : lambd(l) {}
  Tensor forward(In x) const { return hardshrink(std::move(x), lambd); }
  double lambd;
};
/// x moved towards 0 by lambd, at most to 0.
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

/// x where x >= 0, else a x, with a uniform in [lower, upper) for each element when `training`, else (lower + upper) / 2 (Xu et
/// al. 2015). ValueError unless lower <= upper.
Tensor rrelu(In x, double lower = 1.0 / 8, double upper = 1.0 / 3, bool training = false,
             Generator& generator = default_generator());

/// a sigmoid(b), where a and b are the halves of x along an axis. ShapeError for an odd length.
Tensor glu(In x, std::int64_t axis = -1);
/// glu along the axis `dim`.
struct GLU : Module<GLU> {
  explicit GLU(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return glu(std::move(x), dim); }
  std::int64_t dim;
};

struct GumbelSoftmaxOptions {
  double tau = 1;     ///< temperature, > 0 (ValueError)
  bool hard = false;  ///< one-hot vectors, whose derivative is that of the soft ones (straight through)
  std::int64_t axis = -1;
};
/// softmax((logits + g) / tau) with g from Gumbel's distribution: differentiable draws of categories (Jang, Gu & Poole 2017;
/// Maddison, Mnih & Teh 2017).
Tensor gumbel_softmax(In logits, const GumbelSoftmaxOptions& options = {}, Generator& generator = default_generator());

/// softmax(-x) along an axis.
inline Tensor softmin(In x, std::int64_t axis = -1) { return softmax(-std::move(x), axis); }
/// softmin along the axis `dim`.
struct Softmin : Module<Softmin> {
  explicit Softmin(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return softmin(std::move(x), dim); }
  std::int64_t dim;
};
/// softmax over the channels of x [N, C, H, W] or [C, H, W].
struct Softmax2d : Module<Softmax2d> {
  Tensor forward(In x) const;
};
/// exp(x) / sum(exp(x)) along the axis `dim`.
struct Softmax : Module<Softmax> {
  explicit Softmax(std::int64_t axis = -1) : dim(axis) {}
  Tensor forward(In x) const { return softmax(std::move(x), dim); }
  std::int64_t dim;
};
/// log(softmax(x)) along the axis `dim`.
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
