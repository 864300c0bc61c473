// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/judge.hpp>
#include <newtape/inspect/diagnosis/watch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace newtape::inspect {

struct Watch::State {
  State(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& o)
      : options(o), probe(model, optimizer, o.probe) {
    evidence.probe = &probe;
    evidence.final_test = std::numeric_limits<double>::quiet_NaN();
    const std::string prefix = "param_groups.0.";
    for (const auto& [name, value] : optimizer.state_dict()) {
      if (name.starts_with(prefix) && value.size() == 1) evidence.options[name.substr(prefix.size())] = value.item();
    }
    probe.on_forward([this](std::span<const Tensor> inputs, const Tensor& output) {
      if (evidence.graph.known) return;
      output_ = output;
      evidence.output = output.defined() ? output.value() : Array();
      if (inputs.empty()) return;
      evidence.x = inputs[0].value();
      evidence.batch = evidence.x.ndim() > 0 ? evidence.x.shape(0) : 0;
    });
    probe.on_backward([this, model](const Tensor& loss) {
      if (!evidence.graph.known) evidence.graph = view_graph(model, output_, loss);
      output_ = Tensor();
    });
  }

  Diagnosis report() {
    Diagnosis d;
    evidence.losses = probe.losses().records();
    evidence.lrs.clear();
    for (const auto& r : probe.step_records().records()) evidence.lrs.push_back(r.lr);
    evidence.died = std::any_of(evidence.losses.begin(), evidence.losses.end(),
                                [](const auto& l) { return !std::isfinite(l.value); });
    if (evidence.died) evidence.error = "the loss is not finite";
    d.steps = probe.steps();
    d.first_loss = evidence.early_loss();
    d.last_loss = evidence.late_loss();
    d.died = evidence.died;
    d.error = evidence.error;
    auto fired = apply_rules(evidence, d);
    // Without experiments what was fired far beyond its limit stands for a cause.
    for (auto& f : fired) {
      const double excess = f.suspect.threshold > 0 ? f.suspect.measured / f.suspect.threshold : 1;
      const bool trained = d.last_loss < 0.7 * d.first_loss;
      if (f.rule->certainty == Certainty::hint && f.rule->treatments != nullptr && !trained && excess > 2) {
        f.suspect.gain = std::min(0.9, 0.3 + 0.1 * std::log10(excess));
        f.suspect.deviations = std::numeric_limits<double>::infinity();
      }
    }
    settle(judge(std::move(fired), 0.1, d), nullptr, d);
    for (auto* list : {&d.causes, &d.symptoms}) {
      for (auto& s : *list) s.gain = std::nullopt, s.deviations = 0;
    }
    return d;
  }

  WatchOptions options;
  Probe probe;
  Evidence evidence;
  bool reported = false;

 private:
  Tensor output_;  ///< of the first forward pass, until its backward
};

Watch::Watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options)
    : state_(std::make_unique<State>(model, optimizer, options)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch::~Watch() {
  if (state_ == nullptr || state_->reported || !state_->options.print) return;
  try {
    const Diagnosis d = state_->report();
    if (!d.healthy()) std::fputs(d.to_string().c_str(), stderr);
  } catch (...) {  // a report that fails must not end the program
  }
}

Diagnosis Watch::report() {
  state_->reported = true;
  return state_->report();
}
const Probe& Watch::probe() const { return state_->probe; }

Watch watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options) {
  return Watch(model, optimizer, options);
}

}  // namespace newtape::inspect
