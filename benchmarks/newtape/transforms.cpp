// SPDX-License-Identifier: BSD-3-Clause
// Second derivatives; torch/transforms.cpp is the other side.
#include "problems.hpp"

#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/fft.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>

namespace bench {

namespace {

Workload hvp() {
  const problems::Curvature f;
  const auto vs = f.vectors();
  const auto step = [=] { return nt::hvp(f, f.parameters, vs).second; };
  return {step, [=](Fingerprint& print) {
            const auto products = step();
            for (std::size_t i = 0; i < products.size(); ++i) add(print, "product_" + std::to_string(i), products[i]);
          }};
}

Workload hessian() {
  const problems::Curvature f;
  const auto step = [=] { return nt::hessian_matrix(f, f.parameters); };
  return {step, [=](Fingerprint& print) { add(print, "hessian", step()); }};
}

/// The real transform of 64 signals of 16384 and its derivative.
Workload rfft() {
  const Tensor x = variable({64, 16384}, 1), weights = constant({64, 8193, 2}, 2);
  return gradients({x}, [=] { return nt::sum(weights * nt::fft::rfft(x)); });
}

/// The gradients of 64 examples' losses in the 2177 parameters of a 32-64-1 tanh network, each by itself.
Workload per_sample_grad() {
  const Tensor w1 = constant({64, 32}, 10, 0.2F), b1 = constant({64}, 11, 0.2F);
  const Tensor w2 = constant({1, 64}, 12, 0.2F), b2 = constant({1}, 13, 0.2F);
  const Tensor x = constant({64, 32}, 1), target = constant({64, 1}, 2);
  const std::vector<Tensor> parameters{w1, b1, w2, b2}, batch{x, target};
  const nt::SampleLoss losses = [](std::span<const Tensor> p, std::span<const Tensor> of) {
    const Tensor h = nt::tanh(nt::linear(of[0], p[0], p[1]));
    return nt::sum(nt::square(nt::linear(h, p[2], p[3]) - of[1]), 1);
  };
  const auto step = [=] { return nt::per_sample_grad(losses, parameters, batch); };
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
