// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/nn/init.hpp>

#include <cmath>
#include <string>

namespace newtape::nn::init {

double gain(Nonlinearity nonlinearity, double slope) {
  switch (nonlinearity) {
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return std::sqrt(2.0);
    case Nonlinearity::leaky_relu: return std::sqrt(2 / (1 + slope * slope));
    case Nonlinearity::selu: return 3.0 / 4;
    default: return 1;
  }
}

Fans fans(const Shape& shape) {
  if (shape.size() < 2) {
    raise<ShapeError>("init: only a parameter with two axes or more has fans", "[out, in, ..]", to_string(shape));
  }
  const auto field = element_count(Shape(shape.begin() + 2, shape.end()));
  return {shape[1] * field, shape[0] * field};
}

namespace {
double kaiming_deviation(const Parameter& p, const KaimingOptions& o) {
  const auto f = fans(p.shape());
  return gain(o.nonlinearity, o.a) / std::sqrt(static_cast<double>(o.mode == FanMode::in ? f.in : f.out));
}
double xavier_deviation(const Parameter& p, double gain) {
  const auto f = fans(p.shape());
  return gain * std::sqrt(2 / static_cast<double>(f.in + f.out));
}
/// Uniform in [-b, b) has the deviation b / sqrt(3).
void uniform_of(const Parameter& p, double deviation, Generator& generator) {
  const double bound = std::sqrt(3.0) * deviation;
  uniform(p, -bound, bound, generator);
}
}  // namespace

void kaiming_uniform(const Parameter& p, const KaimingOptions& options, Generator& generator) {
  uniform_of(p, kaiming_deviation(p, options), generator);
}
void kaiming_normal(const Parameter& p, const KaimingOptions& options, Generator& generator) {
  normal(p, 0, kaiming_deviation(p, options), generator);
}
void xavier_uniform(const Parameter& p, double gain, Generator& generator) {
  uniform_of(p, xavier_deviation(p, gain), generator);
}
void xavier_normal(const Parameter& p, double gain, Generator& generator) {
  normal(p, 0, xavier_deviation(p, gain), generator);
}

void uniform(const Parameter& p, double low, double high, Generator& generator) {
  p.set_value(random::uniform(p.shape(), low, high, p.dtype(), generator));
}
void normal(const Parameter& p, double mean, double deviation, Generator& generator) {
  p.set_value(random::normal(p.shape(), mean, deviation, p.dtype(), generator));
}
void constant(const Parameter& p, double value) { p.set_value(core::full(p.shape(), value, p.dtype())); }
void zeros(const Parameter& p) { constant(p, 0); }
void ones(const Parameter& p) { constant(p, 1); }

}  // namespace newtape::nn::init
