// SPDX-License-Identifier: BSD-3-Clause
// Why a learning rate is too high: the Hessian's spectrum, and sharpness against the limit of the optimizer.
#include <newtape/newtape.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace nt = newtape;
namespace nn = nt::nn;
namespace inspect = nt::inspect;
namespace optim = nt::optim;

namespace {

/// One line for each value of the density, on a logarithmic scale: a few large eigenvalues would not be visible.
void draw(const inspect::SpectralDensity& d) {
  for (std::int64_t i = 0; i < d.grid.size(); ++i) {
    const double value = d.value.data<double>()[i];
    const double bars = 12 * std::log10(std::max(value, 1e-4) / 1e-4);
    fmt::print("{:8.2f} {:9.1e} {}\n", d.grid.data<double>()[i], value,
               std::string(static_cast<std::size_t>(bars), '#'));
  }
}

}  // namespace

int main() {
  const auto [train, test] = nt::data::digits();
  const nt::data::Dataset some = train[{0, 300}];
  const nt::Tensor x = some.array(0);
  const nt::Tensor y = nt::one_hot(some.array(1), 10, nt::f32);
  const nn::Sequential initial(nn::Flatten(), nn::Linear(64, 24), nn::Tanh(), nn::Linear(24, 10));
  const auto loss_of = [&](const nn::Sequential& model) { return nn::mse_loss(model(x), y); };

  fmt::print("eigenvalue   density  of the Hessian at the initial weights\n");
  const inspect::LossSurface surface(initial, [&] { return loss_of(initial); });
  draw(inspect::spectrum(surface, {.probes = 4, .steps = 40}).density(16));

  // Full batches make the loss sharper until it reaches the limit, 2 / lr, and stay there (Cohen et al. 2021); a rate
  // that is above the limit from the start diverges, or bounces to where the loss is flatter.
  bool expected = true;
  const double sharpness = inspect::sharpness(surface).value;
  for (const double share : {0.5, 0.9, 6.0}) {
    const nn::Sequential model = nn::clone(initial);
    optim::SGD optimizer(model.parameters(), {.lr = share * 2 / sharpness});
    const inspect::LossSurface own(model, [&] { return loss_of(model); });
    fmt::print("\nlr {:.3f}, {} of the limit at the start\n", optimizer.lr(), share);
    for (int step = 0; step <= 600; ++step) {
      const double loss = optimizer.step([&] { return loss_of(model); }).item();
      if (step % 200 != 0) continue;
      if (!(loss < 1e3)) {
        fmt::print("  step {:4}  loss {:.1e}: diverged\n", step, loss);
        break;
      }
      fmt::print("  step {:4}  loss {:.4f}  {}\n", step, loss, to_string(inspect::stability(own, optimizer)));
    }
    const double last = loss_of(model).item();
    expected = expected && (share < 1) == (last < 0.05);
  }
  return expected ? 0 : 1;
}
