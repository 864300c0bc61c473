// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/copies.hpp>
#include <newtape/inspect/diagnosis/diagnose.hpp>
#include <newtape/inspect/diagnosis/judge.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

namespace newtape::inspect {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Options of the first group, from the state of an optimizer.
std::map<std::string, double> options_of(const optim::Optimizer& optimizer) {
  std::map<std::string, double> options;
  const std::string prefix = "param_groups.0.";
  for (const auto& [name, value] : optimizer.state_dict()) {
    if (name.starts_with(prefix) && value.size() == 1) options[name.substr(prefix.size())] = value.item();
  }
  return options;
}

double mean_of(const std::vector<double>& errors) {
  if (errors.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (const double e : errors) sum += e;
  return sum / static_cast<double>(errors.size());
}

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
    const RunOutcome outcome =
        runs_.run(treatment, steps, {.start = [&](Trainee& t) { begin(t); }, .end = [&](Trainee& t) { finish(t); }});
    e.seconds = seconds_since(start) - aside_;
    e.died = outcome.died;
    e.error = outcome.error;
    for (std::size_t s = 0; s < outcome.losses.size(); ++s) {
      e.losses.push_back({static_cast<std::int64_t>(s), outcome.losses[s]});
    }
    e.final_train = mean_of(outcome.errors);
    for (const auto& r : probe_->step_records().records()) e.lrs.push_back(r.lr);
  }

  const PairedRuns& experiment() const { return runs_; }
  Evidence evidence;

 private:
  void begin(Trainee& t) {
    const auto every = std::max<std::int64_t>(1, steps_ / 50);
    probe_.emplace(t.model(), t.optimizer(), ProbeOptions{.every = every});
    evidence.probe = &*probe_;
    evidence.options = options_of(t.optimizer());
    probe_->on_forward([this](std::span<const Tensor>, const Tensor& output) {
      if (evidence.graph.known) return;
      output_ = output;
      evidence.output = output.value();
    });
    probe_->on_backward([this, &t](const Tensor& loss) {
      if (!evidence.graph.known) evidence.graph = view_graph(t.model(), output_, loss);
      output_ = Tensor();
    });
    evidence.target = data_.train[{0, std::min(data_.batch, data_.train.size())}].array(1);
  }

  void finish(Trainee& t) {
    const auto start = Clock::now();
    probe_->detach();
    output_ = Tensor();
    // What is measured on a model that died would say nothing.
    try {
      if (data_.test.size() > 0) {
        evidence.final_test = mean_of(runs_.evaluate(t, some_examples(data_.test, 512), {}));
      }
      if (measures_copies_) measure_noise_and_sharpness(t, data_, evidence);
    } catch (const std::exception&) {
      evidence.noise_scale = evidence.sharpness = evidence.time_decay = std::nullopt;
    }
    aside_ = seconds_since(start);
  }

  const TraineeFactory& make_;
  const TrainingData& data_;
  const DiagnoseOptions& options_;
  PairedRuns runs_;
  std::optional<Probe> probe_;
  Tensor output_;
  std::int64_t steps_ = 0;
  bool measures_copies_ = true;
  double aside_ = 0;  ///< seconds of measurements after the run
};

/// Tries the remedies of the suspects, in all doses, and keeps the best dose of each.
void try_remedies(const ObservedRun& run, const DiagnoseOptions& options, std::vector<Fired>& fired,
                  Diagnosis& diagnosis) {
  double cost = 2;  // in runs: the untreated one, and one with the first cause's remedy
  std::vector<std::vector<Treatment>> doses;
  for (const auto& f : fired) {
    doses.push_back(f.rule->treatments != nullptr ? f.rule->treatments(run.evidence) : std::vector<Treatment>{});
    for (const auto& t : doses.back()) cost += static_cast<double>(t.batch_factor);
  }
  if (cost <= 2 || options.budget <= 0) return;
  const auto steps =
      std::min(options.steps, static_cast<std::int64_t>(static_cast<double>(options.steps) * options.budget / cost));
  if (steps < 1) return;
  const auto start = Clock::now();
  diagnosis.experiment_steps = steps;
  const RunOutcome untreated = run.experiment().run({}, steps);
  for (std::size_t i = 0; i < fired.size(); ++i) {
    Suspect& s = fired[i].suspect;
    for (const auto& t : doses[i]) {
      const auto g = paired_gain(untreated, run.experiment().run(t, steps));
      if (s.gain && *s.gain >= g.gain) continue;
      s.gain = g.gain;
      s.deviations = g.deviations;
      fired[i].best = t;
      if (!t.code.empty()) s.remedy = t.code;
    }
  }
  diagnosis.experiment_seconds = seconds_since(start);
}

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
  try_remedies(run, options, fired, d);
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
