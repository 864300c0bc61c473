// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/nn/losses/reduction.hpp>

/// Classification losses, of probabilities or logits. 0 log 0 is 0. Samples that are ignored and elements of weight 0
/// have no influence, also if they are infinite or NaN. Where the target is not class indices, one of integers or booleans
/// has the dtype of the input, a constant. ValueError for the mean of no losses.
namespace newtape::nn {

struct CrossEntropyLossOptions {
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;        ///< in [0, 1]: fraction of the target distributed uniformly over all classes
  std::int64_t ignore_index = -100;  ///< samples with this target are ignored
  Tensor weight = {};                ///< [C], one for each class; the mean is then weighted by it
};

/// -log softmax(logits)[target]: logits [C], [N, C] or [N, C, d..], target (class indices, i64) [], [N] or [N, d..].
/// With probabilities of the logits' shape and dtype as target: -sum(target log softmax(logits)) over the classes; the
/// mean is then over N and d. ShapeError, DTypeError; ValueError for a target outside [0, C).
Tensor cross_entropy(In logits, const Tensor& target, const CrossEntropyLossOptions& options = {});

struct NLLLossOptions {
  Reduction reduction = Reduction::mean;
  std::int64_t ignore_index = -100;  ///< samples with this target are ignored
  Tensor weight = {};                ///< [C], one for each class; the mean is then weighted by it
};

/// -log_p[target], with the shapes of cross_entropy for class indices.
Tensor nll_loss(In log_p, const Tensor& target, const NLLLossOptions& options = {});

struct BCELossOptions {
  Reduction reduction = Reduction::mean;
  Tensor weight = {};  ///< factor of each loss; broadcasts to the input
};

/// -(t log(x) + (1 - t) log(1 - x)) for probabilities x and t of the same shape; logarithms are clamped to at least
/// -100, with derivative 0. ValueError for x outside [0, 1]. binary_cross_entropy_with_logits is more accurate.
Tensor binary_cross_entropy(In input, In target, const BCELossOptions& options = {});

struct BCEWithLogitsLossOptions {
  Reduction reduction = Reduction::mean;
  Tensor weight = {};      ///< factor of each loss; broadcasts to the input
  Tensor pos_weight = {};  ///< factor of the positive class's term; broadcasts to the input
};

/// -(pos_weight t log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))) without overflow.
Tensor binary_cross_entropy_with_logits(In input, In target, const BCEWithLogitsLossOptions& options = {});

struct KLDivLossOptions {
  Reduction reduction = Reduction::mean;  ///< batchmean gives the KL divergence as defined
  bool log_target = false;                ///< the target also holds logarithms
  bool broadcast = false;                 ///< input and target broadcast, as in PyTorch, instead of a ShapeError
};

/// t (log(t) - input), elementwise, for an input of logarithms of probabilities.
Tensor kl_div(In input, In target, const KLDivLossOptions& options = {});

}  // namespace newtape::nn
