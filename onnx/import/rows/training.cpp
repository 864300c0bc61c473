// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <cmath>
#include <span>

/// The operators of the preview of training: steps of optimizers, and Gradient.
namespace newtape::onnx::detail {
namespace {

/// Inputs R, T, and then `groups` groups of equally many tensors.
struct StepInputs {
  Tensor rate;
  double step = 0;
  std::size_t count = 0;

  StepInputs(Call& c, std::size_t groups) : rate(c.peek(0)), step(static_cast<double>(c.integer(1))) {
    if ((c.size() - 2) % groups != 0)
      c.fail("each group must have as many tensors", std::to_string(groups) + " groups");
    count = (c.size() - 2) / groups;
  }
  const Tensor& get(Call& c, std::size_t group, std::size_t i) const { return c.peek(2 + group * count + i); }
};

/// The results of all tensors, group by group.
Results grouped(Call& c, const StepInputs& in, const std::vector<std::vector<Tensor>>& groups) {
  Results results;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    for (std::size_t i = 0; i < in.count; ++i) results.push_back(c.as(groups[group][i], c.type(2 + i)));
  }
  return results;
}

Results adagrad(Call& c) {
  const double decay = c.real("decay_factor", 0), eps = c.real("epsilon", 1e-6F), l2 = c.real("norm_coefficient", 0);
  const StepInputs in(c, 3);
  std::vector<std::vector<Tensor>> results(2);
  const Tensor rate = in.rate / (1 + in.step * decay);
  for (std::size_t i = 0; i < in.count; ++i) {
    const Tensor &x = in.get(c, 0, i), g = x * l2 + in.get(c, 1, i), h = in.get(c, 2, i) + square(g);
    results[0].push_back(x - rate * g / (sqrt(h) + eps));
    results[1].push_back(h);
  }
  return grouped(c, in, results);
}

Results adam(Call& c) {
  const double alpha = c.real("alpha", 0.9F), beta = c.real("beta", 0.999F), eps = c.real("epsilon", 1e-6F);
  const double l2 = c.real("norm_coefficient", 0), after = c.real("norm_coefficient_post", 0);
  const StepInputs in(c, 4);
  std::vector<std::vector<Tensor>> results(3);
  // At step 0 the moments are not corrected.
  const double corrected = in.step > 0 ? std::sqrt(1 - std::pow(beta, in.step)) / (1 - std::pow(alpha, in.step)) : 1;
  for (std::size_t i = 0; i < in.count; ++i) {
    const Tensor &x = in.get(c, 0, i), g = x * l2 + in.get(c, 1, i);
    const Tensor v = in.get(c, 2, i) * alpha + g * (1 - alpha), h = in.get(c, 3, i) * beta + square(g) * (1 - beta);
    results[0].push_back((x - in.rate * corrected * v / (sqrt(h) + eps)) * (1 - after));
    results[1].push_back(v);
    results[2].push_back(h);
  }
  return grouped(c, in, results);
}

Results momentum(Call& c) {
  const double alpha = c.real("alpha"), l2 = c.real("norm_coefficient");
  const auto mode = c.text("mode", "");
  if (mode != "standard" && mode != "nesterov") c.fail("unknown mode", "standard or nesterov", mode);
  const StepInputs in(c, 3);
  // At step 0 the gradient is not damped.
  const double beta = in.step > 0 ? c.real("beta") : 1;
  std::vector<std::vector<Tensor>> results(2);
  for (std::size_t i = 0; i < in.count; ++i) {
    const Tensor &x = in.get(c, 0, i), g = x * l2 + in.get(c, 1, i), v = in.get(c, 2, i) * alpha + g * beta;
    results[0].push_back(x - in.rate * (mode == "standard" ? v : g + v * alpha));
    results[1].push_back(v);
  }
  return grouped(c, in, results);
}

const Ref& named(Call& c, std::string_view name) {
  for (const auto& [known, ref] : c.frame()->plan.names) {
    if (known == name) return ref;
  }
  c.fail("there is no value of this name in the graph", "", name);
}

/// The value y of the graph with other values for xs: runs again what depends on them.
Tensor value_of(Call& c, const std::vector<std::string_view>& xs, std::span<const Tensor> values) {
  const Frame& outer = *c.frame();
  std::vector<Parameter> weights(outer.context.weights.begin(), outer.context.weights.end());
  Context context = outer.context;
  Frame frame{outer.plan, context, outer.outer, outer.values};
  std::vector<bool> changed(frame.values.size(), false), changed_weights(weights.size(), false);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const Ref& ref = named(c, xs[i]);
    const auto at = static_cast<std::size_t>(ref.index);
    if (ref.kind == Ref::Kind::local) {
      frame.values[at] = Value(values[i], c.type(i));
      changed[at] = true;
    } else if (ref.kind == Ref::Kind::weight) {
      weights[at] = Parameter(values[i].value());
      weights[at].exchange(values[i]);
      changed_weights[at] = true;
    } else {
      c.fail("a constant has no derivative", "an input, an initialiser or the output of a node", xs[i]);
    }
  }
  context.weights = weights;
  for (const auto& step : outer.plan.steps) {
    if (&step == &c.step()) break;
    bool again = false;
    for (const auto& ref : step.inputs) {
      const auto at = static_cast<std::size_t>(ref.index);
      again = again || (ref.kind == Ref::Kind::local && ref.up == 0 && changed[at]) ||
              (ref.kind == Ref::Kind::weight && changed_weights[at]);
    }
    if (!again) continue;
    run_step(frame, step);
    for (const auto slot : step.outputs) {
      if (slot >= 0) changed[static_cast<std::size_t>(slot)] = true;
    }
  }
  return sum(fetch(frame, named(c, c.text("y", ""))).tensor());
}

/// The derivatives of the value y by the values xs.
Results gradient(Call& c) {
  const auto xs = c.texts("xs");
  if (c.frame() == nullptr || c.size() < xs.size()) c.fail("there must be an input for each of xs");
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < xs.size(); ++i) values.push_back(c.peek(i));
  const auto gradients = grad([&](std::span<const Tensor> at) { return value_of(c, xs, at); })(values);
  Results results;
  for (std::size_t i = 0; i < xs.size(); ++i) results.push_back(c.as(gradients[i], c.type(i)));
  return results;
}

constexpr Row training_table[] = {
    {"Adagrad", {1}, adagrad, {}, training_domain},
    {"Adam", {1}, adam, {}, training_domain},
    {"Gradient", {1}, gradient, {}, training_domain},
    {"Momentum", {1}, momentum, {}, training_domain},
};

}  // namespace

Rows training_rows() { return training_table; }

}  // namespace newtape::onnx::detail
