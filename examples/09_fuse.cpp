// SPDX-License-Identifier: BSD-3-Clause
// The speedup of an elementwise function fused into one pass over memory, forward and backward.
#include <newtape/newtape.hpp>

#include <chrono>

namespace nt = newtape;

// Works on tensors; `fuse` calls it to see which steps it takes.
constexpr auto f = [](auto x, auto b) { return nt::tanh(0.5 * x) * x + nt::sigmoid(x) * b - nt::exp(-x * x); };

struct Run {
  double milliseconds = 0;
  nt::Tensor loss, gradient;
};

template <class Loss>
Run best_of_ten(const nt::Tensor& x, const Loss& loss) {
  Run best;
  for (int i = 0; i < 10; ++i) {
    x.set_grad({});
    const auto start = std::chrono::steady_clock::now();
    const nt::Tensor y = loss();
    y.backward();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (i == 0 || time.count() < best.milliseconds) best = {time.count(), y, x.grad()};
  }
  return best;
}

int main() {
  const nt::Tensor x = nt::variable(nt::random::normal({2048, 1024}));
  const nt::Tensor b = nt::random::normal({1024});  // broadcast over the rows

  const Run plain = best_of_ten(x, [&] { return nt::sum(f(x, b)); });
  const Run fused = best_of_ten(x, [&] { return nt::sum(nt::fuse(f, x, b)); });
  fmt::print("one operation at a time: loss {:.2f}, {:.2f} ms forward and backward\n", plain.loss.item(),
             plain.milliseconds);
  fmt::print("fused:                   loss {:.2f}, {:.2f} ms\n", fused.loss.item(), fused.milliseconds);

  // A fused function is differentiable to any order, like any other operation.
  const nt::Tensor g = nt::grad(nt::sum(nt::fuse(f, x, b)), x, {.create_graph = true});
  const nt::Tensor curvature = nt::grad(nt::sum(g), x);
  fmt::print("second derivatives from {:.3f} to {:.3f}\n", nt::min(curvature).item(), nt::max(curvature).item());

  const double difference = nt::max(nt::abs(plain.gradient - fused.gradient)).item();
  fmt::print("the gradients differ by at most {:.1e}\n", difference);
  return difference < 1e-5 ? 0 : 1;
}
