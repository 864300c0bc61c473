// SPDX-License-Identifier: BSD-3-Clause
// First, second and third derivatives of a function, a gradient of many inputs, and a Hessian-vector product.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;

int main() {
  // A scalar: y = x^2 sin(x) at x = 2. Each derivative is recorded, so that it can be differentiated again.
  const nt::Tensor x = nt::variable(nt::tensor(2.0, nt::f64));
  const nt::Tensor y = x * x * nt::sin(x);
  const nt::Tensor first = nt::grad(y, x, {.create_graph = true});
  const nt::Tensor second = nt::grad(first, x, {.create_graph = true});
  const nt::Tensor third = nt::grad(second, x);
  fmt::print("y = x^2 sin x at 2:  y {:.6f}  y' {:.6f}  y'' {:.6f}  y''' {:.6f}\n", y.item(), first.item(),
             second.item(), third.item());

  // A vector: backward stores the gradient in the variable.
  const nt::Tensor w = nt::variable(nt::tensor({1, 2, 3}, nt::f64));
  const nt::Tensor loss = nt::sum(nt::exp(-0.5 * w * w));
  loss.backward();
  fmt::print("gradient of sum(exp(-w^2 / 2)): {}\n", w.grad());

  // The Hessian times a vector, without the Hessian: the gradient of <gradient, v>.
  const nt::Tensor v = nt::tensor({1, 0, -1}, nt::f64);
  const nt::Tensor g = nt::grad(nt::sum(nt::exp(-0.5 * w * w)), w, {.create_graph = true});
  const nt::Tensor hv = nt::grad(nt::sum(g * v), w);
  fmt::print("Hessian times {}: {}\n", v, hv);

  // The derivatives by hand.
  const double s = std::sin(2.0);
  const double c = std::cos(2.0);
  const bool right = std::abs(first.item() - (4 * s + 4 * c)) < 1e-12 &&
                     std::abs(second.item() - (8 * c - 2 * s)) < 1e-12 &&
                     std::abs(third.item() - (2 * c - 12 * s)) < 1e-12 &&
                     std::abs(nt::select(hv, 0, 2).item() + 8 * std::exp(-4.5)) < 1e-12;
  fmt::print("{}\n", right ? "agrees with the derivatives by hand" : "WRONG");
  return right ? 0 : 1;
}
