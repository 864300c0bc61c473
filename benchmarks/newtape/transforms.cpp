// SPDX-License-Identifier: BSD-3-Clause
// Second derivatives; torch/transforms.cpp is the other side.
#include "support.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>

#include <span>

namespace bench {

namespace {

/// A 10-20-10-1 tanh network in f64 and its squared error on 256 samples: 441 parameters.
struct Network {
  Tensor x = constant<double>({256, 10}, 1);
  Tensor target = constant<double>({256, 1}, 2);
  std::vector<Tensor> parameters = {constant<double>({20, 10}, 10, 0.3), constant<double>({20}, 11, 0.3),
                                    constant<double>({10, 20}, 12, 0.2), constant<double>({10}, 13, 0.2),
                                    constant<double>({1, 10}, 14, 0.3),  constant<double>({1}, 15, 0.3)};

  Tensor operator()(std::span<const Tensor> p) const {
    const auto h = nt::tanh(nt::linear(x, p[0], p[1]));
    return nt::nn::mse_loss(nt::linear(nt::tanh(nt::linear(h, p[2], p[3])), p[4], p[5]), target);
  }
};

Workload hvp() {
  const Network f;
  std::vector<Tensor> vs;
  for (std::size_t i = 0; i < f.parameters.size(); ++i) vs.push_back(constant<double>(f.parameters[i].shape(), 20 + i));
  const auto step = [=] { return nt::hvp(f, f.parameters, vs).second; };
  return {step, [=](Fingerprint& print) {
            const auto products = step();
            for (std::size_t i = 0; i < products.size(); ++i) add(print, "product_" + std::to_string(i), products[i]);
          }};
}

Workload hessian() {
  const Network f;
  const auto step = [=] { return nt::hessian_matrix(f, f.parameters); };
  return {step, [=](Fingerprint& print) { add(print, "hessian", step()); }};
}

const Workloads transforms{
    {"hvp", hvp},
    {"hessian", hessian},
};

}  // namespace

}  // namespace bench
