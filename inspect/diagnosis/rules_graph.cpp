// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at the graph of the first batch, the initial weights and the optimizer's parameters.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace newtape::inspect {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 4; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > 4 ? text + fmt::format(" and {} more", names.size() - 4) : text;
}

std::optional<Measurement> softmax_twice(const Evidence& e) {
  if (!e.graph.known) return {};
  const bool twice = e.graph.head == "softmax" && e.graph.loss_has("log_softmax");
  return Measurement{twice ? 1.0 : 0.0,
                     fmt::format("the output is computed by {}, and the loss applies log_softmax", e.graph.head),
                     e.graph.head_location};
}
std::vector<Treatment> log_of_output(const Evidence&) {
  return {{.loss = [](const LossFunction& loss) -> LossFunction {
    return [loss](const Tensor& p, const Tensor& y) { return loss(log(p + std::numeric_limits<float>::min()), y); };
  }}};
}

std::optional<Measurement> sigmoid_twice(const Evidence& e) {
  if (!e.graph.known) return {};
  const bool twice = e.graph.head == "sigmoid" && e.graph.loss_has("softplus");
  return Measurement{twice ? 1.0 : 0.0,
                     fmt::format("the output is computed by {}, and the loss is that of logits", e.graph.head),
                     e.graph.head_location};
}
std::vector<Treatment> logit_of_output(const Evidence&) {
  return {{.loss = [](const LossFunction& loss) -> LossFunction {
    return [loss](const Tensor& p, const Tensor& y) {
      constexpr double least = 1e-6;
      return loss(log(p + least) - log1p(least - p), y);
    };
  }}};
}

/// Ends of the values of an activation.
struct HeadRange {
  const char* op;
  double low, high;
};
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr HeadRange head_ranges[] = {{"relu", 0, infinity},     {"sigmoid", 0, 1},    {"tanh", -1, 1},
                                     {"softplus", 0, infinity}, {"softmax", 0, 1},    {"hardtanh", -1, 1},
                                     {"exp", 0, infinity},      {"elu", -1, infinity}};

std::optional<Measurement> head_cannot_reach_targets(const Evidence& e) {
  if (!e.graph.known || !e.target.defined()) return {};
  const auto* range =
      std::find_if(std::begin(head_ranges), std::end(head_ranges), [&](const auto& r) { return e.graph.head == r.op; });
  if (range == std::end(head_ranges)) return Measurement{0, "the output is not bounded", ""};
  const bool labels = !is_floating(e.target.dtype());
  if (labels || e.graph.loss_has("softplus")) {  // logits need both signs, and any size
    const bool logits = e.graph.loss_has(labels ? "log_softmax" : "softplus") && range->op != std::string("elu");
    const bool twice = e.graph.head == "softmax" || e.graph.head == "sigmoid";  // softmax_twice, sigmoid_twice
    return Measurement{
        logits && (!twice || (labels && e.graph.head == "sigmoid")) ? 1.0 : 0.0,
        fmt::format("the loss takes logits, which {} keeps within [{}, {}]", range->op, range->low, range->high),
        e.graph.head_location};
  }
  const Array& y = e.y.defined() && is_floating(e.y.dtype()) ? e.y : e.target;
  const auto s =
      core::summarize(y, {.low = std::nextafter(range->low, -infinity), .high = std::nextafter(range->high, infinity)});
  return Measurement{s.saturated_share(),
                     fmt::format("{:.1f}% of the targets are outside of [{}, {}], the range of {}",
                                 100 * s.saturated_share(), range->low, range->high, range->op),
                     e.graph.head_location};
}

std::optional<Measurement> unreached_parameters(const Evidence& e) {
  if (!e.graph.known) return {};
  return Measurement{static_cast<double>(e.graph.unreached.size()),
                     fmt::format("the graph of the loss does not contain {}", listed(e.graph.unreached)),
                     listed(e.graph.unreached)};
}

std::optional<Measurement> parameters_not_held(const Evidence& e) {
  if (e.probe == nullptr) return {};
  std::vector<std::string> names;
  bool any = false;
  for (const auto& p : e.probe->parameters()) {
    any = any || p.held;
    if (!p.held && p.parameter.requires_grad()) names.push_back(p.name);
  }
  if (!any && e.probe->step_records().empty()) return {};
  return Measurement{static_cast<double>(names.size()), fmt::format("the optimizer does not hold {}", listed(names)),
                     listed(names)};
}

/// A second optimizer steps with the first.
std::vector<Treatment> hold_the_others(const Evidence&) {
  return {{.prepare = [](Trainee& t) {
    std::vector<Parameter> others = t.model().parameters();
    for (const auto& p : t.optimizer().params()) std::erase(others, p);
    if (others.empty()) return;
    const auto adam = std::make_shared<optim::Adam>(others);
    t.optimizer().register_step_post_hook([adam](const optim::Optimizer& first) {
      adam->set_lr(first.lr());
      adam->step();
      adam->zero_grad();
    });
  }}};
}

std::optional<Measurement> frozen_parameters(const Evidence& e) {
  if (e.probe == nullptr) return {};
  std::vector<std::string> names;
  double frozen = 0;
  double all = 0;
  for (const auto& p : e.probe->parameters()) {
    const auto size = static_cast<double>(p.parameter.size());
    all += size;
    if (p.parameter.requires_grad()) continue;
    frozen += size;
    names.push_back(p.name);
  }
  if (all == 0) return {};
  return Measurement{frozen / all,
                     fmt::format("{:.1f}% of the parameters are frozen: {}", 100 * frozen / all, listed(names)),
                     listed(names)};
}
std::vector<Treatment> unfreeze(const Evidence&) {
  return {{.prepare = [](Trainee& t) { t.model().requires_grad(true); }}};
}

/// First records of the parameters that multiply activations.
template <class F>
void each_weight(const Evidence& e, const F& f) {
  if (e.probe == nullptr || !e.graph.known) return;
  for (const auto& p : e.probe->parameters()) {
    if (p.parameter.ndim() < 2 || p.history.empty() || !e.graph.multiplies(p.name)) continue;
    f(p, p.history.records().front().value);
  }
}

std::optional<Measurement> constant_initialisation(const Evidence& e) {
  std::vector<std::string> names;
  bool any = false;
  each_weight(e, [&](const ProbedParameter& p, const core::ArraySummary& s) {
    any = true;
    if (s.size > 1 && s.max - s.min <= 1e-6 * std::max(std::abs(s.max), std::abs(s.min))) names.push_back(p.name);
  });
  if (!any) return {};
  return Measurement{static_cast<double>(names.size()),
                     fmt::format("all elements are equal at the start in {}", listed(names)), listed(names)};
}

/// A weight's initial gain: its rms times the square root of fan-in, 1 where the signal keeps its size.
double gain_of(const ProbedParameter& p, const core::ArraySummary& s) {
  return s.rms() * std::sqrt(static_cast<double>(nn::init::fans(p.parameter.shape()).in));
}

std::optional<Measurement> initial_gain(const Evidence& e) {
  double worst = 0;
  std::string text;
  std::string where;
  bool any = false;
  each_weight(e, [&](const ProbedParameter& p, const core::ArraySummary& s) {
    any = true;
    const double gain = gain_of(p, s);
    if (!(gain > 0) || s.max == s.min) return;
    const double off = std::max(gain, 0.5 / gain);
    if (off <= worst) return;
    worst = off;
    where = p.name;
    text = fmt::format("the initial weights of {} multiply the size of a signal by {:.3g} (rms times sqrt(fan-in))",
                       p.name, gain);
  });
  if (!any) return {};
  return Measurement{worst, text, where};
}
/// He's deviation and PyTorch's default, 1 / sqrt(3 fan-in). Other parameters than those that multiply stay.
std::vector<Treatment> initialise_again(const Evidence& e) {
  std::vector<std::string> names;
  each_weight(e, [&](const ProbedParameter& p, const core::ArraySummary&) { names.push_back(p.name); });
  const auto with = [&](double a) {
    Treatment t;
    t.prepare = [names, a](Trainee& trainee) {
      for (const auto& name : names) nn::init::kaiming_uniform(trainee.model().parameter(name), {.a = a});
    };
    t.code = fmt::format("nn::init::kaiming_uniform(weight, {{.a = {:.3g}}});", a);
    return t;
  };
  return {with(std::sqrt(5.0)), with(0)};
}

std::optional<Measurement> dropout_of_most(const Evidence& e) {
  if (e.probe == nullptr) return {};
  double worst = 0;
  std::string where;
  for (const auto& r : e.probe->results()) {
    if (r.type.find("Dropout") == std::string::npos || r.history.empty() || r.input) continue;
    for (const auto& record : r.history.records()) {
      if (record.value.zero_share() > worst) worst = record.value.zero_share(), where = r.path;
    }
  }
  return Measurement{
      worst, fmt::format("{} leaves {:.1f}% of the elements", where.empty() ? "no dropout" : where, 100 * (1 - worst)),
      where};
}
std::vector<Treatment> no_dropout(const Evidence& e) {
  std::vector<std::string> paths;
  if (e.probe != nullptr) {
    for (const auto& r : e.probe->results()) {
      if (!r.input && r.type.find("Dropout") != std::string::npos) paths.push_back(r.path);
    }
  }
  return {{.before_step = [paths](Trainee& t) {
    for (const auto& [path, module] : t.model().named_modules()) {
      if (std::find(paths.begin(), paths.end(), path) != paths.end()) module.eval();
    }
  }}};
}

std::optional<Measurement> evaluation_mode(const Evidence& e) {
  if (e.probe == nullptr || e.probe->step_records().empty()) return {};
  double evaluated = 0;
  const auto records = e.probe->step_records().records();
  for (const auto& r : records) evaluated += r.training ? 0 : 1;
  return Measurement{
      evaluated / static_cast<double>(records.size()),
      fmt::format("the model was in evaluation mode in {} of {} steps looked at", evaluated, records.size()), ""};
}
std::vector<Treatment> training_mode(const Evidence&) {
  return {{.prepare = [](Trainee& t) {
    // The step of the user may call eval(): a hook at the start of the forward pass has the last word.
    t.model().register_forward_pre_hook([](const nn::ModuleBase& m, std::span<const Tensor>) {
      if (grad_enabled()) m.train();
    });
  }}};
}

std::optional<Measurement> wrong_gradient(const Evidence& e) {
  if (!e.gradient_error) return {};
  return Measurement{*e.gradient_error,
                     fmt::format("the derivative of the loss along a random direction differs from central differences "
                                 "by {:.3g} of it, most in {}",
                                 *e.gradient_error, e.gradient_error_at),
                     e.gradient_error_at};
}

std::optional<Measurement> zero_learning_rate(const Evidence& e) {
  if (e.lrs.empty()) return {};
  const double most = *std::max_element(e.lrs.begin(), e.lrs.end());
  return Measurement{most == 0 ? 1.0 : 0.0, fmt::format("the learning rate is {}", most), ""};
}
std::vector<Treatment> rate_of_one_thousandth(const Evidence&) {
  return {{.before_step = [](Trainee& t) { t.optimizer().set_lr(1e-3); }}};
}

const Rule graph_rows[] = {
    {"softmax_twice", Phase::graph, Certainty::proof, "graph", softmax_twice, 0.5,
     "softmax of a softmax lies within a factor of e of uniform, so the loss cannot fall below log(1 + (C - 1) / e)",
     "The loss expects logits, but the model ends with a softmax.", "// end the model with its last Linear layer",
     log_of_output, "Humbatova et al. 2020, taxonomy: redundant softmax"},
    {"sigmoid_twice", Phase::graph, Certainty::proof, "graph", sigmoid_twice, 0.5,
     "a probability is a logit in [0, 1], so the loss cannot fall below 0.31 for positives and 0.69 for negatives",
     "The loss expects logits, but the model ends with a sigmoid.",
     "nn::binary_cross_entropy(output, y)  // or leave the sigmoid out", logit_of_output,
     "Humbatova et al. 2020, taxonomy: wrong activation of the output layer"},
    {"head_cannot_reach_targets", Phase::graph, Certainty::strong, "graph, targets", head_cannot_reach_targets, 0.01,
     "one target in a hundred outside of the range is an error that no training removes",
     "The last activation cannot produce the targets.", "// end the model with its last Linear layer", nullptr,
     "definition"},
    {"unreached_parameters", Phase::graph, Certainty::strong, "graph", unreached_parameters, 0.5,
     "a trainable parameter has a gradient", "No gradient reaches some parameters.",
     "// use the layer in forward(), without detach(), or freeze it", nullptr, "definition"},
    {"parameters_not_held", Phase::graph, Certainty::strong, "optimizer", parameters_not_held, 0.5,
     "a trainable parameter is one that an optimizer changes", "No optimizer holds some parameters.",
     "optim::Adam(model.parameters())", hold_the_others, "definition"},
    {"frozen_parameters", Phase::graph, Certainty::hint, "parameters", frozen_parameters, 0,
     "freezing is deliberate or a mistake: the experiment tells", "Some parameters are frozen.",
     "model.requires_grad(true);", unfreeze, "definition"},
    {"constant_initialisation", Phase::graph, Certainty::strong, "initial weights", constant_initialisation, 0.5,
     "units with equal weights get equal gradients and stay equal", "Weights start with equal values.",
     "nn::init::kaiming_uniform(weight);", initialise_again, "Goodfellow et al. 2016, section 8.4"},
    {"initial_gain", Phase::graph, Certainty::hint, "initial weights", initial_gain, 5,
     "the factor that a layer applies to a signal is 0.58 (uniform default) to 1.4 (He) or 1.7 (tanh); 5 and 0.1 are "
     "beyond all of them, and multiply with depth",
     "Initial weights are of the wrong size.", "nn::init::kaiming_uniform(weight);", initialise_again,
     "Glorot & Bengio 2010; He et al. 2015"},
    {"dropout_of_most", Phase::graph, Certainty::hint, "dropout layers", dropout_of_most, 0.85,
     "the variance of a kept signal grows by p / (1 - p): above 5.7", "Dropout leaves out nearly everything.",
     "nn::Dropout(0.2)", no_dropout, "Srivastava et al. 2014, appendix A.4: 0.5 to 0.8 kept"},
    {"evaluation_mode", Phase::graph, Certainty::hint, "steps", evaluation_mode, 0.5, "most steps",
     "The model trains in evaluation mode.", "model.train();", training_mode, "Ioffe & Szegedy 2015, algorithm 2"},
    {"wrong_gradient", Phase::graph, Certainty::proof, "a model that can be made again", wrong_gradient, 1e-2,
     "in f64 the difference quotient has an error near 1e-8; kinks of the loss add the share of units at them",
     "A gradient is wrong.", "nt::gradcheck(f, x)  // of the operations of your own", nullptr,
     "Griewank & Walther 2008, section 3.1"},
    {"zero_learning_rate", Phase::graph, Certainty::proof, "optimizer", zero_learning_rate, 0.5, "definition",
     "The learning rate is 0.", "optimizer.set_lr(1e-3);", rate_of_one_thousandth, "definition"},
};

}  // namespace

std::span<const Rule> graph_rules() { return graph_rows; }

}  // namespace newtape::inspect
