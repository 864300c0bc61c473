// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/copies.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/experiments.hpp>
#include <newtape/inspect/diagnosis/judge.hpp>
#include <newtape/inspect/diagnosis/step_witness.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

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
    if (measures_copies_) measure_gradient_error(make_, data_, options_.seed, e);
    const auto start = Clock::now();
    const RunOutcome outcome = runs_.run(treatment, steps,
                                         {.start = [&](Trainee& t) { begin(t); },
                                          .trained = [&](Trainee&) { stop_watching(); },
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

  const PairedRuns& experiment() const { return runs_; }
  Evidence evidence;

 private:
  void begin(Trainee& t) {
    const auto every = std::max<std::int64_t>(1, steps_ / 50);
    probe_.emplace(t.model(), t.optimizer(), ProbeOptions{.every = every});
    witness_.emplace(t.model(), t.optimizer(), StepWitnessOptions{.every = every});
    evidence.probe = &*probe_;
    evidence.options = options_of(t.optimizer());
    for (std::size_t g = 0; g < t.optimizer().group_count(); ++g) idle_at_first_.push_back(t.optimizer().lr(g) == 0);
    probe_->on_forward([this](std::span<const Tensor>, const Tensor& output) {
      if (evidence.graph.known) return;
      output_ = output;
      evidence.output = output.value();
    });
    probe_->on_backward([this, &t](const Tensor& loss) {
      if (!evidence.graph.known) evidence.graph = view_graph(t.model(), output_, loss, t.optimizer().params());
      output_ = Tensor();
    });
    evidence.target = data_.train[{0, std::min(data_.batch, data_.train.size())}].array(1);
  }

  /// Before the model is evaluated, which is not the program's doing.
  void stop_watching() {
    witness_->detach();
    probe_->detach();
    evidence.facts = witness_->facts();
  }

  void finish(Trainee& t) {
    const auto start = Clock::now();
    stop_watching();
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
    } catch (const std::exception&) {
      evidence.noise_scale = evidence.time_decay = std::nullopt;
    }
    aside_ = seconds_since(start);
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
  std::vector<bool> idle_at_first_;  ///< groups of parameters
  Tensor output_;
  std::int64_t steps_ = 0;
  bool measures_copies_ = true;
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
  try_remedies(run.experiment(), e, {.run_steps = options.steps, .most_steps = options.steps, .budget = options.budget},
               fired, d);
  auto causes = judge(std::move(fired), options.least_gain, d);
  if (causes.size() < 2 || !causes[0].best) {
    settle(std::move(causes), nullptr, d);
    return d;
  }
  const auto start = Clock::now();
  ObservedRun mended(make, data, options);
  mended.run(causes[0].best, d.experiment_steps);
  Diagnosis rest;
  StillFiring still;
  for (const auto& f : apply_rules(mended.evidence, rest)) still.emplace_back(f.rule->name);
  settle(std::move(causes), &still, d);
  d.experiment_seconds += seconds_since(start);
  return d;
}

}  // namespace newtape::inspect
