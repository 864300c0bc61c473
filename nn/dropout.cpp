// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/nn/dropout.hpp>

namespace newtape::nn {

namespace {
double check_probability(double p) {
  if (!(p >= 0 && p <= 1)) raise<ValueError>("dropout: p is a probability", "0 <= p <= 1", std::to_string(p));
  return p;
}
}  // namespace

Tensor dropout(In x, double p, bool training, Generator& generator) {
  check_probability(p);
  if (!training || p == 0) return x;
  // At p = 1 nothing is kept, and nothing needs to be made up for.
  const double scale = p == 1 ? 0 : 1 / (1 - p);
  Array mask = random::bernoulli(x.shape(), 1 - p, x.dtype(), generator);
  mask = core::mul(std::move(mask), core::full({}, scale, x.dtype()));
  return std::move(x) * Tensor(std::move(mask));
}

Dropout::Dropout(double probability) : p(check_probability(probability)) {}

Tensor Dropout::forward(In x) const { return dropout(std::move(x), p, is_training()); }

}  // namespace newtape::nn
