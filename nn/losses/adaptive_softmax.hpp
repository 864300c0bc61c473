// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <cstdint>
#include <vector>

namespace newtape::nn {

struct AdaptiveLogSoftmaxWithLossOptions {
  double div_value = 4;    ///< cluster i, from 0, projects the input to in_features / div_value^(i + 1) numbers
  bool head_bias = false;  ///< a bias in the head
  DType dtype = f32;
};

/// What AdaptiveLogSoftmaxWithLoss returns, by PyTorch's names.
struct AdaptiveLogSoftmaxOutput {
  Tensor output;  ///< [b], the logarithm of the target's probability; [] for an input without a batch axis
  Tensor loss;    ///< minus its mean

  Tensor& first_tensor() { return output; }
};

/// The softmax over many classes in the order of their frequency (Grave et al. 2017): the head has the classes below the
/// first of `cutoffs` and one for each cluster between two of them, whose classes follow from a projection to fewer numbers.
/// A sample computes the head and the cluster of its target alone. input [b, in_features] or [in_features], target i64 [b]
/// or []. ValueError unless the cutoffs increase from at least 1 to less than n_classes, for a cluster of no features, and
/// for a target out of range; ShapeError, DTypeError. State dicts are PyTorch's.
struct AdaptiveLogSoftmaxWithLoss : Module<AdaptiveLogSoftmaxWithLoss> {
  AdaptiveLogSoftmaxWithLoss(std::int64_t in_features, std::int64_t n_classes, std::vector<std::int64_t> cutoffs,
                             const AdaptiveLogSoftmaxWithLossOptions& options = {});
  AdaptiveLogSoftmaxOutput forward(In input, const Tensor& target) const;
  /// The logarithms of the probabilities of all classes, [.., n_classes].
  Tensor log_prob(In input) const;
  /// The most probable class of each sample, i64.
  Tensor predict(In input) const;

  std::int64_t in_features, n_classes;
  std::vector<std::int64_t> cutoffs;  ///< ends with n_classes
  double div_value;
  Linear head;
  ModuleList<Sequential> tail;

 private:
  std::int64_t shortlist() const { return cutoffs[0]; }
  /// ShapeError, DTypeError; the input with a batch axis.
  Tensor rows(const In& input) const;
};

}  // namespace newtape::nn
