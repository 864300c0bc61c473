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

const Workloads transforms{
    {"hvp", hvp},
    {"hessian", hessian},
};

}  // namespace

}  // namespace bench
