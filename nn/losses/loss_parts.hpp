// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/nn/losses/reduction.hpp>

#include <limits>
#include <string>

/// Helpers shared by the losses.
namespace newtape::nn::detail {

inline Tensor reduce(Tensor losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean: return mean(std::move(losses));
    case Reduction::sum: return sum(std::move(losses));
    case Reduction::batchmean: {
      const double n = losses.ndim() == 0 ? 1 : static_cast<double>(losses.shape(0));
      return sum(std::move(losses)) / n;
    }
    default: return losses;
  }
}

/// ShapeError unless both have the same shape: losses do not broadcast.
inline void check_same_shape(const char* loss, const In& input, const In& target) {
  if (input.shape() == target.shape()) return;
  raise<ShapeError>(std::string(loss) + ": input and target must have the same shape", "equal shapes",
                    "input " + to_string(input.shape()) + ", target " + to_string(target.shape()));
}

/// DTypeError unless both have the same float dtype.
inline void check_floats(const char* loss, const In& input, const In& target) {
  if (is_floating(input.dtype()) && input.dtype() == target.dtype()) return;
  raise<DTypeError>(std::string(loss) + ": input and target must have the same float dtype", "f32 or f64",
                    "input " + std::string(name(input.dtype())) + ", target " + std::string(name(target.dtype())));
}

inline void check_pair(const char* loss, const In& input, const In& target) {
  check_same_shape(loss, input, target);
  check_floats(loss, input, target);
}

/// max(x, 0) with derivative 1 at 0, as in PyTorch's margin losses.
inline Tensor hinge(Tensor x) { return clip(std::move(x), 0.0, std::numeric_limits<double>::infinity()); }

}  // namespace newtape::nn::detail
