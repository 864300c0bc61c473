// SPDX-License-Identifier: BSD-3-Clause
// Rules that put something else in the place of a part of the program: a regression for the model, new weights for the
// initial ones, free outputs for the model's, other examples for those of the batch.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

// Data against a regression.

/// Whether the reference says anything of how inputs and targets go together.
bool finds_something(const ReferenceFit& r) { return r.known() && r.deviations > 3; }

std::optional<Measurement> missing_class(const Evidence& e) {
  const auto train = class_counts(e.y);
  const auto test = class_counts(e.test_y);
  if (train.empty() || test.empty() || e.test_y.size() < 30) return {};
  const double present = static_cast<double>(std::count_if(train.begin(), train.end(), [](double n) { return n > 0; }));
  double missing = 0;
  std::size_t which = 0;
  for (std::size_t c = 0; c < test.size(); ++c) {
    if (test[c] <= missing || (c < train.size() && train[c] > 0)) continue;
    missing = test[c];
    which = c;
  }
  return Measurement{present < 2 ? 0 : missing / static_cast<double>(e.test_y.size()),
                     fmt::format("class {} has {} of {} test labels and none of the {} training labels", which, missing,
                                 e.test_y.size(), e.y.size()),
                     ""};
}

std::optional<Measurement> different_test_labels(const Evidence& e) {
  const ReferenceFit& r = e.reference;
  if (!finds_something(r) || !std::isfinite(r.test_error)) return {};
  const auto text = fmt::format(
      "regressions leave {:.2f} of the variance of training targets, predicted from the other "
      "examples, and {:.2f} of that of test targets ({:+.1f} standard errors)",
      r.error, r.test_error, r.test_deviations);
  return Measurement{r.test_deviations > 5 ? r.test_error - r.error : 0, text, ""};
}

std::optional<Measurement> noisy_labels(const Evidence& e) {
  const ReferenceFit& r = e.reference;
  if (!r.known()) return {};
  if (const ReferenceFit& t = e.test_reference; t.examples >= 100 && t.deviations > 5 && e.does_badly()) {
    // Not more than as many test examples allow, which are fewer.
    const double lost = 1 - (1 - r.error) / (1 - t.error);
    if (lost > 0.5) {
      return Measurement{lost,
                         fmt::format("regressions explain {:.2f} of the variance of training targets, predicted from "
                                     "the other examples, and {:.2f} of that of test targets alone",
                                     1 - r.error, 1 - t.error),
                         ""};
    }
  }
  if (!(r.test_error < 0.95)) return {};
  const double noise = 1 - (1 - r.error) / (1 - r.test_error);
  return Measurement{
      r.test_deviations < -5 && e.does_badly() ? noise : 0,
      fmt::format("regressions explain {:.2f} of the variance of training targets, predicted from the other "
                  "examples, and {:.2f} of that of test targets",
                  1 - r.error, 1 - r.test_error),
      ""};
}

// The model against other inputs, and a regression.

std::optional<Measurement> mixed_examples(const Evidence& e) {
  if (!e.structure.mixing) return {};
  return Measurement{
      *e.structure.mixing,
      fmt::format("when other examples of the batch change, outputs of an example change by up to {:.2g} "
                  "of their size, in evaluation mode",
                  *e.structure.mixing),
      ""};
}

std::optional<Measurement> unused_inputs(const Evidence& e) {
  if (!e.structure.unused_share) return {};
  const auto n = e.structure.unused.size();
  std::string text = fmt::format("no output depends on {:.0f}% of the input columns", 100 * *e.structure.unused_share);
  if (n > 0) text += fmt::format(": column {}{}", e.structure.unused[0], n > 1 ? ", .." : "");
  return Measurement{e.does_badly() ? *e.structure.unused_share : 0, text, ""};
}

std::optional<Measurement> collapsed_inputs(const Evidence& e) {
  if (!e.structure.collapsed) return {};
  return Measurement{e.does_badly() ? *e.structure.collapsed : 0,
                     fmt::format("of pairs of examples that differ {:.0f}% have equal outputs, with random weights",
                                 100 * *e.structure.collapsed),
                     ""};
}

std::optional<Measurement> order_is_ignored(const Evidence& e) {
  if (!e.structure.ignores_order || !e.reference.known() || !e.x.defined() || is_floating(e.x.dtype())) return {};
  const ReferenceFit& r = e.reference;
  return Measurement{
      *e.structure.ignores_order ? r.unordered_error - r.error : 0,
      fmt::format("regressions leave {:.2f} of the variance without the order of the inputs, {:.2f} with "
                  "it, and the model does not see it",
                  r.unordered_error, r.error),
      ""};
}

std::optional<Measurement> missing_nonlinearity(const Evidence& e) {
  if (!e.structure.affine || !e.reference.known()) return {};
  const ReferenceFit& r = e.reference;
  return Measurement{*e.structure.affine && e.does_badly() ? r.linear_error - r.error : 0,
                     fmt::format("the model is {}; a linear regression leaves {:.2f} of the variance, another {:.2f}",
                                 *e.structure.affine ? "linear in its inputs" : "not linear", r.linear_error, r.error),
                     ""};
}

std::optional<Measurement> too_few_units(const Evidence& e) {
  if (e.probe == nullptr || !e.graph.known || !e.reference.known()) return {};
  std::int64_t narrowest = std::numeric_limits<std::int64_t>::max();
  std::string where;
  int nearest = std::numeric_limits<int>::max();
  for (const auto& [name, d] : e.graph.distances) {
    if (e.graph.multiplies(name)) nearest = std::min(nearest, d);
  }
  for (const auto& p : e.probe->parameters()) {
    const auto d = e.graph.distances.find(p.name);
    if (p.parameter.ndim() < 2 || d == e.graph.distances.end() || !e.graph.multiplies(p.name)) continue;
    if (d->second <= nearest) continue;  // the last layer has as many units as the targets need
    if (e.graph.bottlenecks.count(p.name) == 0) continue;
    // A penalty may be nearer to the loss than the last layer.
    const bool outputs = e.output.defined() && e.output.ndim() > 1 && p.parameter.shape(0) == e.output.shape(1);
    if (outputs && !e.graph.penalised.empty()) continue;
    if (p.parameter.shape(0) < narrowest) narrowest = p.parameter.shape(0), where = p.name;
  }
  const bool narrow = narrowest <= 3;
  return Measurement{narrow ? e.final_train - e.reference.wrong : 0,
                     narrow ? fmt::format("{} has {} units; {:.2f} of the training examples are wrong, of those that a "
                                          "regression predicts from the others {:.2f}",
                                          where, narrowest, e.final_train, e.reference.wrong)
                            : "all layers that nothing goes around have more than three units",
                     where};
}

std::optional<Measurement> stale_running_statistics(const Evidence& e) {
  if (!e.running || e.batch < 8) return {};
  return Measurement{
      e.running->refreshed - e.running->in_training,
      fmt::format("with the statistics of the batch the error is {:.2f}, with the running ones {:.2f}, also "
                  "after 50 passes that should have renewed them",
                  e.running->in_training, e.running->refreshed),
      ""};
}

// The loss against free outputs.

std::optional<Measurement> unbounded_loss(const Evidence& e) {
  if (!e.free_outputs) return {};
  const FreeOutputs& f = *e.free_outputs;
  return Measurement{
      f.unbounded() && f.error > 0.3 ? 1.0 : 0.0,
      fmt::format("over outputs that are free the loss falls from {:.3g} to {:.3g} and {:.3g} in 60 steps; "
                  "their error is then {:.2f}",
                  f.first, f.middle, f.last, f.error),
      e.graph.loss_location};
}
std::optional<Measurement> targets_out_of_domain(const Evidence& e) {
  if (!e.free_outputs) return {};
  if (!e.free_clipped) return Measurement{0, "no target makes the loss unbounded", ""};
  const auto s = core::summarize(e.y);
  return Measurement{
      e.free_clipped->unbounded() ? 0.0 : 1.0,
      fmt::format("targets from {:.3g} to {:.3g}: below 0 the loss has no minimum, over outputs that are "
                  "free it falls to {:.3g}",
                  s.min, s.max, e.free_outputs->last),
      e.graph.loss_location};
}
std::vector<Treatment> targets_above_zero(const Evidence&) {
  return {{.target = [](const Tensor& y) { return clip(y, 0.0, std::numeric_limits<double>::infinity()); }}};
}
std::optional<Measurement> wrong_loss(const Evidence& e) {
  if (!e.free_outputs || !e.free_negated) return {};
  const FreeOutputs& f = *e.free_outputs;
  const bool elsewhere = f.unbounded() || e.free_negated->error < 0.1;  // unbounded_loss, wrong_sign
  return Measurement{elsewhere ? 0 : f.error,
                     fmt::format("outputs that are free and minimise the loss have an error of {:.2f}", f.error),
                     e.graph.loss_location};
}

// The program.

std::optional<Measurement> optimizer_never_steps(const Evidence& e) {
  if (e.losses.size() < 2) return {};
  return Measurement{e.steps == 0 ? 1.0 : 0.0,
                     fmt::format("{} batches, {} steps of the optimizer", e.losses.size(), e.steps), ""};
}

std::optional<Measurement> cleared_before_step(const Evidence& e) {
  if (e.probe == nullptr || e.probe->step_records().records().size() < 2) return {};
  const auto& all = e.probe->parameters();
  // What the optimizer of another model receives says nothing.
  if (std::none_of(all.begin(), all.end(), [](const auto& p) { return p.held; })) return {};
  double received = 0;
  double swept = 0;
  for (const auto& r : e.probe->step_records().records()) received += r.grad_norm, swept += r.swept_norm;
  // A sweep after the step is not seen: no graph is known then.
  const bool reached = swept > 0 || !e.graph.known || !e.graph.distances.empty();
  return Measurement{received == 0 && reached ? 1.0 : 0.0,
                     fmt::format("the optimizer received a gradient of norm {:.3g} in all steps looked at", received),
                     ""};
}

std::optional<Measurement> repeated_batch(const Evidence& e) {
  if (e.seen_inputs < 8 || e.batch <= 0 || !e.x.defined()) return {};
  const bool several = e.x.shape(0) >= 4 * e.batch && share_of_repeated_rows(e.x) < 0.5;
  return Measurement{several && e.distinct_inputs == 1 ? 1.0 : 0.0,
                     fmt::format("{} different inputs in {} passes", e.distinct_inputs, e.seen_inputs), ""};
}

std::optional<Measurement> undefined_operation(const Evidence& e) {
  if (e.losses.empty()) return {};
  double largest = 0;
  for (const auto& l : e.losses) largest = std::isfinite(l.value) ? std::max(largest, std::abs(l.value)) : largest;
  const double first = std::abs(e.losses.front().value);
  const bool grew = std::isfinite(first) && largest > 3 * first + 3;
  const auto inputs = e.x.defined() && is_floating(e.x.dtype()) ? core::summarize(e.x).non_finite : 0;
  const auto targets = e.y.defined() && is_floating(e.y.dtype()) ? core::summarize(e.y).non_finite : 0;
  return Measurement{e.died && e.error == "the loss is not finite" && !grew && inputs + targets == 0 ? 1.0 : 0.0,
                     fmt::format("the loss became NaN or infinite in step {}; before, it was at most {:.3g}",
                                 e.losses.size() - 1, largest),
                     e.graph.loss_location};
}

const Rule substitute_rows[] = {
    {"missing_class", Phase::data, Certainty::strong, "labels of test examples", missing_class, 0.03,
     "by chance a class of three in a hundred is missing from a hundred labels once in twenty times",
     "A class of the test examples does not occur in training.", "// check how the training set was chosen", nullptr,
     "definition"},
    {"different_test_labels", Phase::data, Certainty::strong, "test examples, a regression that finds something",
     different_test_labels, 0.3,
     "beyond five standard errors, and three tenths of the variance, of what training targets allow",
     "Test targets depend on the inputs in another way than training targets.",
     "// check how labels are numbered in both sets", nullptr, "Moreno-Torres et al. 2012: concept shift", false, false,
     false, "different_test_inputs"},
    {"noisy_labels", Phase::data, Certainty::strong, "test examples, regressions", noisy_labels, 0.5,
     "training targets of which half of what can be explained is lost", "Many training targets are wrong.",
     "// check where the labels come from", nullptr, "Northcutt et al. 2021", false, false, false,
     "shuffled_labels outliers_in_targets"},
    {"mixed_examples", Phase::graph, Certainty::proof, "a model that can be made again", mixed_examples, 1e-3,
     "what one example gives does not depend on the others; f32 rounds at 1e-7 of the terms of a sum",
     "Examples of a batch are mixed.", "// check the axes of softmax, reshape and batch_first", nullptr, "definition"},
    {"unused_inputs", Phase::graph, Certainty::strong, "a model that can be made again", unused_inputs, 0.15,
     "with random weights every path from an input is open", "The model does not use some inputs.",
     "// check indices and slices in forward()", nullptr, "definition", false, false, false, "mixed_examples"},
    {"collapsed_inputs", Phase::graph, Certainty::strong, "a model that can be made again", collapsed_inputs, 0.05,
     "with random weights examples that differ have outputs that differ; one pair in twenty is no accident",
     "The model does not tell examples from each other.", "// check how inputs are rounded, cut or looked up", nullptr,
     "definition", false, false, false, "unused_inputs mixed_examples too_few_units"},
    {"order_is_ignored", Phase::graph, Certainty::strong, "sequences of integers, regressions", order_is_ignored, 0.1,
     "a tenth of the variance that the order explains", "The model does not see the order of its inputs.",
     "x = x + position.weight;", nullptr, "Vaswani et al. 2017, section 3.5", false, false, true},
    {"missing_nonlinearity", Phase::graph, Certainty::strong, "floating inputs, regressions", missing_nonlinearity,
     0.15, "three twentieths of the variance that a linear model does not explain",
     "The model is linear in its inputs.", "h = relu(layer(x));", nullptr, "Goodfellow et al. 2016, section 6.1", false,
     false, true, "unused_inputs"},
    {"too_few_units", Phase::graph, Certainty::strong, "layers, regressions", too_few_units, 0.1,
     "a tenth of the examples that a regression gets right without having seen them", "A layer has too few units.",
     "nn::Linear(in, 32)", nullptr, "Goodfellow et al. 2016, section 6.4", false, false, true},
    {"stale_running_statistics", Phase::run, Certainty::strong, "batch normalisation", stale_running_statistics, 0.15,
     "running means of fixed weights are within a hundredth after 50 passes at momentum 0.1",
     "Running statistics of batch normalisation are not those of the model.", "nn::BatchNorm1d(n, {.momentum = 0.1})",
     nullptr, "Ioffe & Szegedy 2015, algorithm 2", false, false, true},
    {"targets_out_of_domain", Phase::data, Certainty::proof, "a loss that can be minimised over outputs",
     targets_out_of_domain, 0.5, "a minimum at infinity is none", "Targets are outside of what the loss is made for.",
     "// a loss for numbers of both signs, or the counts themselves", targets_above_zero,
     "Cameron & Trivedi 2013, section 3.2", false, false, false, "targets_are_no_probabilities"},
    {"unbounded_loss", Phase::graph, Certainty::strong, "a loss that can be minimised over outputs", unbounded_loss,
     0.5, "a minimum at infinity is none", "The loss has no minimum.", "nn::mse_loss(output, y)", usual_loss,
     "definition", false, false, false, "wrong_sign"},
    {"wrong_loss", Phase::graph, Certainty::hint, "a loss that can be minimised over outputs", wrong_loss, 0.4,
     "the best outputs that there can be are still wrong", "The loss is not one of these targets.",
     "nn::mse_loss(output, y)", usual_loss, "definition", false, false, false, "broadcast_targets", usual_loss},
    {"optimizer_never_steps", Phase::graph, Certainty::proof, "losses", optimizer_never_steps, 0.5, "definition",
     "The optimizer makes no step.", "optimizer.step();", plain_step, "documentation of Optimizer"},
    {"cleared_before_step", Phase::graph, Certainty::proof, "steps", cleared_before_step, 0.5,
     "a sweep that reaches parameters leaves gradients", "Gradients are cleared before the optimizer sees them.",
     "optimizer.zero_grad(); loss.backward(); optimizer.step();", plain_step, "documentation of Optimizer"},
    {"repeated_batch", Phase::graph, Certainty::proof, "inputs of the model", repeated_batch, 0.5,
     "eight batches of one data set are not equal", "Every step sees the same batch.", "for (auto& [x, y] : loader)",
     plain_step, "definition"},
    {"undefined_operation", Phase::run, Certainty::strong, "losses", undefined_operation, 0.5,
     "a loss that does not grow before it is NaN is not one that diverges",
     "An operation is undefined for the values that it gets.", "DetectAnomaly anomaly;  // names it", nullptr,
     "IEEE 754", false, false, false, "signal_by_depth initial_gain"},
};

}  // namespace

std::span<const Rule> substitute_rules() { return substitute_rows; }

}  // namespace newtape::inspect
