// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/graph_view.hpp>
#include <newtape/inspect/diagnosis/reference.hpp>
#include <newtape/inspect/diagnosis/structure.hpp>
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/inspect/spectra/stability.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::inspect {

/// What happened around the steps of an optimizer; see StepWitness.
struct StepFacts {
  std::vector<double> gradient_cosines;  ///< of the gradients of two consecutive steps, in the order of the run
  std::vector<double> step_cosines;      ///< of the changes that they made
  std::int64_t gaps = 0;                 ///< between two steps that were compared
  std::int64_t changed_gaps = 0;         ///< in which parameters changed without a step
  std::vector<std::string> changed;      ///< their names
  std::int64_t evaluations = 0;          ///< passes of the model without recording
  std::int64_t trained_evaluations = 0;  ///< of those, with a dropout or batch normalisation layer in training mode
};

/// The step with the loss that is furthest above the others, in the last four fifths of a run.
struct LossSpike {
  std::int64_t step = -1;
  double height = 0;                   ///< above the median, in median deviations from it
  std::vector<std::int64_t> examples;  ///< of its batch, where known; the largest loss at the end of the run first
  std::vector<double> example_losses;  ///< their losses
};
/// The height above which a spike is one.
inline constexpr double spike_limit = 30;
/// Step and height; nothing of fewer than 20 losses.
LossSpike find_spike(const std::vector<LossRecord>& losses);

/// Errors of a trained model with batch normalisation on training examples.
struct RunningStatistics {
  double in_training = 0;  ///< with the statistics of each batch
  double refreshed = 0;    ///< in evaluation, after 50 passes without a step that update the running ones
};

/// What gradient descent can reach on the quadratic model of the loss at the end of a run: the Gauss-Newton matrix, seen
/// from the gradient.
struct DescentReach {
  double curvature = 0;  ///< the largest eigenvalue
  double spread = 0;     ///< the largest eigenvalue over the mean that the gradient sees
  double newton = 0;     ///< fall of the loss by Newton's step, at most the loss
  double descent = 0;    ///< by the steps of the run at the rate 1 / curvature
};

/// What the rules of a diagnosis look at; parts that are missing make rules that need them "not examined".
struct Evidence {
  const Probe* probe = nullptr;
  GraphView graph;  ///< of the first batch

  // Data, along the first axis of examples.
  Array x, y;
  Array test_x, test_y;
  std::int64_t batch = 0;
  bool shuffled = true;  ///< the batches are drawn in random order

  // The first batch.
  Array output;  ///< of the model, before training
  Array target;

  // The run.
  std::int64_t steps = 0;
  bool died = false;
  std::string error;                      ///< of a run that died
  std::vector<LossRecord> losses;         ///< of training
  double final_test = 0;                  ///< error on test data, NaN when there are none
  double final_train = 0;                 ///< error on as many training examples
  std::optional<double> balanced;         ///< of classes, each counting alike, on training or test data
  bool constant_output = false;           ///< the model's output, before training, depends on no variable
  std::map<std::string, double> options;  ///< of the optimizer's first group: "weight_decay"
  std::vector<std::size_t> idle_groups;   ///< groups of parameters whose rate was 0 from the first step to the last
  std::vector<double> lrs;                ///< at the probed steps
  double seconds = 0;
  std::optional<StepFacts> facts;
  LossSpike spike;

  std::int64_t seen_inputs = 0, distinct_inputs = 0;  ///< of the first passes of the model, at most 64

  // What takes the place of parts of the program: see there.
  ReferenceFit reference;
  ReferenceFit test_reference;  ///< of test examples alone
  ReferenceFit set_reference;   ///< that tells test inputs from training inputs
  StructureFacts structure;
  std::optional<FreeOutputs> free_outputs;
  std::optional<FreeOutputs> free_negated;  ///< of the negated loss
  std::optional<FreeOutputs> free_clipped;  ///< where the loss is unbounded: of targets of at least 0
  std::optional<RunningStatistics> running;

  // Measured on copies of the model, where it can be made anew.
  std::optional<double> gradient_error;  ///< relative error of a directional derivative in f64
  std::string gradient_error_at;         ///< the parameter with the largest
  std::optional<double> noise_scale;     ///< of the gradient, at the end of the run
  std::optional<Stability> stability;    ///< of the optimizer's steps on a batch, at the end of the run
  /// Ends of the spectrum of the Hessian on a batch, smallest and largest, at the end of a run that stood still.
  std::optional<std::pair<double, double>> curvatures;
  std::optional<DescentReach> reach;  ///< of plain gradient descent
  std::optional<double> time_decay;   ///< rms gradient at the first time step over that at the last

  /// The mean of the first and the last tenth of the losses that are finite.
  double early_loss() const;
  double late_loss() const;
  /// (early - late) / |early|
  double fall() const;
  /// Whether the run died, or its loss ended above where it was, at the first tenth or before the first step.
  bool blew_up() const;
  /// Whether the loss of the last quarter is 5 % below that of the third: more steps would help.
  bool still_falls() const;
  /// Whether the run failed: it died, the loss stands still, or it falls no longer and more training examples are wrong than a regression leaves
  /// that was not shown them.
  bool failed() const;
  /// Whether the run died, or its error on training examples is above this.
  bool does_badly(double limit = 0.15) const;
};

/// Options of the first group, from the state of an optimizer.
std::map<std::string, double> options_of(const optim::Optimizer& optimizer);

/// NaN when there are none.
double median(std::vector<double> values);

/// What a rule measured.
struct Measurement {
  double value = 0;      ///< compared with the rule's threshold: the rule fires when it is larger
  std::string evidence;  ///< in numbers, for people
  std::string where;     ///< parameter, layer or line
};

}  // namespace newtape::inspect
