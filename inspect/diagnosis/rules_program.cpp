// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at the program: which parameters are trained by what, and in which mode the model runs.
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace newtape::inspect {
namespace {

/// Whether something else than the optimizer changes the parameter.
bool changed_elsewhere(const Evidence& e, const std::string& name) {
  return e.facts && std::find(e.facts->changed.begin(), e.facts->changed.end(), name) != e.facts->changed.end();
}

std::optional<Measurement> parameters_not_held(const Evidence& e) {
  if (e.probe == nullptr) return {};
  std::vector<std::string> names;
  bool any = false;
  for (const auto& p : e.probe->parameters()) {
    any = any || p.held;
    if (!p.held && p.parameter.requires_grad() && !changed_elsewhere(e, p.name)) names.push_back(p.name);
  }
  if (!any && e.probe->step_records().empty()) return {};
  return Measurement{static_cast<double>(names.size()), fmt::format("the optimizer does not hold {}", listed(names)),
                     listed(names)};
}

/// A second optimizer steps with the first. Where that holds nothing of the model, nothing is trained, whatever a trial shows.
std::vector<Treatment> hold_the_others(const Evidence& e) {
  const bool any = e.probe != nullptr && std::any_of(e.probe->parameters().begin(), e.probe->parameters().end(),
                                                     [](const auto& p) { return p.held; });
  if (!any) return {};
  return {{.prepare = [](Trainee& t) {
    std::vector<Parameter> others = t.model().parameters();
    for (const auto& p : t.optimizer().params()) std::erase(others, p);
    if (others.empty()) return;
    const auto adam = std::make_shared<optim::Adam>(others);
    auto hook = t.optimizer().register_step_post_hook([adam](const optim::Optimizer& first) {
      adam->set_lr(first.lr());
      adam->step();
      adam->zero_grad();
    });
    t.at_end([hook]() mutable { hook.remove(); });
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

std::optional<Measurement> parameters_held_twice(const Evidence& e) {
  if (!e.facts || e.probe == nullptr || e.facts->gaps < 2) return {};
  std::vector<std::string> names;
  for (const auto& p : e.probe->parameters()) {
    if (p.held && changed_elsewhere(e, p.name)) names.push_back(p.name);
  }
  const double share =
      names.empty() ? 0 : static_cast<double>(e.facts->changed_gaps) / static_cast<double>(e.facts->gaps);
  return Measurement{share > 0.05 ? 1.0 : 0.0,
                     fmt::format("between two steps of the optimizer {} changed in {} of {} cases looked at",
                                 listed(names), names.empty() ? 0 : e.facts->changed_gaps, e.facts->gaps),
                     listed(names)};
}

/// What the optimizer's own step left is put back before the next forward pass.
std::vector<Treatment> undo_other_changes(const Evidence&) {
  return {{.prepare = [](Trainee& t) {
    struct Kept {
      std::vector<Parameter> params;
      std::vector<Tensor> values;
    };
    const auto kept = std::make_shared<Kept>();
    kept->params = t.optimizer().params();
    auto after = t.optimizer().register_step_post_hook([kept](const optim::Optimizer&) {
      kept->values.clear();
      for (const auto& p : kept->params) kept->values.push_back(p.detach());
    });
    auto before = t.model().register_forward_pre_hook([kept](const nn::ModuleBase&, std::span<const Tensor>) {
      for (std::size_t i = 0; i < kept->values.size(); ++i) kept->params[i].set_value(kept->values[i]);
    });
    t.at_end([after, before]() mutable { after.remove(), before.remove(); });
  }}};
}

std::optional<Measurement> unregistered_parameters(const Evidence& e) {
  if (!e.graph.known) return {};
  return Measurement{
      static_cast<double>(e.graph.unregistered.size()),
      fmt::format("the loss depends on variables that are neither parameters of the model nor held by the "
                  "optimizer: {}",
                  listed(e.graph.unregistered)),
      listed(e.graph.unregistered)};
}

std::optional<Measurement> bias_before_normalisation(const Evidence& e) {
  if (!e.graph.known) return {};
  return Measurement{
      static_cast<double>(e.graph.normalised_biases.size()),
      fmt::format("batch normalisation subtracts the mean to which {} adds", listed(e.graph.normalised_biases)),
      listed(e.graph.normalised_biases)};
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
    auto hook = t.model().register_forward_pre_hook([](const nn::ModuleBase& m, std::span<const Tensor>) {
      if (grad_enabled()) m.train();
    });
    t.at_end([hook]() mutable { hook.remove(); });
  }}};
}

std::optional<Measurement> training_mode_in_evaluation(const Evidence& e) {
  if (!e.facts || e.facts->evaluations == 0) return {};
  return Measurement{
      static_cast<double>(e.facts->trained_evaluations) / static_cast<double>(e.facts->evaluations),
      fmt::format("{} of {} passes without gradients ran dropout or batch normalisation in training mode",
                  e.facts->trained_evaluations, e.facts->evaluations),
      ""};
}

std::optional<Measurement> zero_learning_rate(const Evidence& e) {
  if (e.lrs.empty()) return {};
  const double most = *std::max_element(e.lrs.begin(), e.lrs.end());
  if (most > 0 && !e.idle_groups.empty()) {
    return Measurement{1, fmt::format("the learning rate of group {} of parameters is 0", e.idle_groups[0]), ""};
  }
  return Measurement{most == 0 ? 1.0 : 0.0, fmt::format("the learning rate is {}", most), ""};
}
std::vector<Treatment> rate_of_one_thousandth(const Evidence& e) {
  if (e.idle_groups.empty()) return {{.before_step = [](Trainee& t) { t.optimizer().set_lr(1e-3); }}};
  return {{.before_step = [idle = e.idle_groups](Trainee& t) {
    auto& o = t.optimizer();
    double rate = 0;
    for (std::size_t g = 0; g < o.group_count(); ++g) rate = std::max(rate, o.lr(g));
    for (const auto g : idle) o.set_lr(rate > 0 ? rate : 1e-3, g);
  }}};
}

const Rule program_rows[] = {
    {"parameters_not_held", Phase::graph, Certainty::strong, "optimizer", parameters_not_held, 0.5,
     "a trainable parameter is one that an optimizer changes", "No optimizer holds some parameters.",
     "optim::Adam(model.parameters())", hold_the_others, "definition", false, true},
    {"parameters_held_twice", Phase::graph, Certainty::hint, "steps", parameters_held_twice, 0.5,
     "what one optimizer left is what its next step finds; one in twenty is no accident",
     "Parameters are changed by more than one optimizer.", "// give each parameter to one optimizer only",
     undo_other_changes, "definition", false, true},
    {"frozen_parameters", Phase::graph, Certainty::hint, "parameters", frozen_parameters, 0,
     "freezing is deliberate or a mistake: the experiment tells", "Some parameters are frozen.",
     "model.requires_grad(true);", unfreeze, "definition"},
    {"unregistered_parameters", Phase::graph, Certainty::strong, "graph", unregistered_parameters, 0.5,
     "a variable that the loss depends on is there to be trained", "A layer is not registered with the model.",
     "nn::Linear layer = add(\"layer\", nn::Linear(n, m));", nullptr, "documentation of Module"},
    {"bias_before_normalisation", Phase::graph, Certainty::hint, "graph", bias_before_normalisation, 0.5,
     "a constant that is added to all examples is subtracted with their mean, and its gradient is 0",
     "Biases before batch normalisation have no effect.", "nn::Conv2d(in, out, kernel, {.bias = false})", nullptr,
     "Ioffe & Szegedy 2015, section 3.2", false, true},
    {"evaluation_mode", Phase::graph, Certainty::hint, "steps", evaluation_mode, 0.5, "most steps",
     "The model trains in evaluation mode.", "model.train();", training_mode, "Ioffe & Szegedy 2015, algorithm 2",
     false, true},
    {"training_mode_in_evaluation", Phase::graph, Certainty::hint, "passes without gradients",
     training_mode_in_evaluation, 0.5,
     "most passes; passes that estimate uncertainty by dropout or renew batch statistics are the exception",
     "The model is evaluated in training mode.", "model.eval();  // and model.train() before the next step", nullptr,
     "Ioffe & Szegedy 2015, algorithm 2", false, true},
    {"zero_learning_rate", Phase::graph, Certainty::proof, "optimizer", zero_learning_rate, 0.5, "definition",
     "The learning rate is 0.", "optimizer.set_lr(1e-3);", rate_of_one_thousandth, "definition"},
};

}  // namespace

std::span<const Rule> program_rules() { return program_rows; }

}  // namespace newtape::inspect
