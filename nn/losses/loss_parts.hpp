// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/nn/losses/reduction.hpp>

#include <limits>
#include <string>

/// Helpers shared by the losses.
namespace newtape::nn::detail {

/// The reduction of the losses of `loss`. ValueError for the mean of none.
Tensor reduce(const char* loss, Tensor losses, Reduction reduction);

/// Class indices of any integer dtype as i64, others as they are.
Tensor class_indices(const Tensor& target);
/// ShapeError unless both have the same shape, or `broadcast` and their shapes broadcast.
void check_shapes(const char* loss, const In& input, const In& target, bool broadcast = false);
/// Gives an integer or boolean target the dtype of the input: classes 0 and 1, signs, counts. DTypeError unless both then
/// have the same float dtype.
void match_floats(const char* loss, const In& input, In& target);
/// check_shapes and match_floats; a number is a target too.
void check_pair(const char* loss, const In& input, In& target, bool broadcast = false);

/// factor x, and 0 where the factor is 0, also if x is infinite or NaN there: 0 log 0 is 0.
Tensor strong_product(const Tensor& factor, In x);

/// losses * weight. What has weight 0 does not count, also if it is infinite or NaN. ShapeError unless the weight (may
/// be undefined: 1) broadcasts to the losses.
Tensor weigh(const char* loss, Tensor losses, const Tensor& weight);

/// x where the weight (may be undefined) is not 0; 0 elsewhere if x is infinite or NaN there. It stands before operations
/// that mix elements, whose pullbacks would spread a NaN.
Tensor where_counted(In x, const Tensor& weight);

/// max(x, 0) with derivative 1 at 0, as in PyTorch's margin losses.
inline Tensor hinge(Tensor x) { return clip(std::move(x), 0.0, std::numeric_limits<double>::infinity()); }

/// True if every element is finite; false while elementwise functions are recorded, where values are not known.
bool known_finite(const Tensor& x);

}  // namespace newtape::nn::detail
