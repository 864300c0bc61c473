// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/trainee.hpp>

#include <functional>
#include <string>
#include <vector>

namespace newtape::inspect {

/// What a remedy changes in a run: how it is tried by experiment. Empty members change nothing.
struct Treatment {
  std::function<Tensor(const Tensor& x)> input = {};        ///< before the model, in training and evaluation
  std::function<Tensor(const Tensor& y)> target = {};       ///< in training
  std::function<Tensor(const Tensor& output)> output = {};  ///< in evaluation: undoes `target`
  std::function<LossFunction(const LossFunction&)> loss = {};
  std::function<void(Trainee&)> prepare = {};                       ///< once, before the first step
  std::function<void(Trainee&)> before_step = {};                   ///< before every step
  std::function<Tensor(Trainee&, const TrainingBatch&)> step = {};  ///< takes the place of the program's own
  std::int64_t batch_factor = 1;
  bool shuffle = false;
  std::vector<std::int64_t> leave_out = {};  ///< training examples that are not trained on
  std::string code = {};  ///< the remedy in code, where it has a number of its own: "optimizer.set_lr(0.003);"

  explicit operator bool() const noexcept {
    return input || target || loss || prepare || before_step || step || batch_factor != 1 || shuffle ||
           !leave_out.empty();
  }
};

}  // namespace newtape::inspect
