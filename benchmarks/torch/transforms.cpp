// SPDX-License-Identifier: BSD-3-Clause
// Second derivatives; newtape/transforms.cpp is the other side.
#include "support.hpp"

namespace bench {

namespace {

using torch::autograd::grad;

/// A 10-20-10-1 tanh network in f64 and its squared error on 256 samples: 441 parameters.
struct Network {
  Tensor x = constant<double>({256, 10}, 1);
  Tensor target = constant<double>({256, 1}, 2);
  std::vector<Tensor> parameters = {variable<double>({20, 10}, 10, 0.3), variable<double>({20}, 11, 0.3),
                                    variable<double>({10, 20}, 12, 0.2), variable<double>({10}, 13, 0.2),
                                    variable<double>({1, 10}, 14, 0.3),  variable<double>({1}, 15, 0.3)};

  Tensor loss() const {
    const auto& p = parameters;
    const auto h = torch::tanh(torch::linear(x, p[0], p[1]));
    return torch::mse_loss(torch::linear(torch::tanh(torch::linear(h, p[2], p[3])), p[4], p[5]), target);
  }
  std::vector<Tensor> gradient() const {
    return grad({loss()}, parameters, {}, /*retain_graph=*/true, /*create_graph=*/true);
  }
};

Workload hvp() {
  const Network f;
  std::vector<Tensor> vs;
  for (std::size_t i = 0; i < f.parameters.size(); ++i) vs.push_back(constant<double>(f.parameters[i].sizes(), 20 + i));
  const auto step = [=] { return grad(f.gradient(), f.parameters, vs); };
  return {step, [=](Fingerprint& print) {
            const auto products = step();
            for (std::size_t i = 0; i < products.size(); ++i) add(print, "product_" + std::to_string(i), products[i]);
          }};
}

/// Row by row: faster than entries selected from a flat gradient, and than one sweep with batched cotangents (the vmap
/// behind is_grads_batched), parameter by parameter or over all.
Workload hessian() {
  const Network f;
  const auto step = [=] {
    std::vector<Tensor> rows;
    for (const auto& g : f.gradient()) {
      const auto one_hot = torch::eye(g.numel(), g.options());
      for (std::int64_t i = 0; i < g.numel(); ++i) {
        auto row = grad({g}, f.parameters, {one_hot[i].view(g.sizes())}, /*retain_graph=*/true);
        for (auto& part : row) part = part.reshape({-1});
        rows.push_back(torch::cat(row));
      }
    }
    return torch::stack(rows);
  };
  return {step, [=](Fingerprint& print) { add(print, "hessian", step()); }};
}

/// The real transform of 64 signals of 16384 and its derivative.
Workload rfft() {
  const Tensor x = variable({64, 16384}, 1), weights = constant({64, 8193, 2}, 2);
  return gradients({x}, [=] { return (weights * torch::view_as_real(torch::fft::rfft(x))).sum(); });
}

/// The gradients of 64 examples' losses in the 2177 parameters of a 32-64-1 tanh network, each by itself: without vmap, which
/// LibTorch does not have in C++, the examples take turns.
Workload per_sample_grad() {
  const std::vector<Tensor> p{variable({64, 32}, 10, 0.2F), variable({64}, 11, 0.2F), variable({1, 64}, 12, 0.2F),
                              variable({1}, 13, 0.2F)};
  const Tensor x = constant({64, 32}, 1), target = constant({64, 1}, 2);
  const auto step = [=] {
    std::vector<std::vector<Tensor>> parts(p.size());
    for (std::int64_t i = 0; i < x.size(0); ++i) {
      const Tensor h = torch::tanh(torch::linear(x[i], p[0], p[1]));
      const Tensor loss = (torch::linear(h, p[2], p[3]) - target[i]).square().sum();
      const auto gradients = grad({loss}, p);
      for (std::size_t k = 0; k < p.size(); ++k) parts[k].push_back(gradients[k]);
    }
    std::vector<Tensor> all;
    for (const auto& part : parts) all.push_back(torch::stack(part));
    return all;
  };
  return {step, [=](Fingerprint& print) {
            const auto all = step();
            for (std::size_t i = 0; i < all.size(); ++i) add(print, "gradients_" + std::to_string(i), all[i]);
          }};
}

const Workloads transforms{
    {"hvp", hvp},
    {"hessian", hessian},
    {"rfft", rfft},
    {"per_sample_grad", per_sample_grad},
};

}  // namespace

}  // namespace bench
