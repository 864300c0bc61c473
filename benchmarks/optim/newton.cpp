// SPDX-License-Identifier: BSD-3-Clause
#include "sections.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/models/logistic.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/method.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>
#include <newtape/optim/second_order/result.hpp>

#include <fmt/format.h>

namespace bench {

namespace {

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using nt::Tensor;

constexpr double penalty = 0.005;

struct Table {
  const char* name;
  Tensor x;  ///< [n, d], standardised
  Tensor target;
  std::int64_t classes;
};

Table standardized(const char* name, const nt::data::Table& table) {
  const auto [deviation, average] = nt::std_mean(table.features(), 0, 0);
  return {name, (table.features() - average) / deviation, table.target(),
          static_cast<std::int64_t>(table.target_names.size())};
}

std::vector<Table> tables() {
  const auto digits = nt::data::digits().train;
  return {standardized("iris", nt::data::iris()),
          standardized("wine", nt::data::wine()),
          standardized("breast cancer", nt::data::breast_cancer()),
          {"digits", nt::reshape(digits.array("images"), {-1, 64}).to(nt::f64), digits.array("labels"), 10}};
}

/// Mean cross-entropy of x w^T + b and the penalty on w; the first class has no bias, as only differences count.
optim::Result minimized(const Table& t, optim::Method method) {
  const std::int64_t d = t.x.shape(1);
  const std::vector<Tensor> start{nt::zeros({t.classes, d}, nt::f64), nt::zeros({t.classes - 1}, nt::f64)};
  const auto loss = [&](std::span<const Tensor> p) {
    const Tensor logits = nt::matmul(t.x, nt::transpose(p[0])) + nt::pad(p[1], {{1, 0}});
    return nn::cross_entropy(logits, t.target) + penalty * nt::sum(nt::square(p[0]));
  };
  optim::MinimizeOptions options;
  options.method = std::move(method);
  options.stop.gradient_tolerance = 1e-12;
  return optim::minimize(loss, start, options);
}

std::string digits_of(const std::vector<double>& gradients) {
  std::string text;
  for (const double g : gradients) text += fmt::format(" {:.0e}", g);
  return text;
}

}  // namespace

bool newton(const OptimOptions& options) {
  fmt::print(
      "The gradient's largest entry, iteration by iteration: mean cross-entropy + {} times the sum of squared "
      "weights\n",
      penalty);
  bool sound = true;
  for (const auto& t : tables()) {
    fmt::print("\n{}: {} samples, {} features, {} classes\n", t.name, t.x.shape(0), t.x.shape(1), t.classes);
    const auto line = [&](const std::string& how, double loss, const std::vector<double>& gradients) {
      const bool fine = gradients.back() <= 1e-12 && gradients.size() <= 13;
      sound = sound && fine;
      fmt::print("  {:<20} loss {:.12f} after {:2d}:{}{}\n", how, loss, gradients.size() - 1, digits_of(gradients),
                 fine ? "" : "  (not to 1e-12 within 12)");
    };
    const auto fit = nt::models::softmax_regression(t.x, t.target, {.penalty = penalty}, t.classes);
    std::vector<double> gradients;
    for (const auto& i : fit.trace) gradients.push_back(i.gradient);
    line("softmax_regression", fit.value, gradients);
    for (const auto& method : chosen({optim::newton(), optim::trust_region_newton()}, options)) {
      const auto result = minimized(t, method);
      gradients.clear();
      for (const auto& i : result.trace) gradients.push_back(i.gradient);
      line(method.name, result.value, gradients);
    }
  }
  return sound;
}

}  // namespace bench
