// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/copies.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/experiments.hpp>
#include <newtape/inspect/diagnosis/judge.hpp>
#include <newtape/inspect/diagnosis/step_witness.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace newtape::inspect {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A run that is looked at, with everything that is measured in it.
class ObservedRun {
 public:
  ObservedRun(const TraineeFactory& make, const TrainingData& data, const DiagnoseOptions& options)
      : make_(make), data_(data), options_(options), runs_(make, data, options.seed) {}

  void run(const Treatment& treatment, std::int64_t steps) {
    steps_ = steps;
    measures_copies_ = !treatment;
    auto& e = evidence;
    e.x = data_.train.array(0);
    e.y = data_.train.array(1);
    if (data_.test.size() > 0) {
      e.test_x = data_.test.array(0);
      e.test_y = data_.test.array(1);
    }
    e.batch = data_.batch;
    e.shuffled = data_.shuffle;
    e.final_test = std::numeric_limits<double>::quiet_NaN();
    if (measures_copies_) {
      measure_gradient_error(make_, data_, options_.seed, e);
      e.reference = fit_reference({e.x, e.y, e.test_x, e.test_y});
      if (e.test_x.defined()) {
        e.test_reference = fit_reference({e.test_x, e.test_y, {}, {}});
        e.set_reference = tell_apart(e.x, e.test_x);
      }
      e.structure = examine_structure(make_, data_, options_.seed);
    }
    const auto start = Clock::now();
    outcome = runs_.run(treatment, steps,
                        {.start = [&](Trainee& t) { begin(t); },
                         .trained = [&](Trainee&) { minimise_loss(); },
                         .end = [&](Trainee& t) { finish(t); }});
    e.seconds = seconds_since(start) - aside_;
    e.died = outcome.died;
    e.error = outcome.error;
    e.losses.clear();
    for (std::size_t s = 0; s < outcome.losses.size(); ++s) {
      e.losses.push_back({static_cast<std::int64_t>(s), outcome.losses[s]});
    }
    e.final_train = mean_error(outcome.errors);
    for (const auto& r : probe_->step_records().records()) e.lrs.push_back(r.lr);
  }

  /// What does not change with a remedy.
  void take_over(const Evidence& first) {
    evidence.reference = first.reference;
    evidence.test_reference = first.test_reference;
    evidence.set_reference = first.set_reference;
    evidence.structure = first.structure;
    evidence.free_outputs = first.free_outputs;
    evidence.free_negated = first.free_negated;
    evidence.free_clipped = first.free_clipped;
    if (first.free_outputs && first.free_outputs->logarithms) runs_.read_logarithms();
    if (first.free_outputs && first.free_outputs->reversed) runs_.read_reversed();
  }

  const PairedRuns& experiment() const { return runs_; }
  Evidence evidence;
  RunOutcome outcome;

 private:
  void begin(Trainee& t) {
    const auto every = std::max<std::int64_t>(1, steps_ / 50);
    probe_.emplace(t.model(), t.optimizer(), ProbeOptions{.every = every, .max_elements = 1 << 12});
    witness_.emplace(t.model(), t.optimizer(), StepWitnessOptions{.every = every});
    evidence.probe = &*probe_;
    evidence.options = options_of(t.optimizer());
    for (std::size_t g = 0; g < t.optimizer().group_count(); ++g) idle_at_first_.push_back(t.optimizer().lr(g) == 0);
    probe_->on_forward([this](std::span<const Tensor> inputs, const Tensor& output) {
      if (!inputs.empty()) note_input(inputs[0].value());
      if (evidence.graph.known) return;
      output_ = output;
      evidence.output = output.value();
      evidence.constant_output = !output.requires_grad();
    });
    probe_->on_backward([this, &t](const Tensor& loss) {
      if (!evidence.graph.known) evidence.graph = view_graph(t.model(), output_, loss, t.optimizer().params());
      output_ = Tensor();
    });
    evidence.target = data_.train[{0, std::min(data_.batch, data_.train.size())}].array(1);
  }

  void note_input(const Array& x) {
    constexpr std::int64_t most = 64;
    if (evidence.seen_inputs >= most || !x.defined() || x.size() == 0) return;
    const Array dense = core::contiguous(x);
    const std::string_view bytes(static_cast<const char*>(dense.raw()),
                                 static_cast<std::size_t>(dense.size()) * item_size(dense.dtype()));
    inputs_.insert(std::hash<std::string_view>()(bytes));
    ++evidence.seen_inputs;
    evidence.distinct_inputs = static_cast<std::int64_t>(inputs_.size());
  }

  /// Before the model is evaluated, which takes what outputs mean from here.
  void minimise_loss() {
    stop_watching();
    if (!measures_copies_ || examined_loss_) return;
    examined_loss_ = true;
    const auto start = Clock::now();
    auto& e = evidence;
    e.free_outputs = minimise_outputs(data_.loss, e.output, e.target);
    if (e.free_outputs) look_at_loss();
    aside_ += seconds_since(start);
  }
  void look_at_loss() {
    auto& e = evidence;
    if (e.free_outputs->logarithms) runs_.read_logarithms();
    if (e.free_outputs->reversed) runs_.read_reversed();
    if (e.free_outputs->error > 0.3) {
      e.free_negated =
          minimise_outputs([&](const Tensor& o, const Tensor& y) { return -data_.loss(o, y); }, e.output, e.target);
    }
    if (e.free_outputs->unbounded() && is_floating(e.target.dtype()) && core::summarize(e.y).min < 0) {
      e.free_clipped = minimise_outputs(
          [&](const Tensor& o, const Tensor& y) {
            return data_.loss(o, clip(y, 0.0, std::numeric_limits<double>::infinity()));
          },
          e.output, e.target);
    }
  }

  /// Errors with the statistics of batches, and with running ones after passes that renew them.
  void renew_statistics(const Trainee& t) {
    if (evidence.graph.ops.count("batch_norm") == 0) return;
    const NoGrad off;
    const EvaluationScope modes(t.model());
    t.model().train();
    const std::int64_t n = data_.train.size();
    const std::int64_t batch = std::min(data_.batch, n);
    std::vector<double> errors;
    for (int pass = 0; pass < 50; ++pass) {
      const std::int64_t at = pass * batch % std::max<std::int64_t>(1, n - batch + 1);
      const auto part = data_.train[{at, at + batch}];
      const auto now = example_errors(t.forward(part.array(0)).value(), part.array(1));
      if (errors.size() < 512) errors.insert(errors.end(), now.begin(), now.end());
    }
    evidence.running = {mean_error(errors), mean_error(runs_.evaluate(t, some_examples(data_.train, 512), {}))};
  }

  /// Before the model is evaluated, which is not the program's doing.
  void stop_watching() {
    witness_->detach();
    probe_->detach();
    evidence.facts = witness_->facts();
  }

  void finish(Trainee& t) {
    minimise_loss();
    const auto start = Clock::now();
    for (std::size_t g = 0; g < t.optimizer().group_count(); ++g) {
      if (idle_at_first_[g] && t.optimizer().lr(g) == 0) evidence.idle_groups.push_back(g);
    }
    evidence.steps = probe_->steps();
    evidence.losses = probe_->losses().records();
    output_ = Tensor();
    evidence.spike = find_spike(evidence.losses);
    // What is measured on a model that died would say nothing.
    try {
      if (evidence.spike.height > spike_limit) look_at_spike(t);
      if (data_.test.size() > 0) {
        evidence.final_test = mean_error(runs_.evaluate(t, some_examples(data_.test, 512), {}));
      }
      if (measures_copies_) measure_noise_and_curvature(t, data_, evidence);
      if (measures_copies_) renew_statistics(t);
      evidence.balanced = runs_.balanced_error(t);
    } catch (const std::exception&) {
      evidence.noise_scale = evidence.time_decay = std::nullopt;
    }
    aside_ += seconds_since(start);
  }

  /// The losses of the examples in the batch of the spike.
  void look_at_spike(const Trainee& t) {
    const NoGrad off;
    const EvaluationScope evaluation(t.model());
    std::vector<std::pair<double, std::int64_t>> losses;
    for (const auto i : runs_.batch_of(evidence.spike.step)) {
      const auto one = data_.train.gather(std::vector<std::int64_t>{i});
      losses.emplace_back(data_.loss(t.forward(one[0]), one[1]).item(), i);
    }
    std::sort(losses.rbegin(), losses.rend());
    for (const auto& [loss, i] : losses) {
      evidence.spike.examples.push_back(i);
      evidence.spike.example_losses.push_back(loss);
    }
  }

  const TraineeFactory& make_;
  const TrainingData& data_;
  const DiagnoseOptions& options_;
  PairedRuns runs_;
  std::optional<Probe> probe_;
  std::optional<StepWitness> witness_;
  std::vector<bool> idle_at_first_;         ///< groups of parameters
  std::unordered_set<std::size_t> inputs_;  ///< hashes
  Tensor output_;
  std::int64_t steps_ = 0;
  bool measures_copies_ = true, examined_loss_ = false;
  double aside_ = 0;  ///< seconds of measurements after the run
};

}  // namespace

Diagnosis diagnose(const TraineeFactory& make, const TrainingData& data, const DiagnoseOptions& options) {
  if (data.train.arrays().size() < 2 || data.train.size() == 0) {
    raise<ValueError>("diagnose: the training set needs inputs and targets", "at least 2 arrays with examples",
                      std::to_string(data.train.arrays().size()) + " arrays");
  }
  if (!data.loss) raise<ValueError>("diagnose: a loss is missing", "TrainingData{.loss = ..}", "none");
  if (options.steps < 1 || data.batch < 1) raise<ValueError>("diagnose: steps and batch must be positive");
  ObservedRun run(make, data, options);
  run.run({}, options.steps);
  const Evidence& e = run.evidence;
  Diagnosis d;
  d.steps = static_cast<std::int64_t>(e.losses.size());
  d.first_loss = e.early_loss();
  d.last_loss = e.late_loss();
  d.died = e.died;
  d.error = e.error;
  d.run_seconds = e.seconds;
  auto fired = apply_rules(e, d);
  const double last_error = std::isfinite(e.final_train) ? e.final_train : 1;
  try_remedies(run.experiment(), e, {.run_steps = options.steps, .most_steps = options.steps, .budget = options.budget},
               fired, d);
  // A loss that rises is first of all a matter of the rate.
  if (e.failed() && !e.blew_up() && !explained(fired, options.least_gain, last_error)) {
    eliminate(run.experiment(), e, run.outcome,
              {.run_steps = options.steps, .most_steps = options.steps, .budget = 2 * options.budget},
              options.least_gain, fired, d);
  }
  auto causes = judge(std::move(fired), options.least_gain, d, last_error);
  const auto start = Clock::now();
  const auto still_firing = [&](const Fired& cause) {
    ObservedRun mended(make, data, options);
    mended.take_over(e);
    mended.run(cause.best, d.experiment_steps);
    Diagnosis rest;
    StillFiring still;
    for (const auto& f : apply_rules(mended.evidence, rest)) still.emplace_back(f.rule->name);
    return still;
  };
  if (overrules(causes)) {
    // A statement about the trained model that is no longer true with the remedy of the second is its consequence.
    const StillFiring still = still_firing(causes[1]);
    if (std::find(still.begin(), still.end(), causes[0].rule->name) == still.end()) {
      std::swap(causes[0], causes[1]);
      settle(std::move(causes), &still, d);
      d.experiment_seconds += seconds_since(start);
      return d;
    }
  }
  if (causes.size() < 2 || !causes[0].best) {
    settle(std::move(causes), nullptr, d);
    d.experiment_seconds += seconds_since(start);
    return d;
  }
  StillFiring still = still_firing(causes[0]);
  if (rivals(causes[0], causes[1])) {
    StillFiring other = still_firing(causes[1]);
    if (explains(causes[1], other, causes[0], still)) {
      std::swap(causes[0], causes[1]);
      still = std::move(other);
    }
  }
  if (causes[1].rule->certainty == Certainty::hint && causes[1].best) {
    const auto both = run.experiment().run(combined(causes[0].best, causes[1].best), d.experiment_steps);
    const PairedGain g = paired_gain(causes[0].outcome, both);
    causes[1].gains_with_first = g.gain >= options.least_gain && g.deviations >= 3;
  }
  settle(std::move(causes), &still, d);
  d.experiment_seconds += seconds_since(start);
  return d;
}

}  // namespace newtape::inspect
