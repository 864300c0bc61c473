// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at the graph of the first batch, the initial weights and the optimizer's parameters.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/nn/init.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace newtape::inspect {
namespace {

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

std::optional<Measurement> broadcast_targets(const Evidence& e) {
  if (!e.graph.known || !e.output.defined() || !e.target.defined()) return {};
  if (!is_floating(e.target.dtype())) return {};
  const Shape& a = e.output.shape();
  const Shape& b = e.target.shape();
  const bool same_examples = a.size() > 0 && b.size() > 0 && a[0] == b[0] && a[0] > 1;
  // An operation of the loss has a result of [n, n].
  const bool outer = same_examples && e.graph.loss_sizes.count(e.output.size() * a[0]) > 0;
  return Measurement{
      outer && a != b && e.output.size() == e.target.size() ? 1.0 : 0.0,
      fmt::format("the output has the shape {}, the target {}: their difference has {} elements for each "
                  "example",
                  to_string(a), to_string(b), b[0]),
      e.graph.loss_location};
}
std::vector<Treatment> targets_in_shape(const Evidence&) {
  return {{.loss = [](const LossFunction& loss) -> LossFunction {
    return [loss](const Tensor& output, const Tensor& y) { return loss(output, y.reshape(output.shape())); };
  }}};
}

/// Weights that the loss depends on, whose gradient was 0 in all steps looked at though that of others was not, and no unit
/// is dead.
std::vector<std::string> without_gradient(const Evidence& e) {
  std::vector<std::string> names;
  if (e.probe == nullptr) return names;
  for (const auto& r : e.probe->results()) {
    if (!r.history.empty() && r.history.latest().value.zero_share() > 0.9 && !r.input) return {};
    if (!r.history.empty() && r.op == "relu" && r.history.latest().value.zero_share() > 0.9) return {};
  }
  bool others = false;
  for (const auto& p : e.probe->parameters()) {
    const auto records = p.history.records();
    if (p.parameter.ndim() < 2 || records.size() < 3 || !p.parameter.requires_grad()) continue;
    const bool constant = records.front().value.max == records.front().value.min;  // constant_initialisation
    const bool zero = std::all_of(records.begin(), records.end(), [](const auto& r) { return r.swept_norm == 0; });
    others = others || !zero;
    const auto& unreached = e.graph.unreached;
    if (zero && !constant && std::find(unreached.begin(), unreached.end(), p.name) == unreached.end()) {
      names.push_back(p.name);
    }
  }
  return others ? names : std::vector<std::string>{};
}
std::optional<Measurement> unreached_parameters(const Evidence& e) {
  if (!e.graph.known) return {};
  const auto zero = without_gradient(e);
  std::string text = fmt::format("the graph of the loss does not contain {}", listed(e.graph.unreached));
  if (e.graph.unreached.empty()) text = "the gradient was 0 in all steps looked at of " + listed(zero);
  return Measurement{static_cast<double>(e.graph.unreached.size() + zero.size()), text,
                     listed(e.graph.unreached.empty() ? zero : e.graph.unreached)};
}

std::optional<Measurement> no_gradient(const Evidence& e) {
  if (!e.output.defined() || e.graph.known) return {};
  return Measurement{e.constant_output && e.died ? 1.0 : 0.0,
                     "the output of the model depends on no parameter: " + e.error.substr(0, e.error.find('\n')), ""};
}

/// Weights with two axes or more, those that are looked up included, whose elements are equal at the start.
std::vector<std::string> constant_weights(const Evidence& e) {
  std::vector<std::string> names;
  for (const auto& p : e.probe->parameters()) {
    if (p.parameter.ndim() < 2 || p.parameter.size() < 2 || p.history.empty()) continue;
    const auto& s = p.history.first().value;
    if (s.max - s.min <= 1e-6 * std::max(std::abs(s.max), std::abs(s.min))) names.push_back(p.name);
  }
  return names;
}
std::optional<Measurement> constant_initialisation(const Evidence& e) {
  if (e.probe == nullptr || !e.graph.known) return {};
  const auto names = constant_weights(e);
  return Measurement{static_cast<double>(names.size()),
                     fmt::format("all elements are equal at the start in {}", listed(names)), listed(names)};
}

std::vector<Treatment> initialise_constants(const Evidence& e) {
  return {{.prepare = [names = constant_weights(e)](Trainee& t) {
    for (const auto& name : names) nn::init::kaiming_uniform(t.model().parameter(name));
  }}};
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
std::optional<Measurement> signal_by_depth(const Evidence& e) {
  if (e.probe == nullptr) return {};
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  std::string small;
  std::string large;
  for (const auto& r : e.probe->results()) {
    if (r.input || r.history.empty()) continue;
    const auto& first = r.history.first().value;
    const double rms = first.non_finite > 0 ? infinity : first.rms();
    if (!(rms > 0) || std::isnan(rms)) continue;  // zeros are constant_initialisation's
    if (rms < low) low = rms, small = r.name();
    if (rms > high) high = rms, large = r.name();
  }
  if (!(high > 0) || !(low < infinity)) return {};
  const bool inputs = e.x.defined() && is_floating(e.x.dtype()) && core::summarize(e.x).non_finite > 0;
  return Measurement{
      inputs ? 0 : high / low,  // non_finite_inputs
      fmt::format("before training results have rms from {:.3g} ({}) to {:.3g} ({})", low, small, high, large), small};
}

/// A loss that only picks and averages elements of the output.
std::optional<Measurement> loss_of_log_probabilities(const Evidence& e) {
  if (!e.graph.known || !e.target.defined() || is_floating(e.target.dtype())) return {};
  static constexpr const char* picking[] = {"gather", "reshape", "permute", "slice", "neg",  "mean",
                                            "sum",    "div",     "mul",     "cast",  "take", "expand"};
  const auto& ops = e.graph.loss_ops;
  const bool picks = e.graph.loss_has("gather") && std::all_of(ops.begin(), ops.end(), [](const std::string& op) {
                       return std::find(std::begin(picking), std::end(picking), op) != std::end(picking);
                     });
  const bool logs = e.graph.head == "log_softmax" || e.graph.head == "log";
  return Measurement{picks && !logs ? 1.0 : 0.0,
                     fmt::format("the loss is linear in the output, which is computed by {}", e.graph.head),
                     e.graph.loss_location};
}
std::vector<Treatment> logarithm_of_output(const Evidence& e) {
  const bool probabilities = e.graph.head == "softmax" || e.graph.head == "sigmoid";
  return {{.loss = [probabilities](const LossFunction& loss) -> LossFunction {
    return [loss, probabilities](const Tensor& output, const Tensor& y) {
      return loss(probabilities ? log(output + std::numeric_limits<float>::min()) : log_softmax(output, 1), y);
    };
  }}};
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

std::optional<Measurement> wrong_gradient(const Evidence& e) {
  if (!e.gradient_error) return {};
  return Measurement{*e.gradient_error,
                     fmt::format("the derivative of the loss along a random direction differs from central differences "
                                 "by {:.3g} of it, most in {}",
                                 *e.gradient_error, e.gradient_error_at),
                     e.gradient_error_at};
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
    {"broadcast_targets", Phase::graph, Certainty::proof, "output, targets", broadcast_targets, 0.5,
     "[n, 1] - [n] is [n, n]: each output is compared with all targets, whose mean is then the best answer",
     "Output and target are broadcast against each other.", "loss(output, y.reshape(output.shape()))", targets_in_shape,
     "NumPy's broadcasting rules"},
    {"unreached_parameters", Phase::graph, Certainty::strong, "graph", unreached_parameters, 0.5,
     "a trainable parameter has a gradient", "No gradient reaches some parameters.",
     "// use the layer in forward(), without detach(), or freeze it", nullptr, "definition", false, false, false,
     "unused_inputs"},
    {"no_gradient", Phase::graph, Certainty::proof, "the first output", no_gradient, 0.5,
     "what depends on no variable has no derivative", "The model's output has no derivative.",
     "// no round, sign, comparison, argmax or detach on the way to the output", nullptr, "definition"},
    {"loss_of_log_probabilities", Phase::graph, Certainty::proof, "graph, integer labels", loss_of_log_probabilities,
     0.5, "a loss that is linear in what it picks has no minimum but at infinity, or at certain answers",
     "The loss expects log-probabilities, but the model does not end with a log_softmax.",
     "nn::cross_entropy(logits, y)", logarithm_of_output, "Gneiting & Raftery 2007: proper scores"},
    {"signal_by_depth", Phase::graph, Certainty::hint, "results of modules", signal_by_depth, 1e3,
     "gains of 0.41 (uniform default with relu) to 1.7 (tanh) a layer keep eight layers within three decades",
     "The signal fades or grows on its way through the layers.",
     "nn::init::kaiming_uniform(weight);  // or normalisation, or skip connections", initialise_again,
     "Schoenholz et al. 2017, Deep information propagation"},
    {"constant_initialisation", Phase::graph, Certainty::strong, "initial weights", constant_initialisation, 0.5,
     "units with equal weights get equal gradients and stay equal", "Weights start with equal values.",
     "nn::init::kaiming_uniform(weight);", initialise_constants, "Goodfellow et al. 2016, section 8.4"},
    {"initial_gain", Phase::graph, Certainty::hint, "initial weights", initial_gain, 5,
     "the factor that a layer applies to a signal is 0.58 (uniform default) to 1.4 (He) or 1.7 (tanh); 5 and 0.1 are "
     "beyond all of them, and multiply with depth",
     "Initial weights are of the wrong size.", "nn::init::kaiming_uniform(weight);", initialise_again,
     "Glorot & Bengio 2010; He et al. 2015", false, false, false, nullptr, initialise_again},
    {"dropout_of_most", Phase::graph, Certainty::hint, "dropout layers", dropout_of_most, 0.85,
     "the variance of a kept signal grows by p / (1 - p): above 5.7", "Dropout leaves out nearly everything.",
     "nn::Dropout(0.2)", no_dropout, "Srivastava et al. 2014, appendix A.4: 0.5 to 0.8 kept"},
    {"wrong_gradient", Phase::graph, Certainty::proof, "a model that can be made again", wrong_gradient, 1e-2,
     "in f64 the difference quotient has an error near 1e-8; kinks of the loss add the share of units at them",
     "A gradient is wrong.", "nt::gradcheck(f, x)  // of the operations of your own", nullptr,
     "Griewank & Walther 2008, section 3.1"},
};

}  // namespace

std::span<const Rule> graph_rules() { return graph_rows; }

}  // namespace newtape::inspect
