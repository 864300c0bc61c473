// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnose.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// Healthy training programs, and faults to plant in them: mutation operators as DeepCrime (Humbatova et al. 2021) mined
/// them from faults that people reported. A model and a kind of fault are one row each.
namespace zoo {

namespace nt = newtape;

/// A training program. Kinds of faults change its members.
struct Program {
  // The model.
  std::string model;  ///< "mlp", "cnn", "cnn_bn", "lstm", "transformer", "regression"
  std::string activation = "relu";
  std::string head;  ///< an operation after the last layer: "softmax"
  double dropout = 0;
  std::int64_t outputs = 0;     ///< 0: as many as needed
  std::int64_t depth = 2;       ///< layers of the multilayer perceptrons
  bool wrong_gradient = false;  ///< an operation of its own, before the head, whose gradient is wrong
  bool unused_layer = false;
  bool bias_before_norm = false;
  // Its initial weights.
  double weight_factor = 1;     ///< of all weights with two axes or more
  double weight_constant = -1;  ///< all weights have this value, unless it is negative
  double bias_shift = 0;        ///< is added to all biases
  double forget_bias = 0;       ///< is added to the biases of forget gates
  bool freeze = false;          ///< all but the last layer
  // The optimizer.
  bool sgd = false;
  double lr = 3e-3;
  double momentum = 0.9;  ///< of SGD
  double weight_decay = 0;
  double lr_decay = 1;  ///< factor of the rate in every step
  bool holds_first_layer_only = false;
  double second_lr = 0;  ///< of a second optimizer for all parameters; 0: there is none
  // The step.
  bool clears_gradients = true;
  bool evaluation_mode = false;
  double clip = 0;
  double shrink = 1;       ///< factor of all weights after every step
  bool evaluates = false;  ///< in every tenth step, in the mode of training
  // The data.
  nt::inspect::TrainingData data;
};

/// The healthy program of a model, with data drawn by `seed`.
Program healthy(const std::string& model, std::uint64_t seed);
std::span<const char* const> models();

/// A kind of fault.
struct Kind {
  const char* name;
  void (*plant)(Program&, std::uint64_t seed);
  std::vector<const char*> causes;  ///< rules that name it
  bool (*applies)(const Program&);  ///< null: to all models
  bool tuned;                       ///< thresholds were set on it; false: kept back
  bool harmless = false;  ///< training does well in spite of it: to be named among the mistakes that do no harm yet
};
const std::vector<Kind>& kinds();

newtape::inspect::TraineeFactory factory(const Program& program);
newtape::inspect::Diagnosis diagnose(const Program& program, std::uint64_t seed, std::int64_t steps);

}  // namespace zoo
