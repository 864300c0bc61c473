// SPDX-License-Identifier: BSD-3-Clause
// Composes second-order methods from their parts, one of them custom, and compares them on logistic regression.
#include <newtape/newtape.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace core = nt::core;
namespace optim = nt::optim;

/// A scalar curvature: the change of the gradient along the last step (Barzilai and Borwein 1988). A Curvature must
/// provide `product`; `solve` avoids the solution of a linear system.
class BarzilaiBorwein final : public optim::Curvature {
 public:
  void evaluate(optim::Objective&, const optim::Iterate&) override {}
  void update(const nt::Array& step, const nt::Array& change) override {
    const double along = core::dot(step, change);
    if (along > 0) curvature_ = along / core::dot(step, step);
  }
  nt::Array product(const nt::Array& v) override { return curvature_ * v; }
  nt::Array solve(const nt::Array& v) override { return 1 / curvature_ * v; }
  bool scaled() const override { return curvature_ != 1; }
  bool reset() override { return std::exchange(curvature_, 1) != 1; }

 private:
  double curvature_ = 1;
};

int main() {
  const auto table = nt::data::breast_cancer();
  const auto [sigma, mu] = nt::std_mean(table.features(), 0, 0);
  const nt::Tensor x = (table.features() - mu) / sigma;
  const nt::Tensor y = nt::Tensor(table.target()).to(nt::f64);
  const nt::Function loss = [&](std::span<const nt::Tensor> p) {
    return nn::binary_cross_entropy_with_logits(nt::matmul(x, p[0]) + p[1], y) + 1e-3 * nt::sum(nt::square(p[0]));
  };
  const std::vector<nt::Tensor> start{nt::zeros({x.shape(1)}, nt::f64), nt::zeros({}, nt::f64)};

  const std::vector<optim::Method> methods{
      optim::gradient_descent(),
      {"Barzilai-Borwein", [] { return std::make_unique<BarzilaiBorwein>(); }, optim::direction::newton(),
       optim::globalization::hager_zhang()},
      optim::lbfgs(),
      {"SR1, dogleg", optim::curvature::sr1(), optim::direction::dogleg(), optim::globalization::trust_region()},
      {"L-BFGS, CG, damping", optim::curvature::lbfgs(), optim::direction::truncated_cg(),
       optim::globalization::damping()},
      optim::trust_region_newton_cg(),
      optim::newton(),
  };
  fmt::print("{:22} {:>10} {:>11} {:>9} {:>14}\n", "method", "iterations", "evaluations", "products", "loss");
  double best = 0;
  bool right = true;
  for (const auto& method : methods) {
    const auto r =
        optim::minimize(loss, start, {.method = method, .stop = {.gradient_tolerance = 1e-7, .max_iterations = 5000}});
    fmt::print("{:22} {:10} {:11} {:9} {:14.10f}  {}\n", method.name, r.iterations, r.counts.evaluations(),
               r.counts.products, r.value, r.converged() ? "" : r.message);
    if (best == 0) best = r.value;
    right = right && r.converged() && std::abs(r.value - best) < 1e-9;
  }
  return right ? 0 : 1;
}
