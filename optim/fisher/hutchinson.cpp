// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/optim/fisher/hutchinson.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::optim {

namespace {

std::vector<Tensor> signs(std::span<const Tensor> like, Generator& generator) {
  std::vector<Tensor> zs;
  zs.reserve(like.size());
  for (const auto& x : like) zs.emplace_back(random::rademacher(x.shape(), x.dtype(), generator));
  return zs;
}

void check_samples(const char* op, const HutchinsonOptions& options) {
  if (options.samples >= 1) return;
  raise<ValueError>(std::string(op) + ": samples must be positive", "at least 1", std::to_string(options.samples));
}

Generator& generator_of(const HutchinsonOptions& options) {
  return options.generator != nullptr ? *options.generator : default_generator();
}

/// The mean over the samples of z (H z), for the map z -> H z.
template <class Product>
std::vector<Tensor> mean_diag(std::span<const Tensor> xs, const HutchinsonOptions& options, const Product& product) {
  std::vector<Tensor> sums(xs.size());
  for (std::int64_t i = 0; i < options.samples; ++i) {
    const auto zs = signs(xs, generator_of(options));
    const auto products = product(zs);
    for (std::size_t k = 0; k < xs.size(); ++k) {
      const Tensor term = zs[k] * products[k];
      sums[k] = sums[k].defined() ? sums[k] + term : term;
    }
  }
  for (auto& s : sums) s = s / static_cast<double>(options.samples);
  return sums;
}

Function of_first(const UnaryFunction& f) {
  return [f](std::span<const Tensor> xs) { return f(xs[0]); };
}

}  // namespace

std::vector<Tensor> hutchinson_diag(const Located<Function>& f, std::span<const Tensor> xs,
                                    const HutchinsonOptions& options) {
  check_samples("hutchinson_diag", options);
  return mean_diag(xs, options, HessianProduct(f, xs));
}

Tensor hutchinson_diag(const Located<UnaryFunction>& f, const Tensor& x, const HutchinsonOptions& options) {
  return hutchinson_diag(of_first(f), {&x, 1}, options)[0];
}

TraceEstimate hutchinson_trace(const Located<Function>& f, std::span<const Tensor> xs,
                               const HutchinsonOptions& options) {
  check_samples("hutchinson_trace", options);
  const NoGrad constants;
  const HessianProduct product(f, xs);
  // Welford's running mean and sum of squares.
  double mean = 0;
  double squares = 0;
  for (std::int64_t i = 1; i <= options.samples; ++i) {
    const auto zs = signs(xs, generator_of(options));
    const auto products = product(zs);
    double term = 0;
    for (std::size_t k = 0; k < zs.size(); ++k) term += vdot(zs[k], products[k]).item();
    const double change = term - mean;
    mean += change / static_cast<double>(i);
    squares += change * (term - mean);
  }
  const auto n = static_cast<double>(options.samples);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN()};
}

TraceEstimate hutchinson_trace(const Located<UnaryFunction>& f, const Tensor& x, const HutchinsonOptions& options) {
  return hutchinson_trace(of_first(f), {&x, 1}, options);
}

LossCurvature hutchinson_diag(const Tensor& loss, std::span<const Tensor> inputs, const HutchinsonOptions& options) {
  check_samples("hutchinson_diag", options);
  if (loss.size() != 1)
    raise<ShapeError>("hutchinson_diag: the loss must be one number", "one element", to_string(loss.shape()));
  if (!loss.requires_grad()) {
    raise<ValueError>("hutchinson_diag: the loss must depend on a variable", "a recorded loss", "a constant");
  }
  LossCurvature result;
  // Undefined where there is no dependence: grad() would make zeros.
  result.gradient = newtape::detail::grad_between(loss, inputs, ones_like(loss), true);
  result.hessian_diag.resize(inputs.size());
  std::vector<std::size_t> reached;
  std::vector<Tensor> variables;
  std::vector<Tensor> curved;  // gradients that depend on variables themselves
  std::vector<std::size_t> curved_positions;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& g = result.gradient[i];
    if (!g.defined()) continue;
    if (g.requires_grad()) {
      curved.push_back(g);
      curved_positions.push_back(reached.size());
    }
    reached.push_back(i);
    variables.push_back(inputs[i]);
  }
  const auto product = [&](const std::vector<Tensor>& zs) {
    std::vector<Tensor> ofs;
    ofs.reserve(curved.size());
    for (const auto position : curved_positions) ofs.push_back(zs[position]);
    return grad(curved, variables, {.retain_graph = true, .grad_outputs = std::move(ofs), .allow_unused = true});
  };
  const NoGrad constants;
  if (curved.empty()) {
    for (const auto i : reached) result.hessian_diag[i] = zeros_like(inputs[i]);
  } else {
    const auto diag = mean_diag(variables, options, product);
    for (std::size_t k = 0; k < reached.size(); ++k) result.hessian_diag[reached[k]] = diag[k].detach();
  }
  for (auto& g : result.gradient) {
    if (g.defined()) g = g.detach();
  }
  return result;
}

}  // namespace newtape::optim
