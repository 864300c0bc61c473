// SPDX-License-Identifier: BSD-3-Clause
// Custom operations, checked to order three: with operands that broadcast, with an axis, with several results.
#include "08_add_an_op.hpp"

#include <newtape/newtape.hpp>

namespace nt = newtape;
using nt::Tensor;

bool report(const char* what, const nt::GradcheckResult& result) {
  fmt::print("{:<12} {}\n", what,
             result ? fmt::format("right, worst relative error {:.0e}", result.worst) : result.message);
  return bool(result);
}

int main() {
  const Tensor x = nt::random::normal({4, 3}, 0, 2, nt::f64);
  const Tensor eps = nt::tensor({0.5, 1, 2}, nt::f64);
  bool right = true;

  // One line each.
  const auto both = [](std::span<const Tensor> t) { return own::smooth_abs(t[0], t[1]); };
  right &= report("smooth_abs", nt::gradcheck(both, std::vector{x, eps}, {.order = 3}));
  right &= report("rms", nt::gradcheck([](const Tensor& t) { return own::rms(t, 0); }, x, {.order = 3}));
  const auto waves = [](const Tensor& t) {
    const auto [s, c] = own::sincos(t);
    return s * nt::exp(c);
  };
  right &= report("sincos", nt::gradcheck(waves, x, {.order = 3}));

  // They compose and differentiate like any other operation.
  const Tensor w = nt::variable(nt::tensor({0.5, -1, 2}, nt::f64));
  nt::sum(own::rms(own::smooth_abs(x * w, 0.1))).backward();
  fmt::print("gradient through two of them: {:.4}\n", w.grad());
  return right ? 0 : 1;
}
