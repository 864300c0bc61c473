// An operation of one's own: its value, and one rule for its input. Derivatives of every order follow.
#pragma once

#include <newtape/newtape.hpp>

#include <cmath>

/// Bent identity: (sqrt(x^2 + 1) - 1) / 2 + x, elementwise.
inline newtape::Tensor bend(newtape::In x) {
  namespace nt = newtape;
  static const nt::Op bend_op{"bend"};
  const nt::Array& v = x.value();
  // A rule consists of tensor operations, so that it can be differentiated itself: dy/dx = x / (2 sqrt(x^2 + 1)) + 1.
  return bend_op(v + (nt::core::sqrt(nt::core::square(v) + 1) - 1) * 0.5,
                 wrt(x, [x](nt::Cotangent g) { return g * (x / (2 * nt::sqrt(nt::square(x) + 1)) + 1); }));
}
