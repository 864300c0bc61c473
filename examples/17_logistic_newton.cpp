// SPDX-License-Identifier: BSD-3-Clause
// Logistic regression by Newton's method: quadratic convergence from 0 to twelve digits in a few steps.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;
namespace optim = nt::optim;

int main() {
  // Tumours, malignant or benign, by thirty measurements of cell nuclei.
  const auto table = nt::data::breast_cancer();
  const auto [sigma, mu] = nt::std_mean(table.features(), 0, 0);
  const nt::Tensor x = (table.features() - mu) / sigma;
  const nt::Tensor y = nt::Tensor(table.target()).to(nt::f64);

  const nn::Linear model(30, 1, {.dtype = nt::f64});
  for (const auto& p : model.parameters()) p.set_value(nt::zeros(p.shape(), nt::f64).value());
  const auto loss = [&] {
    const nt::Tensor logits = nt::squeeze(model(x), -1);
    return nn::binary_cross_entropy_with_logits(logits, y) + 0.05 * nt::sum(nt::square(model.weight));
  };

  const auto result =
      optim::minimize(loss, model.parameters(), {.method = optim::newton(), .stop = {.gradient_tolerance = 1e-12}});
  fmt::print("{}\n\n", result);

  std::string digits;
  for (const auto& i : result.trace) digits += fmt::format(" {:.1f}", -std::log10(i.gradient));
  const double right = nt::mean(((nt::squeeze(model(x), -1) > 0.0).to(nt::f64) == y).to(nt::f64)).item();
  fmt::print("-log10 |gradient|, step by step:{}\n{:.1f} % classified correctly\n", digits, 100 * right);

  // For comparison, a method without second derivatives.
  for (const auto& p : model.parameters()) p.set_value(nt::zeros(p.shape(), nt::f64).value());
  const auto slower = optim::minimize(
      loss, model.parameters(),
      {.method = optim::gradient_descent(), .stop = {.gradient_tolerance = 1e-12, .max_iterations = 1000}});
  fmt::print("gradient descent: {} iterations, |gradient| {:.0e}\n", slower.iterations, slower.gradient);

  const bool same = std::abs(slower.value - result.value) < 1e-9;
  return result.converged() && result.iterations <= 8 && slower.iterations > 5 * result.iterations && same &&
                 right > 0.96
             ? 0
             : 1;
}
