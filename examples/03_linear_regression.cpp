// SPDX-License-Identifier: BSD-3-Clause
// Linear regression three ways: in closed form, by gradient descent, and by one Newton step from grad of grad.
#include <newtape/newtape.hpp>

namespace nt = newtape;

int main() {
  // y = 1.5 a - 2 b + 0.7 + noise, 200 observations; the last column of X is 1, for the intercept.
  nt::Generator generator(42);
  const nt::Tensor ab = nt::random::uniform({200, 2}, -1, 1, nt::f64, generator);
  const nt::Tensor X = nt::concatenate({ab, nt::ones({200, 1}, nt::f64)}, 1);
  const nt::Tensor truth = nt::tensor({1.5, -2, 0.7}, nt::f64);
  const nt::Tensor noise = nt::random::normal({200}, 0, 0.1, nt::f64, generator);
  const nt::Tensor y = nt::matmul(X, truth) + noise;

  const auto loss_at = [&](const nt::Tensor& w) { return 0.5 * nt::mean(nt::square(nt::matmul(X, w) - y)); };

  // 1. Closed form: X^T X w = X^T y.
  const nt::Tensor XtX = nt::matmul(nt::transpose(X), X);
  const nt::Tensor Xty = nt::matmul(nt::transpose(X), y);
  const nt::Tensor closed = nt::core::solve(XtX.value(), Xty.value());

  // 2. Gradient descent by hand.
  nt::Tensor w = nt::zeros({3}, nt::f64);
  int steps = 0;
  for (double size = 1; size > 1e-10 && steps < 10'000; ++steps) {
    w = nt::variable(w);
    const nt::Tensor g = nt::grad(loss_at(w), w);
    size = nt::max(nt::abs(g)).item();
    w = w.detach() - 0.5 * g;
  }

  // 3. One Newton step, w - H^-1 g, with H row by row from the gradient of the gradient.
  const nt::Tensor start = nt::variable(nt::zeros({3}, nt::f64));
  const nt::Tensor g = nt::grad(loss_at(start), start, {.create_graph = true});
  std::vector<nt::Tensor> rows;
  for (int i = 0; i < 3; ++i) rows.push_back(nt::grad(nt::select(g, 0, i), start, {.retain_graph = true}));
  const nt::Tensor H = nt::stack(rows);
  const nt::Tensor newton = start.detach() - nt::Tensor(nt::core::solve(H.value(), g.value()));

  fmt::print("truth             {}\n", truth);
  fmt::print("closed form       {}\n", closed);
  fmt::print("gradient descent  {}  ({} steps)\n", w, steps);
  fmt::print("Newton            {}  (1 step)\n", newton);

  const double difference = std::max(nt::max(nt::abs(w - closed)).item(), nt::max(nt::abs(newton - closed)).item());
  const double error = nt::max(nt::abs(closed - truth)).item();
  fmt::print("largest difference between the three: {:.1e}\n", difference);
  return difference < 1e-8 && error < 0.05 ? 0 : 1;
}
