// SPDX-License-Identifier: BSD-3-Clause
// The two-layer network Y = sigmoid(W2 sigmoid(W1 X)): applied to data, then trained on XOR by the chain rule.
#include <newtape/newtape.hpp>

namespace nt = newtape;

int main() {
  // The four points of XOR are the columns of X; the row of ones multiplies the bias.
  const nt::Tensor X = nt::tensor({{0.0, 0, 1, 1}, {0, 1, 0, 1}, {1, 1, 1, 1}});
  const nt::Tensor target = nt::tensor({{0.0, 1, 1, 0}});

  nt::manual_seed(3);
  const nt::Parameter W1(nt::random::normal({8, 3}, 0, 2));
  const nt::Parameter W2(nt::random::normal({1, 8}, 0, 2));
  const auto network = [&](const nt::Tensor& x) { return nt::sigmoid(nt::matmul(W2, nt::sigmoid(nt::matmul(W1, x)))); };

  fmt::print("before training: {:.2}\n", network(X));

  nt::optim::Adam optimizer({W1, W2}, {.lr = 0.05});
  for (int step = 1; step <= 1000; ++step) {
    optimizer.zero_grad();
    const nt::Tensor y = network(X);
    const nt::Tensor loss = -nt::mean(target * nt::log(y) + (1 - target) * nt::log(1 - y));
    loss.backward();
    optimizer.step();
    if (step % 200 == 0) fmt::print("step {:4}  loss {:.4f}\n", step, loss.item());
  }

  const nt::Tensor y = network(X);
  fmt::print("after training:  {:.2}\n", y);
  const bool converged = nt::max(nt::abs(y - target)).item() < 0.1;
  return converged ? 0 : 1;
}
