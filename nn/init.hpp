// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/runtime/random.hpp>

/// Initialisation of parameters. ShapeError from kaiming and xavier for parameters with fewer than two axes.
namespace newtape::nn::init {

/// The function that follows a layer.
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };

/// The factor that preserves the variance from layer to layer, as PyTorch's calculate_gain: 1 for linear and sigmoid,
/// 5/3 for tanh, sqrt(2) for relu, sqrt(2 / (1 + slope^2)) for leaky_relu, 3/4 for selu.
double gain(Nonlinearity nonlinearity, double slope = 0.01);

/// Fan-in and fan-out of a weight [out, in, receptive field..].
struct Fans {
  std::int64_t in;
  std::int64_t out;
};
Fans fans(const Shape& shape);

/// What kaiming_uniform and kaiming_normal preserve: the variance of values (fan_in) or of gradients (fan_out).
enum class FanMode { fan_in, fan_out };

/// Options of kaiming_uniform and kaiming_normal.
struct KaimingOptions {
  double a = 0;  ///< negative slope of the following leaky_relu
  FanMode mode = FanMode::fan_in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};

/// Standard deviation gain / sqrt(fan) (He et al. 2015).
void kaiming_uniform(const Parameter& p, const KaimingOptions& options = {},
                     Generator& generator = default_generator());
void kaiming_normal(const Parameter& p, const KaimingOptions& options = {}, Generator& generator = default_generator());

/// Standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
void xavier_uniform(const Parameter& p, double gain = 1, Generator& generator = default_generator());
void xavier_normal(const Parameter& p, double gain = 1, Generator& generator = default_generator());

/// Uniform in [low, high). ValueError unless low <= high, and both are finite.
void uniform(const Parameter& p, double low = 0, double high = 1, Generator& generator = default_generator());
/// Normal, with mean and standard deviation. ValueError unless std >= 0.
void normal(const Parameter& p, double mean = 0, double std = 1, Generator& generator = default_generator());
struct TruncNormalOptions {
  double mean = 0;
  double std = 1;
  double a = -2;  ///< lower bound
  double b = 2;   ///< upper bound
};
/// The normal distribution truncated to [a, b], by inversion of its CDF. ValueError unless a < b and std > 0.
void trunc_normal(const Parameter& p, const TruncNormalOptions& options = {},
                  Generator& generator = default_generator());
/// Orthogonal rows (or columns, if there are fewer) of norm `gain`: p [n, ..] as a matrix of n rows, Haar distributed,
/// from the QR factorization of a normal matrix (Saxe et al. 2014; Mezzadri 2007). ShapeError for fewer than two axes.
void orthogonal(const Parameter& p, double gain = 1, Generator& generator = default_generator());
/// Normal values with the fraction `sparsity` of each column, rounded up, set to 0 (Martens 2010). ShapeError unless p
/// is a matrix, ValueError unless sparsity is in [0, 1].
void sparse(const Parameter& p, double sparsity, double std = 0.01, Generator& generator = default_generator());
/// 1 on the diagonal, 0 elsewhere. ShapeError unless p is a matrix.
void eye(const Parameter& p);
/// A convolution's weight [out, in / groups, ..] that is the identity on as many channels of each group as possible.
/// ShapeError unless there are three to five axes, ValueError unless groups divides `out`.
void dirac(const Parameter& p, std::int64_t groups = 1);
/// One number everywhere: `value`, 0 or 1.
void constant(const Parameter& p, double value);
void zeros(const Parameter& p);
void ones(const Parameter& p);

}  // namespace newtape::nn::init
