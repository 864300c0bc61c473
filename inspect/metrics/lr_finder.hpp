// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace newtape::inspect {

struct FindLROptions {
  double start = 1e-7;
  double end = 10;
  std::int64_t steps = 100;
  double smoothing = 0.9;  ///< weight of the past in the moving average of the losses, in [0, 1)
  double diverge = 3;      ///< stops when the average is above its minimum by this many times the first loss
};

/// The learning rates and losses of find_lr.
struct LRSearch {
  std::vector<double> lr;        ///< of the steps done, rising geometrically
  std::vector<double> loss;      ///< before each step
  std::vector<double> smoothed;  ///< moving average of the losses without the bias towards the start
  double steepest = 0;           ///< the rate where the average falls fastest with log lr: a rate to train with
  double minimum = 0;            ///< the rate of the smallest average, beyond which training is about to diverge
  bool diverged = false;         ///< the search ended before the largest rate
};

/// The learning-rate range test (Smith 2017): one step of the optimizer for each of the rising rates, on the loss that
/// `closure` returns (of the next batch). Afterwards, also when the closure throws, parameters, buffers, gradients, the
/// optimizer with its rates, and this thread's default generator are bit for bit what they were. `steepest` is 0 when the
/// average never falls. A loss that is not finite ends the search. ValueError unless 0 < start < end, steps >= 2, and 0
/// <= smoothing < 1.
LRSearch find_lr(const nn::ModuleBase& model, optim::Optimizer& optimizer, const std::function<Tensor()>& closure,
                 const FindLROptions& options = {});

}  // namespace newtape::inspect
