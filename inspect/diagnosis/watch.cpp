// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/copies.hpp>
#include <newtape/inspect/diagnosis/experiments.hpp>
#include <newtape/inspect/diagnosis/step_witness.hpp>
#include <newtape/inspect/diagnosis/watch.hpp>
#include <newtape/inspect/diagnosis/watched_program.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <optional>

namespace newtape::inspect {

struct Watch::State {
  State(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& o)
      : options(o), probe(model, optimizer, o.probe), witness(model, optimizer, {.every = o.probe.every}) {
    evidence.probe = &probe;
    evidence.final_test = evidence.final_train = std::numeric_limits<double>::quiet_NaN();
    evidence.options = options_of(optimizer);
    probe.on_forward([this](std::span<const Tensor> inputs, const Tensor& output) {
      if (evidence.graph.known) return;
      output_ = output;
      evidence.output = output.defined() ? output.value() : Array();
      if (inputs.empty()) return;
      evidence.x = inputs[0].value();
      evidence.batch = evidence.x.ndim() > 0 ? evidence.x.shape(0) : 0;
    });
    probe.on_backward([this, model, held = optimizer.params()](const Tensor& loss) {
      if (!evidence.graph.known) evidence.graph = view_graph(model, output_, loss, held);
      output_ = Tensor();
    });
  }

  Diagnosis report() {
    if (last) return *last;
    Diagnosis d;
    gather();
    d.steps = probe.steps();
    d.first_loss = evidence.early_loss();
    d.last_loss = evidence.late_loss();
    d.died = evidence.died;
    d.error = evidence.error;
    if (program && program->kept() > 0 && options.budget > 0 && probe.steps() > 0) {
      examine(d);
      last = d;
    } else {
      judge_by_certainty(d);
    }
    return d;
  }

  WatchOptions options;
  Probe probe;
  StepWitness witness;
  Evidence evidence;
  std::optional<WatchedProgram> program;
  std::optional<Diagnosis> last;
  bool reported = false;

 private:
  /// What hooks have seen.
  void gather() {
    evidence.losses = probe.losses().records();
    evidence.spike = find_spike(evidence.losses);
    evidence.steps = probe.steps();
    evidence.facts = witness.facts();
    evidence.lrs.clear();
    for (const auto& r : probe.step_records().records()) evidence.lrs.push_back(r.lr);
    evidence.died = std::any_of(evidence.losses.begin(), evidence.losses.end(),
                                [](const auto& l) { return !std::isfinite(l.value); });
    if (evidence.died) evidence.error = "the loss is not finite";
  }

  void judge_by_certainty(Diagnosis& d) const {
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
    for (auto* list : {&d.causes, &d.symptoms, &d.mistakes}) {
      for (auto& s : *list) s.gain = std::nullopt, s.deviations = 0;
    }
  }

  /// With the kept batches: the rules about data, measurements on the model as it is, and experiments from its start.
  void examine(Diagnosis& d) {
    witness.detach();
    probe.detach();
    output_ = Tensor();
    const TrainingData data = program->data();
    const ProgramState now(program->model(), program->optimizer());
    const Generator generator = default_generator();
    evidence.x = data.train.array(0);
    evidence.y = data.train.array(1);
    evidence.target = data.train[{0, std::min(data.batch, data.train.size())}].array(1);
    evidence.batch = data.batch;
    evidence.reference = fit_reference({evidence.x, evidence.y, {}, {}});
    try {
      const TraineeFactory make = program->factory(observe_step(evidence));
      const PairedRuns runs(make, data, 0);
      {
        const auto present = program->present();
        evidence.final_train = mean_error(runs.evaluate(*present, some_examples(data.train, 512), {}));
        measure_noise_and_curvature(*present, data, evidence);
      }
      auto fired = apply_rules(evidence, d);
      try_remedies(runs, evidence,
                   {.run_steps = probe.steps(), .most_steps = options.experiment_steps, .budget = options.budget},
                   fired, d);
      if (evidence.failed() && !evidence.blew_up() && !explained(fired, 0.1, evidence.final_train) &&
          options.budget > 0) {
        const auto steps = std::min<std::int64_t>(probe.steps(), options.experiment_steps);
        eliminate(runs, evidence, runs.run({}, steps),
                  {.run_steps = steps, .most_steps = steps, .budget = 2 * options.budget}, 0.1, fired, d);
      }
      settle(judge(std::move(fired), 0.1, d), nullptr, d);
    } catch (...) {
      give_back(now, generator);
      throw;
    }
    give_back(now, generator);
  }

  void give_back(const ProgramState& state, const Generator& generator) const {
    state.restore(program->model(), program->optimizer());
    default_generator() = generator;
  }

  Tensor output_;  ///< of the first forward pass, until its backward
};

Watch::Watch(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const WatchOptions& options)
    : state_(std::make_unique<State>(model, optimizer, options)) {}
Watch::Watch(const nn::ModuleBase& model, optim::Optimizer& optimizer, std::function<Tensor(const Tensor&)> forward,
             LossFunction loss, const WatchOptions& options)
    : state_(std::make_unique<State>(model, optimizer, options)) {
  state_->program.emplace(model, optimizer, std::move(forward), std::move(loss),
                          static_cast<std::size_t>(std::max<std::int64_t>(1, options.keep_batches)));
}
Watch::Watch(Watch&&) noexcept = default;
Watch::~Watch() {
  if (state_ == nullptr || state_->reported || !state_->options.print) return;
  try {
    const Diagnosis d = state_->report();
    if (!d.healthy() || !d.mistakes.empty()) std::fputs(d.to_string().c_str(), stderr);
  } catch (...) {  // a report that fails must not end the program
  }
}

void Watch::keep(const Tensor& x, const Tensor& y) {
  if (!state_->program) {
    raise<ValueError>("keep: batches are kept for experiments with a loss", "inspect::watch(model, optimizer, loss)",
                      "a watch without a loss");
  }
  state_->program->keep(x, y);
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
