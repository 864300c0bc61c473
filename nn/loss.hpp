// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

namespace newtape::nn {

/// What becomes of the losses of the single samples.
enum class Reduction { none, mean, sum };

struct MseLossOptions {
  Reduction reduction = Reduction::mean;
};

/// (input - target)^2. ShapeError unless both have one shape: nothing broadcasts here.
Tensor mse_loss(In input, In target, const MseLossOptions& options = {});

struct CrossEntropyOptions {
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;        ///< in [0, 1]: this much of the target is spread evenly over all classes
  std::int64_t ignore_index = -100;  ///< samples with this target count for nothing
  Tensor weight = {};                ///< [C], one for each class; the mean is then weighted by it
};

/// -log softmax(logits)[target]: logits [N, C] or [N, C, d..], target (class indices, i64) [N] or [N, d..].
/// ShapeError, DTypeError; ValueError for a target outside [0, C).
Tensor cross_entropy(In logits, const Tensor& target, const CrossEntropyOptions& options = {});

}  // namespace newtape::nn
