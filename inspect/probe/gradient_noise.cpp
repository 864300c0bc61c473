// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/probe/gradient_noise.hpp>

#include <limits>

namespace newtape::inspect {

double GradientNoise::noise_scale() const noexcept {
  return squared_norm > 0 ? variance / squared_norm : std::numeric_limits<double>::infinity();
}
double GradientNoise::signal_to_noise(std::int64_t batch) const noexcept {
  if (variance <= 0) return squared_norm > 0 ? std::numeric_limits<double>::infinity() : 0;
  return squared_norm > 0 ? squared_norm * static_cast<double>(batch) / variance : 0;
}

GradientNoise gradient_noise(const nn::ModuleBase& model, const std::function<Tensor(std::int64_t)>& loss,
                             std::int64_t parts, const GradientNoiseOptions& options) {
  if (parts < 2) raise<ValueError>("gradient_noise: a variance needs parts", "at least 2", std::to_string(parts));
  if (options.part_size < 1) {
    raise<ValueError>("gradient_noise: part_size must be positive", ">= 1", std::to_string(options.part_size));
  }
  GradientNoise result{.parts = parts, .part_size = options.part_size};
  std::vector<Tensor> variables;
  for (const auto& [name, p] : model.named_parameters()) {
    if (!p.requires_grad()) continue;
    variables.push_back(p.tensor());
    result.parameters.push_back({name, 0, 0});
  }
  std::vector<Array> sums(variables.size());
  std::vector<double> squares(variables.size());
  for (std::int64_t k = 0; k < parts; ++k) {
    const GradMode on(true);
    auto gradients = newtape::grad(loss(k), variables, {.allow_unused = true});
    for (std::size_t i = 0; i < variables.size(); ++i) {
      squares[i] += core::summarize(gradients[i].value()).sum_squares;
      Array g = core::cast(gradients[i].value(), f64);
      sums[i] = sums[i].defined() ? std::move(sums[i]) + std::move(g) : std::move(g);
    }
  }
  const auto n = static_cast<double>(parts);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const double mean_squared = core::summarize(sums[i]).sum_squares / (n * n);
    const double spread = (squares[i] - n * mean_squared) / (n - 1);  // variance / part_size
    auto& p = result.parameters[i];
    p.variance = spread * static_cast<double>(options.part_size);
    p.squared_norm = mean_squared - spread / n;
    result.variance += p.variance;
    result.squared_norm += p.squared_norm;
  }
  return result;
}

}  // namespace newtape::inspect
