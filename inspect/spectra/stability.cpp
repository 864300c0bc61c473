// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/stability.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/inspect/spectra/eigenvalues.hpp>
#include <newtape/inspect/spectra/operators.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace newtape::inspect {

namespace {

/// The state of an optimizer's parameter: arrays and numbers by name.
class SlotState {
 public:
  SlotState(const std::map<std::string, Array, std::less<>>& all, std::size_t slot, const std::string& parameter)
      : all_(all), start_("state." + std::to_string(slot) + "."), parameter_(parameter) {}
  Array operator()(const std::string& what) const {
    const auto at = all_.find(start_ + what);
    if (at != all_.end()) return at->second;
    raise<ValueError>("stability: the optimizer has no state for " + parameter_, "a step before", "no " + what);
  }
  double steps() const { return static_cast<double>((*this)("step").item<std::int64_t>()); }

 private:
  const std::map<std::string, Array, std::less<>>& all_;
  std::string start_;
  std::string parameter_;
};

/// What a method does to the gradient of one parameter.
struct StepRule {
  double lr = 0;
  double limit = 2;
  double l2 = 0;           ///< weight decay that adds to the gradient
  Array divisor = {};      ///< P; undefined: 1
  std::string text = "2";  ///< the limit as a formula
};

template <optim::WeightDecay kind>
StepRule adam_rule(const optim::AdamOptionsOf<kind>& o, const SlotState& state) {
  const double t = state.steps();
  const Array v = state(o.amsgrad ? "max_exp_avg_sq" : "exp_avg_sq");
  const double beta1 = o.betas.first;
  const double bias1 = 1 - std::pow(beta1, t);
  const double bias2 = 1 - std::pow(o.betas.second, t);
  return {.lr = o.lr,
          .limit = 2 * (1 + beta1) / (1 - beta1),
          .l2 = kind == optim::WeightDecay::l2 ? o.weight_decay : 0,
          .divisor = bias1 * (core::sqrt(v * (1 / bias2)) + o.eps),
          .text = "2 (1 + beta1) / (1 - beta1)"};
}

StepRule sgd_rule(const optim::SGDOptions& o) {
  StepRule r{.lr = o.lr, .l2 = o.weight_decay};
  if (o.momentum == 0) return r;
  if (o.nesterov) {
    r.limit = 2 * (1 + o.momentum) / (1 + 2 * o.momentum);
    r.text = "2 (1 + momentum) / (1 + 2 momentum)";
  } else {
    r.limit = 2 * (1 + o.momentum) / (1 - o.dampening);
    r.text = o.dampening == 0 ? "2 (1 + momentum)" : "2 (1 + momentum) / (1 - dampening)";
  }
  return r;
}

StepRule rmsprop_rule(const optim::RMSpropOptions& o, const SlotState& state) {
  Array v = state("square_avg");
  if (o.centered) {
    const Array mean = state("grad_avg");
    v = core::maximum(v - mean * mean, core::full_like(v, 0));
  }
  return {.lr = o.lr,
          .limit = 2 * (1 + o.momentum),
          .l2 = o.weight_decay,
          .divisor = core::sqrt(v) + o.eps,
          .text = o.momentum == 0 ? "2" : "2 (1 + momentum)"};
}

StepRule adagrad_rule(const optim::AdagradOptions& o, const SlotState& state) {
  return {
      .lr = o.lr / (1 + state.steps() * o.lr_decay), .l2 = o.weight_decay, .divisor = core::sqrt(state("sum")) + o.eps};
}

std::optional<StepRule> rule_of(const optim::Optimizer& optimizer, std::size_t group, const SlotState& state) {
  if (const auto* o = dynamic_cast<const optim::SGD*>(&optimizer)) return sgd_rule(o->options(group));
  if (const auto* o = dynamic_cast<const optim::Adam*>(&optimizer)) return adam_rule(o->options(group), state);
  if (const auto* o = dynamic_cast<const optim::AdamW*>(&optimizer)) return adam_rule(o->options(group), state);
  if (const auto* o = dynamic_cast<const optim::RMSprop*>(&optimizer)) return rmsprop_rule(o->options(group), state);
  if (const auto* o = dynamic_cast<const optim::Adagrad*>(&optimizer)) return adagrad_rule(o->options(group), state);
  return std::nullopt;
}

/// The rule of every parameter of the surface.
std::vector<StepRule> rules_of(const LossSurface& surface, const optim::Optimizer& optimizer) {
  std::map<std::string, Array, std::less<>> state;
  for (auto& [name, array] : optimizer.state_dict()) state.emplace(name, array);
  const auto held = optimizer.params();
  std::vector<std::size_t> group_of;
  for (std::size_t g = 0; g < optimizer.group_count(); ++g) {
    const auto size = state.at("param_groups." + std::to_string(g) + ".size").item<std::int64_t>();
    group_of.insert(group_of.end(), static_cast<std::size_t>(size), g);
  }
  std::vector<StepRule> rules;
  for (const auto& [name, p] : surface.parameters()) {
    const auto at = std::find(held.begin(), held.end(), p);
    if (at == held.end()) {
      raise<ValueError>("stability: every trainable parameter must be the optimizer's", "a parameter of the optimizer",
                        name);
    }
    const auto slot = static_cast<std::size_t>(at - held.begin());
    auto rule = rule_of(optimizer, group_of[slot], {state, slot, name});
    if (!rule) {
      raise<ValueError>("stability: no limit is known for this optimizer", "SGD, Adam, AdamW, RMSprop or Adagrad",
                        "another optimizer");
    }
    rules.push_back(std::move(*rule));
  }
  return rules;
}

ExtremeEigenvaluesOptions eigenvalue_options(const SharpnessOptions& options) {
  return {.largest = 1,
          .tolerance = options.tolerance,
          .max_products = options.max_products,
          .vectors = true,
          .generator = options.generator};
}

}  // namespace

Sharpness sharpness(const LossSurface& surface, const SharpnessOptions& options) {
  auto e = extreme_eigenvalues(hessian_operator(surface), eigenvalue_options(options));
  return {.value = e.largest.values[0],
          .residual = e.largest.residuals[0],
          .direction = std::move(e.largest.vectors[0]),
          .converged = e.converged,
          .products = e.products};
}

Stability stability(const LossSurface& surface, const optim::Optimizer& optimizer, const SharpnessOptions& options) {
  const auto rules = rules_of(surface, optimizer);
  Stability s{.limit = rules[0].limit, .rule = rules[0].text};
  for (const auto& r : rules) s.lr = std::max(s.lr, r.lr);
  std::vector<Array> diagonal, decay;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Shape shape{surface.parameters()[i].second.size()};
    const double relative = (s.lr > 0 ? rules[i].lr / s.lr : 1) * s.limit / rules[i].limit;
    Array d = core::full(shape, relative, surface.dtype());
    if (rules[i].divisor.defined()) {
      s.preconditioned = true;
      d = d / core::reshape(rules[i].divisor, shape);
    }
    decay.push_back(core::full(shape, rules[i].l2, surface.dtype()));
    diagonal.push_back(core::sqrt(std::move(d)));
  }
  const LinearOperator h = hessian_operator(surface);
  const LinearOperator decayed(h.rows(), h.dtype(),
                               [h, w = core::concatenate(decay)](const Array& v) { return h(v) + w * v; });
  const auto e = extreme_eigenvalues(scaled(decayed, core::concatenate(diagonal)), eigenvalue_options(options));
  s.sharpness = e.largest.values[0];
  s.ratio = s.lr * s.sharpness / s.limit;
  s.stable = s.ratio <= 1;
  s.converged = e.converged;
  return s;
}

std::string to_string(const Stability& s) {
  return fmt::format("{}: lr x {}sharpness = {:.3g} x {:.3g} = {:.3g}, {} the limit {:.3g}{}",
                     s.stable ? "stable" : "unstable", s.preconditioned ? "preconditioned " : "", s.lr, s.sharpness,
                     s.lr * s.sharpness, s.stable ? "within" : "above", s.limit,
                     s.rule.empty() || s.rule == "2" ? "" : " = " + s.rule);
}

}  // namespace newtape::inspect
