// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/krylov.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/fisher/natural_gradient.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::optim {

template <>
struct OptionsTraits<NaturalGradientOptions> {
  static constexpr const char* name = "NaturalGradient";
  static std::vector<const char*> moments() { return {}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("damping", o.damping), f("max_kl", o.max_kl),
        f("cg_iterations", o.cg_iterations, Range{1, std::numeric_limits<int>::max()}),
        f("cg_tolerance", o.cg_tolerance, below_one), f("empirical", o.empirical), f("weight_decay", o.weight_decay);
  }
};
template class OptimizerOf<NaturalGradientOptions>;

namespace {

/// The loss, its gradient and products with either Fisher matrix.
struct Problem {
  Tensor loss;
  std::vector<Tensor> gradient;
  std::function<std::vector<Tensor>(std::span<const Tensor>)> fisher;
};

template <class Product>
Problem problem(const std::shared_ptr<Product>& product) {
  return {product->value(), product->gradient(), [product](std::span<const Tensor> vs) { return (*product)(vs); }};
}

}  // namespace

Tensor NaturalGradient::step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) {
  const auto& o = options();
  zero_grad();
  std::vector<Parameter> params;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < slots().size(); ++i) {
    if (!slots()[i].param.requires_grad()) continue;
    params.push_back(slots()[i].param);
    positions.push_back(i);
  }
  const NoGrad off;
  if (params.empty()) return mean(loss(forward(outputs)));
  const auto xs = values_of(params);
  const auto p =
      o.empirical
          ? problem(std::make_shared<EmpiricalFisherProduct>(
                function_of(params, [&] { return loss(forward(outputs)); }), xs))
          : problem(std::make_shared<FisherProduct>(function_of(params, [&] { return forward(outputs); }), loss, xs));
  const Tensor g = parameters_to_vector(p.gradient);
  if (!core::all_finite(g.value())) {
    raise<NumericalError>("NaturalGradient: the gradient must be finite", "finite numbers", "inf or nan");
  }
  const auto fisher = [&](const Array& v) { return parameters_to_vector(p.fisher(vector_to_parameters(v, xs))); };
  const auto damped = [&](const Array& v) { return (fisher(v) + o.damping * Tensor(v)).value(); };
  Tensor d =
      core::cg(damped, core::contiguous(g.value()), {.tolerance = o.cg_tolerance, .max_iterations = o.cg_iterations}).x;
  if (o.max_kl > 0) {
    auto taken = vector_to_parameters(d, xs);
    for (std::size_t k = 0; k < taken.size(); ++k) {
      taken[k] = taken[k] * options_[slots()[positions[k]].group].lr;
    }
    const Tensor step = parameters_to_vector(taken);
    const double kl = 0.5 * vdot(step, fisher(step.value())).item();
    if (kl > o.max_kl) d = d * std::sqrt(o.max_kl / kl);
  }
  if (!core::all_finite(d.value())) {
    raise<NumericalError>("NaturalGradient: the step must be finite", "finite numbers", "inf or nan");
  }
  directions_.assign(slots().size(), Array());
  const auto parts = vector_to_parameters(d, xs);
  for (std::size_t k = 0; k < positions.size(); ++k) {
    slots()[positions[k]].param.set_grad(p.gradient[k]);
    directions_[positions[k]] = core::contiguous(parts[k].value());
  }
  try {
    step();
  } catch (...) {
    directions_.clear();
    throw;
  }
  directions_.clear();
  return p.loss;
}

void NaturalGradient::check_step() const {
  if (!directions_.empty()) return;
  raise<ValueError>("NaturalGradient: a step needs the model's outputs and the loss", "step(outputs, loss)",
                    "gradients only");
}

void NaturalGradient::update(Slot& s) {
  const auto& o = options_[s.group];
  Array& p = s.param.writable();
  if (o.weight_decay != 0) core::add_scaled(p, core::copy(p), -o.lr * o.weight_decay);
  core::add_scaled(p, directions_[static_cast<std::size_t>(&s - slots().data())], -o.lr);
}

}  // namespace newtape::optim
