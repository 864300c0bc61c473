// SPDX-License-Identifier: BSD-3-Clause
// A rod of length 1, hinged at both ends and pressed beyond Euler's load of pi^2: its angle at the end by solve_bvp, and the
// derivative of that by the load, beside the closed form in elliptic integrals.
#include <newtape/newtape.hpp>

#include <cmath>
#include <numbers>

namespace nt = newtape;
using nt::Tensor;

/// The shape theta'' = -load sin(theta) without bending moments at the ends: theta and theta' at the nodes.
nt::BvpSolution buckled(const Tensor& load) {
  const nt::BvpFunction bending = [&](const Tensor&, const Tensor& y, const Tensor&) {
    return nt::stack({y[1], -load * nt::sin(y[0])}, 0);
  };
  const nt::BoundaryConditions hinged = [](const Tensor& a, const Tensor& b, const Tensor&) {
    return nt::stack({a[1], b[1]}, 0);
  };
  const Tensor x = nt::arange(11, nt::f64) / 10.0;
  const Tensor half_wave = 2.0 * nt::cos(std::numbers::pi * x);
  return nt::solve_bvp(bending, hinged, x, nt::stack({half_wave, nt::zeros_like(x)}, 0), {}, {.tol = 1e-7});
}

/// The load at which the end has this angle: (2 K(sin(angle / 2)))^2, with K by the arithmetic-geometric mean.
Tensor load_of(const Tensor& angle) {
  Tensor a = nt::ones_like(angle), g = nt::cos(angle / 2.0);
  for (int i = 0; i < 6; ++i) {
    const Tensor mean = (a + g) / 2.0;
    g = nt::sqrt(a * g);
    a = mean;
  }
  return nt::square(std::numbers::pi / a);
}

int main() {
  bool right = true;
  fmt::print("{:>6} {:>9} {:>10} {:>12} {:>12} {:>6}\n", "load", "angle", "load of it", "d angle", "closed form",
             "nodes");
  for (const double pressed : {10.5, 12.0, 15.0, 25.0, 40.0}) {
    const Tensor load = nt::variable(nt::tensor(pressed, nt::f64));
    const nt::BvpSolution rod = buckled(load);
    const Tensor angle = rod.y[0][0];
    const double slope = nt::grad(angle, load).item();
    const Tensor at = nt::variable(angle.detach());
    const Tensor back = load_of(at);
    const double closed = 1 / nt::grad(back, at).item();
    fmt::print("{:6.1f} {:9.6f} {:10.6f} {:12.8f} {:12.8f} {:6}\n", pressed, angle.item(), back.item(), slope, closed,
               rod.x.size());
    right &= std::abs(back.item() - pressed) < 1e-5 * pressed && std::abs(slope - closed) < 1e-5 * closed;
  }
  return right ? 0 : 1;
}
