// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/module/draw_order.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
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
    raise<ShapeError>("init: the parameter must have at least two axes", "[out, in, ..]", to_string(shape));
  }
  const auto field = element_count(Shape(shape.begin() + 2, shape.end()));
  return {shape[1] * field, shape[0] * field};
}

namespace {
double kaiming_std(const Parameter& p, const KaimingOptions& o) {
  const auto f = fans(p.shape());
  return gain(o.nonlinearity, o.a) / std::sqrt(static_cast<double>(o.mode == FanMode::fan_in ? f.in : f.out));
}
double xavier_std(const Parameter& p, double gain) {
  const auto f = fans(p.shape());
  return gain * std::sqrt(2 / static_cast<double>(f.in + f.out));
}
/// The uniform distribution on [-b, b) has standard deviation b / sqrt(3).
void uniform_of(const Parameter& p, double std, Generator& generator) {
  const double bound = std::sqrt(3.0) * std;
  uniform(p, -bound, bound, generator);
}
}  // namespace

void kaiming_uniform(const Parameter& p, const KaimingOptions& options, Generator& generator) {
  uniform_of(p, kaiming_std(p, options), generator);
}
void kaiming_normal(const Parameter& p, const KaimingOptions& options, Generator& generator) {
  normal(p, 0, kaiming_std(p, options), generator);
}
void xavier_uniform(const Parameter& p, double gain, Generator& generator) {
  uniform_of(p, xavier_std(p, gain), generator);
}
void xavier_normal(const Parameter& p, double gain, Generator& generator) {
  normal(p, 0, xavier_std(p, gain), generator);
}

void uniform(const Parameter& p, double low, double high, Generator& generator) {
  detail::draw(p, generator, [shape = p.shape(), dtype = p.dtype(), low, high](Generator& g) {
    return random::uniform(shape, low, high, dtype, g);
  });
}
void normal(const Parameter& p, double mean, double std, Generator& generator) {
  detail::draw(p, generator, [shape = p.shape(), dtype = p.dtype(), mean, std](Generator& g) {
    return random::normal(shape, mean, std, dtype, g);
  });
}
void trunc_normal(const Parameter& p, const TruncNormalOptions& o, Generator& generator) {
  if (!(o.a < o.b) || !(o.std > 0)) {
    raise<ValueError>(
        "trunc_normal: invalid bounds or standard deviation", "a < b and std > 0",
        "a = " + std::to_string(o.a) + ", b = " + std::to_string(o.b) + ", std = " + std::to_string(o.std));
  }
  detail::draw(p, generator, [o, shape = p.shape(), dtype = p.dtype()](Generator& g) {
    // For the normal distribution 2 CDF(z) - 1 = erf(z / sqrt(2)).
    const auto erf_at = [&](double x) { return std::erf((x - o.mean) / (o.std * std::numbers::sqrt2)); };
    const Tensor u = random::uniform(shape, erf_at(o.a), erf_at(o.b), f64, g);
    const Tensor x = erfinv(u) * (o.std * std::numbers::sqrt2) + o.mean;
    return core::cast(clip(x, o.a, o.b).value(), dtype);
  });
}

void orthogonal(const Parameter& p, double gain, Generator& generator) {
  if (p.shape().size() < 2) {
    raise<ShapeError>("orthogonal: the parameter must have at least two axes", "[n, m, ..]", to_string(p.shape()));
  }
  if (p.size() == 0) return;
  detail::draw(p, generator, [gain, shape = p.shape(), dtype = p.dtype()](Generator& g) {
    const NoGrad guard;
    const auto rows = shape[0];
    const auto columns = element_count(shape) / rows;
    const Tensor a = random::normal({std::max(rows, columns), std::min(rows, columns)}, 0, 1, f64, g);
    const auto [q, r] = linalg::qr(a);
    const Tensor signs = where(diagonal(r) < 0.0, Tensor(full({}, -gain, f64)), gain);
    const Tensor w = q * signs;
    return core::cast(reshape(rows < columns ? transpose(w) : w, shape).value(), dtype);
  });
}

namespace {
void check_matrix(const char* what, const Parameter& p) {
  if (p.shape().size() == 2) return;
  raise<ShapeError>(std::string(what) + ": the parameter must be a matrix", "[n, m]", to_string(p.shape()));
}
}  // namespace

void sparse(const Parameter& p, double sparsity, double std, Generator& generator) {
  check_matrix("sparse", p);
  if (!(sparsity >= 0 && sparsity <= 1)) {
    raise<ValueError>("sparse: sparsity is out of range", "in [0, 1]", std::to_string(sparsity));
  }
  detail::draw(p, generator, [sparsity, std, shape = p.shape(), dtype = p.dtype()](Generator& g) {
    const auto rows = shape[0];
    const auto columns = shape[1];
    const auto zeros = static_cast<std::int64_t>(std::ceil(sparsity * static_cast<double>(rows)));
    Array values = random::normal(shape, 0, std, f64, g);
    auto* v = values.data<double>();
    for (std::int64_t j = 0; j < columns; ++j) {
      const Array order = random::permutation(rows, g);
      for (std::int64_t i = 0; i < zeros; ++i) v[order.data<std::int64_t>()[i] * columns + j] = 0;
    }
    return core::cast(values, dtype);
  });
}

void eye(const Parameter& p) {
  check_matrix("eye", p);
  Array values = core::full(p.shape(), 0, f64);
  for (std::int64_t i = 0; i < std::min(p.shape()[0], p.shape()[1]); ++i) {
    values.data<double>()[i * p.shape()[1] + i] = 1;
  }
  p.set_value(core::cast(values, p.dtype()));
}

void dirac(const Parameter& p, std::int64_t groups) {
  const Shape& shape = p.shape();
  if (shape.size() < 3 || shape.size() > 5) {
    raise<ShapeError>("dirac: the parameter must be a convolution's weight", "[out, in, ..] with 3 to 5 axes",
                      to_string(shape));
  }
  if (groups < 1 || shape[0] % groups != 0) {
    raise<ValueError>("dirac: groups must divide the output channels", std::to_string(shape[0]),
                      std::to_string(groups));
  }
  const auto field = element_count(Shape(shape.begin() + 2, shape.end()));
  std::int64_t center = 0;
  for (std::size_t i = 2; i < shape.size(); ++i) center = center * shape[i] + shape[i] / 2;
  Array values = core::full(shape, 0, f64);
  const auto out = shape[0] / groups;
  for (std::int64_t g = 0; g < groups && field > 0; ++g) {
    for (std::int64_t d = 0; d < std::min(out, shape[1]); ++d) {
      values.data<double>()[((g * out + d) * shape[1] + d) * field + center] = 1;
    }
  }
  p.set_value(core::cast(values, p.dtype()));
}

void constant(const Parameter& p, double value) { p.set_value(core::full(p.shape(), value, p.dtype())); }
void zeros(const Parameter& p) { constant(p, 0); }
void ones(const Parameter& p) { constant(p, 1); }

}  // namespace newtape::nn::init
