// SPDX-License-Identifier: BSD-3-Clause
// A custom operation with its derivative, checked to order three in one line.
#include <newtape/newtape.hpp>

namespace nt = newtape;

// swish(x) = x sigmoid(x), and its derivative y + sigmoid(x) (1 - y): the value first, then the pullback of a cotangent
// g of the output. Written in Tensor operations, it can be differentiated again, to any order.
static const nt::Op swish_op{"swish"};

nt::Tensor swish(nt::In x) {
  return swish_op(nt::core::mul(x.value(), nt::core::sigmoid(x.value())),
                  wrt(x, [x](const nt::Tensor& g, const nt::Tensor& y) { return g * (y + nt::sigmoid(x) * (1 - y)); }));
}

// The same with an error, which gradcheck reports.
static const nt::Op wrong_op{"wrong_swish"};

nt::Tensor wrong_swish(nt::In x) {
  return wrong_op(nt::core::mul(x.value(), nt::core::sigmoid(x.value())),
                  wrt(x, [x](const nt::Tensor& g, const nt::Tensor& y) { return g * (y + nt::sigmoid(x)); }));
}

int main() {
  const nt::Tensor x = nt::random::normal({4, 3}, 0, 2, nt::f64);

  const auto good = nt::gradcheck([](const nt::Tensor& t) { return swish(t); }, x, {.order = 3});
  fmt::print("swish:       {} (largest relative error {:.1e})\n", good ? "derivatives right" : good.message,
             good.worst);

  const auto bad = nt::gradcheck([](const nt::Tensor& t) { return wrong_swish(t); }, x, {.order = 3});
  fmt::print("wrong_swish: {}\n", bad ? "derivatives right?!" : bad.message);

  // It broadcasts, composes and differentiates like any other operation.
  const nt::Tensor w = nt::variable(nt::tensor({0.5, -1, 2}, nt::f64));
  nt::mean(nt::square(swish(x * w))).backward();
  fmt::print("gradient through it: {}\n", w.grad());
  return good && !bad ? 0 : 1;
}
