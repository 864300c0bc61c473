// SPDX-License-Identifier: BSD-3-Clause
// Second derivatives; torch/transforms.cpp is the other side.
#include "problems.hpp"

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

const Workloads transforms{
    {"hvp", hvp},
    {"hessian", hessian},
};

}  // namespace

}  // namespace bench
