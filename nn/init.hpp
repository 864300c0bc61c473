// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/runtime/random.hpp>

/// Puts first values into parameters. ShapeError from kaiming and xavier for parameters of fewer than two axes.
namespace newtape::nn::init {

enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };

/// The factor that keeps the variance from layer to layer; `slope` is leaky_relu's.
double gain(Nonlinearity nonlinearity, double slope = 0.01);

/// Inputs that reach one output, and outputs that one input reaches: [out, in, receptive field..].
struct Fans {
  std::int64_t in;
  std::int64_t out;
};
Fans fans(const Shape& shape);

enum class FanMode { in, out };

struct KaimingOptions {
  double a = 0;  ///< slope of the leaky_relu that follows
  FanMode mode = FanMode::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};

/// Deviation gain / sqrt(fan) (He et al. 2015).
void kaiming_uniform(const Parameter& p, const KaimingOptions& options = {},
                     Generator& generator = default_generator());
void kaiming_normal(const Parameter& p, const KaimingOptions& options = {}, Generator& generator = default_generator());

/// Deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
void xavier_uniform(const Parameter& p, double gain = 1, Generator& generator = default_generator());
void xavier_normal(const Parameter& p, double gain = 1, Generator& generator = default_generator());

void uniform(const Parameter& p, double low = 0, double high = 1, Generator& generator = default_generator());
void normal(const Parameter& p, double mean = 0, double deviation = 1, Generator& generator = default_generator());
struct TruncNormalOptions {
  double mean = 0;
  double std = 1;
  double a = -2;  ///< the lowest value
  double b = 2;   ///< the highest
};
/// A normal distribution's values within [a, b], by inversion. ValueError unless a < b and std > 0.
void trunc_normal(const Parameter& p, const TruncNormalOptions& options = {},
                  Generator& generator = default_generator());
/// Rows (or, where there are more of them, columns) that are orthogonal, of length `gain`: p [n, ..] as a matrix of n
/// rows, from the QR factors of a normal one, which gives every rotation the same chance (Saxe et al. 2014; Mezzadri
/// 2007). ShapeError for fewer than two axes.
void orthogonal(const Parameter& p, double gain = 1, Generator& generator = default_generator());
/// Normal values, of which in every column this part, rounded up, is 0 (Martens 2010). ShapeError unless p is a matrix,
/// ValueError unless sparsity is in [0, 1].
void sparse(const Parameter& p, double sparsity, double deviation = 0.01, Generator& generator = default_generator());
/// 1 on the diagonal, 0 elsewhere. ShapeError unless p is a matrix.
void eye(const Parameter& p);
/// A convolution's weight [out, in / groups, ..] that keeps as many channels of each group as it can as they are.
/// ShapeError unless there are three to five axes, ValueError unless groups divides `out`.
void dirac(const Parameter& p, std::int64_t groups = 1);
void constant(const Parameter& p, double value);
void zeros(const Parameter& p);
void ones(const Parameter& p);

}  // namespace newtape::nn::init
