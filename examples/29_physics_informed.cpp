// SPDX-License-Identifier: BSD-3-Clause
// A physics-informed network for Burgers' equation u_t + u u_x = nu u_xx: from 60 noisy measurements of a travelling
// shock it finds the field everywhere, and the viscosity nu. Second derivatives of the network are part of the loss.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

constexpr double viscosity = 0.05;

/// The shock, an exact solution; rows of xt are (x, t).
nt::Tensor exact(const nt::Tensor& xt) {
  const nt::Tensor x = nt::select(xt, 1, 0);
  const nt::Tensor t = nt::select(xt, 1, 1);
  return 0.5 - 0.5 * nt::tanh((x - 0.5 * t) / (4 * viscosity));
}

int main() {
  nt::manual_seed(1);
  const nn::Sequential network(nn::Linear(2, 20, {.dtype = nt::f64}), nn::Tanh(),
                               nn::Linear(20, 20, {.dtype = nt::f64}), nn::Tanh(),
                               nn::Linear(20, 1, {.dtype = nt::f64}));
  const auto u = [&](const nt::Tensor& xt) { return nt::squeeze(network(xt), 1); };
  const nt::Parameter log_nu(nt::log(nt::tensor(0.5, nt::f64)));  // ten times too large

  // Points in [-1, 1] x [0, 1]: where it was measured, and where the equation is to hold.
  const auto points = [](std::int64_t n) {
    return nt::rand({n, 2}, nt::f64) * nt::tensor({2, 1}, nt::f64) - nt::tensor({1, 0}, nt::f64);
  };
  const nt::Tensor places = points(60);
  const nt::Tensor measured = exact(places) + 0.01 * nt::randn({60}, nt::f64);
  const nt::Tensor inside = nt::variable(points(400));

  // u_t + u u_x - nu u_xx. A row of u depends on its own row of `inside` only, so the gradient of the sum has them all.
  const auto residual = [&] {
    const nt::Tensor value = u(inside);
    const nt::Tensor first = nt::grad(nt::sum(value), inside, {.create_graph = true});
    const nt::Tensor u_x = nt::select(first, 1, 0);
    const nt::Tensor u_t = nt::select(first, 1, 1);
    const nt::Tensor u_xx = nt::select(nt::grad(nt::sum(u_x), inside, {.create_graph = true}), 1, 0);
    return u_t + value * u_x - nt::exp(log_nu) * u_xx;
  };
  auto parameters = network.parameters();
  parameters.push_back(log_nu);
  const auto loss = [&] { return nn::mse_loss(u(places), measured) + 0.1 * nt::mean(nt::square(residual())); };
  const auto run = nt::optim::minimize(loss, parameters,
                                       {.method = nt::optim::lbfgs({.history = 30}), .stop = {.max_iterations = 600}});

  const nt::Tensor grid = points(2000);
  const double error = nt::sqrt(nt::mean(nt::square(u(grid) - exact(grid)))).item();
  const double found = nt::exp(log_nu).item();
  fmt::print("loss {:.1e} after {} iterations ({})\n", run.value, run.iterations, run.message);
  fmt::print("root mean square error of the field {:.4f}, with measurements of standard deviation 0.01\n", error);
  fmt::print("viscosity {:.4f}, truth {:.4f}, start 0.5\n", found, viscosity);
  fmt::print("A field that is closer than its measurements shows what the equation adds to them.\n");
  return error < 0.01 && std::abs(found / viscosity - 1) < 0.1 ? 0 : 1;
}
