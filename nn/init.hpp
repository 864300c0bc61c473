// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/random.hpp>

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
void constant(const Parameter& p, double value);
void zeros(const Parameter& p);
void ones(const Parameter& p);

}  // namespace newtape::nn::init
