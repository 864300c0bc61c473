// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/losses/reduction.hpp>

/// The softmax over many classes, estimated from some of them (Bengio & Senecal 2008; Jean et al. 2015).
namespace newtape::nn {

/// Classes that stand for all in sampled_softmax_loss, and how often each is expected among them.
struct SampledClasses {
  Tensor classes;              ///< i64 [s]
  Tensor log_expected;         ///< f64 [s], log of the expected number of times that a class is drawn
  Tensor log_expected_target;  ///< f64 [b], the same of the targets
};

struct LogUniformSamplerOptions {
  bool unique = true;  ///< each class once: drawn until there are enough
};

/// Draws classes k in [0, classes) with probability log((k + 2) / (k + 1)) / log(classes + 1), which decreases like 1 / k:
/// for classes in the order of their frequency, as words are by Zipf's law. ValueError unless there are classes.
class LogUniformSampler {
 public:
  explicit LogUniformSampler(std::int64_t classes);

  /// The probability of each of these classes: f64, of their shape. ValueError for one out of range.
  Tensor probability(const Tensor& classes) const;
  /// `n` classes. Those drawn with repetition are each expected n p times; unique ones 1 - (1 - p)^t times, where t is the
  /// number of draws that it took. ValueError for more unique classes than there are, and for a target out of range.
  SampledClasses sample(const Tensor& target, std::int64_t n, const LogUniformSamplerOptions& options = {},
                        Generator& generator = default_generator()) const;

 private:
  std::int64_t classes_;
};

struct SampledSoftmaxLossOptions {
  Reduction reduction = Reduction::mean;
  bool remove_accidental_hits = true;  ///< a sampled class that is a sample's target does not count for that sample
  bool sparse = false;                 ///< the gradient of the weight in rows: see autograd/row_grad.hpp
};

/// cross_entropy(input weight^T + bias, target) where the sum over the classes is estimated: input [b, d], weight [c, d],
/// bias [c] or undefined, target i64 [b]. The target and the sampled classes count, each logit less the logarithm of the
/// number of times that it is expected. For training; evaluate with cross_entropy. Without removal of hits and with
/// repetition, the sum of exponentials of the sampled logits has the mean of the whole sum. ShapeError, DTypeError,
/// ValueError.
Tensor sampled_softmax_loss(In input, In weight, const Tensor& bias, const Tensor& target,
                            const SampledClasses& sampled, const SampledSoftmaxLossOptions& options = {});

}  // namespace newtape::nn
