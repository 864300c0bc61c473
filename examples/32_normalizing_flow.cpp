// SPDX-License-Identifier: BSD-3-Clause
// A normalizing flow (Real NVP, Dinh et al. 2017) learns the density of two moons; it is compared with a Gaussian on
// unseen points, and integrated.
#include <newtape/newtape.hpp>

#include <cmath>
#include <numbers>

namespace nt = newtape;
namespace nn = nt::nn;

/// Two half circles [n, 2] with noise.
nt::Tensor moons(std::int64_t n) {
  const nt::Tensor angle = std::numbers::pi * nt::rand({n});
  const nt::Tensor second = (nt::rand({n}) < 0.5).to(nt::f32);
  const nt::Tensor sign = 1 - 2 * second;
  const nt::Tensor x = sign * nt::cos(angle) + second;
  const nt::Tensor y = sign * nt::sin(angle) + 0.5 * second;
  return nt::stack({x, y}, 1) + 0.08 * nt::randn({n, 2});
}

/// One coordinate is scaled and shifted by functions of the other.
struct Coupling : nn::Module<Coupling> {
  /// x [n, 2] with its columns exchanged and one transformed, and the log of the derivative, [n].
  std::pair<nt::Tensor, nt::Tensor> operator()(const nt::Tensor& x) const {
    const nt::Tensor kept = x[{nt::ellipsis, nt::Slice(0, 1)}];
    const auto parts = nt::chunk(net(kept), 2, 1);
    const nt::Tensor log_scale = 2 * nt::tanh(parts[0]);
    const nt::Tensor moved = x[{nt::ellipsis, nt::Slice(1, 2)}] * nt::exp(log_scale) + parts[1];
    return {nt::concatenate({moved, kept}, 1), nt::squeeze(log_scale, 1)};
  }
  nn::Sequential net =
      add("net", nn::Sequential(nn::Linear(1, 32), nn::ReLU(), nn::Linear(32, 32), nn::ReLU(), nn::Linear(32, 2)));
};

struct Flow : nn::Module<Flow> {
  explicit Flow(int layers) {
    for (int i = 0; i < layers; ++i) couplings.push_back(Coupling());
  }
  /// log p(x) [n]: of a standard normal at the transformed points, plus the logarithm of the Jacobian determinant.
  nt::Tensor forward(nt::In x) const {
    nt::Tensor z = x;
    nt::Tensor log_p = nt::zeros({z.shape(0)});
    for (const auto& coupling : couplings) {
      const auto [next, log_derivative] = coupling(z);
      z = next;
      log_p = log_p + log_derivative;
    }
    return log_p - 0.5 * nt::sum(nt::square(z), 1) - std::log(2 * std::numbers::pi);
  }
  nn::ModuleList<Coupling> couplings = add("couplings", nn::ModuleList<Coupling>());
};

int main() {
  nt::manual_seed(1);
  const Flow flow(8);
  nt::optim::Adam optimizer(flow.parameters(), {.lr = 3e-3});
  constexpr int steps = 1500;
  nt::optim::Scheduler scheduler(optimizer, nt::optim::one_cycle_lr({.total_steps = steps}));
  for (int step = 1; step <= steps; ++step) {
    const nt::Tensor loss = optimizer.step([&, x = moons(256)] { return -nt::mean(flow(x)); });
    if (step < steps) scheduler.step();
    if (step % 300 == 0) fmt::print("step {:4}: {:.3f} nats a point\n", step, loss.item());
  }

  const nt::NoGrad off;
  const nt::Tensor unseen = moons(5000);
  const double nats = -nt::mean(flow(unseen)).item();
  // Cross entropy of the best Gaussian: log(2 pi e) + log(det C) / 2 in two dimensions.
  const nt::Tensor centred = unseen - nt::mean(unseen, 0);
  const nt::Tensor c = nt::matmul(nt::transpose(centred), centred) / 5000;
  const double gaussian = std::log(2 * std::numbers::pi) + 1 + 0.5 * nt::linalg::logdet(c).item();

  // The density over [-2, 3] x [-1.5, 2], on a grid of steps of 0.025.
  const auto axes = nt::meshgrid({nt::arange(140) * 0.025 - 1.5, nt::arange(200) * 0.025 - 2});
  const nt::Tensor grid = nt::stack({nt::ravel(axes[1]), nt::ravel(axes[0])}, 1);
  const nt::Tensor density = nt::exp(flow(grid));
  const double integral = 0.025 * 0.025 * nt::sum(density).item();
  const nt::Tensor picture = nt::flip(nt::reshape(density, {140, 200}), nt::Axes{0});
  fmt::print("\nthe density:\n{}\n",
             nt::inspect::draw_image(nt::clip(picture[{nt::Slice(0, 140, 5), nt::Slice(0, 200, 5)}], 0, 1).value()));
  fmt::print("unseen points: {:.3f} nats, of a Gaussian {:.3f}; integral of the density {:.4f}\n", nats, gaussian,
             integral);
  fmt::print(
      "An integral of 1 shows that the Jacobians are right: a better fit cannot come from a wrong normalisation.\n");
  return nats < gaussian - 0.7 && std::abs(integral - 1) < 0.02 ? 0 : 1;
}
