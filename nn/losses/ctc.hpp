// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/nn/losses/reduction.hpp>

namespace newtape::nn {

struct CTCLossOptions {
  Reduction reduction = Reduction::mean;  ///< mean: of the losses divided by their target lengths
  std::int64_t blank = 0;
  bool zero_infinity = false;  ///< losses of targets too long for the input are 0 instead of infinity
};

/// Connectionist temporal classification (Graves et al. 2006, forward recursion in logarithms): the negative logarithm
/// of the probability of all alignments of the target. log_probs [T, N, C] or [T, C]; targets (i64) [N, S], or
/// concatenated [sum of target_lengths]; input_lengths, target_lengths (i64) [N] or []. Infinite losses have derivative
/// 0. Differentiable to any order. ShapeError; ValueError for lengths and classes out of range, and for a blank among
/// the targets.
Tensor ctc_loss(In log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths,
                const CTCLossOptions& options = {});

}  // namespace newtape::nn
