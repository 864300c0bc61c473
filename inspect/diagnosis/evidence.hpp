// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/graph_view.hpp>
#include <newtape/inspect/probe/probe.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace newtape::inspect {

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
  bool died = false;
  std::string error;                      ///< of a run that died
  std::vector<LossRecord> losses;         ///< of training
  double final_test = 0;                  ///< error on test data, NaN when there are none
  double final_train = 0;                 ///< error on as many training examples
  std::map<std::string, double> options;  ///< of the optimizer's first group: "weight_decay"
  std::vector<double> lrs;                ///< at the probed steps
  double seconds = 0;

  // Measured on copies of the model, where it can be made anew.
  std::optional<double> gradient_error;  ///< relative error of a directional derivative in f64
  std::string gradient_error_at;         ///< the parameter with the largest
  std::optional<double> noise_scale;     ///< of the gradient, at the end of the run
  std::optional<double> sharpness;       ///< largest eigenvalue of the Hessian on a batch, at the end of the run
  std::optional<double> time_decay;      ///< rms gradient at the first time step over that at the last

  /// The mean of the first and the last tenth of the losses that are finite.
  double early_loss() const;
  double late_loss() const;
  /// (early - late) / |early|
  double fall() const;
};

/// NaN when there are none.
double median(std::vector<double> values);

/// What a rule measured.
struct Measurement {
  double value = 0;      ///< compared with the rule's threshold: the rule fires when it is larger
  std::string evidence;  ///< in numbers, for people
  std::string where;     ///< parameter, layer or line
};

}  // namespace newtape::inspect
