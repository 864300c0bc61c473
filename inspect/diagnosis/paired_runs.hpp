// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/treatment.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace newtape::inspect {

/// Errors of single examples, in [0, 1]: 1 for a wrong class; for targets of two values a wrong side of the best threshold
/// (of several targets an example, the two values counting alike however rare one is);
/// for other targets the squared error in units of their variance (without single huge ones), at most 1. An output that is not finite has error 1.
std::vector<double> example_errors(const Array& output, const Array& target);

/// Their mean, NaN when there are none.
double mean_error(const std::vector<double>& errors);

/// How a run ended.
struct RunOutcome {
  bool died = false;
  std::string error;
  std::vector<double> losses;
  std::vector<double> errors;  ///< of the evaluated examples after the last step
  std::vector<double> held;    ///< of examples that were kept back, if there are any
  double error_rate() const;
};

/// The difference of two runs on the same examples.
struct PairedGain {
  double gain = 0;        ///< (error before - error after) / max(error before, 0.1)
  double deviations = 0;  ///< the difference in standard errors of the paired mean
};
PairedGain paired_gain(const RunOutcome& before, const RunOutcome& after);
/// The same of examples that were kept back; 0 without any.
PairedGain held_gain(const RunOutcome& before, const RunOutcome& after);

/// Called in a run; empty members do nothing.
struct RunObservers {
  std::function<void(Trainee&)> start = {};    ///< before the first step
  std::function<void(Trainee&)> trained = {};  ///< after the last step, unless the run died by an exception
  std::function<void(Trainee&)> end = {};      ///< after the evaluation that follows the last one, or when the run died
};

/// Runs with common random numbers: the same initial weights, batches, dropout masks.
class PairedRuns {
 public:
  PairedRuns(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed);

  RunOutcome run(const Treatment& treatment, std::int64_t steps, const RunObservers& observers = {}) const;

  /// Outputs are logarithms of what targets are compared with.
  void read_logarithms() { logarithms_ = true; }
  /// Outputs fall where targets rise: distances, for targets of 1 for the same.
  void read_reversed() { reversed_ = true; }

  /// Examples of the batch of a step of the untreated run.
  std::vector<std::int64_t> batch_of(std::int64_t step) const;

  /// The mean over classes of the share of their labels that a trainee misses, of training or test examples, whichever is
  /// larger; nothing where targets are no classes.
  std::optional<double> balanced_error(const Trainee& trainee) const;

  /// Errors of a trainee on a set, in evaluation mode; modes are restored.
  std::vector<double> evaluate(const Trainee& trainee, const data::Dataset& set, const Treatment& treatment) const;

 private:
  const TraineeFactory& make_;
  const TrainingData& data_;
  std::uint64_t seed_;
  Tensor meant(const Tensor& output) const;
  bool logarithms_ = false, reversed_ = false;
  data::Dataset examined_;  ///< training examples that are evaluated
  data::Dataset held_;      ///< test examples that are
};

/// Evaluation mode for a scope.
class EvaluationScope {
 public:
  explicit EvaluationScope(const nn::ModuleBase& model) : modules_(model.named_modules()) {
    for (const auto& m : modules_) modes_.push_back(m.second.is_training());
    model.eval();
  }
  ~EvaluationScope() {
    for (std::size_t i = 0; i < modules_.size(); ++i) modules_[i].second.train(modes_[i]);
  }
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  std::vector<std::pair<std::string, nn::ModuleBase>> modules_;
  std::vector<bool> modes_;
};

/// Evenly spaced examples, at most `limit`.
data::Dataset some_examples(const data::Dataset& set, std::int64_t limit);

}  // namespace newtape::inspect
