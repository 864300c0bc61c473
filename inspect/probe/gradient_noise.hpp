// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <functional>
#include <string>
#include <vector>

namespace newtape::inspect {

/// Mean and variance of the gradients of single examples, estimated from n parts of the data.
struct GradientNoise {
  struct Parameter {
    std::string name;
    double squared_norm = 0;  ///< of the expected gradient, unbiased: it may come out negative where noise dominates
    double variance = 0;      ///< trace of the covariance of one example's gradient
  };
  std::vector<Parameter> parameters = {};
  double squared_norm = 0;  ///< of all parameters together
  double variance = 0;
  std::int64_t parts = 0;
  std::int64_t part_size = 1;

  /// variance / squared_norm: the batch size at which noise and gradient are equally large; infinite where the gradient
  /// cannot be told from 0. McCandlish et al. 2018, eq. 2.9 (the simple noise scale).
  double noise_scale() const noexcept;
  /// Expected squared norm of the gradient over that of its error, for a batch of this size.
  double signal_to_noise(std::int64_t batch) const noexcept;
};

struct GradientNoiseOptions {
  std::int64_t part_size = 1;  ///< examples in each part; the variance is reported for one example
};

/// `loss(k)` is the mean loss of part k, of `parts` disjoint parts of equal size. Leaves gradients as they are. Memory:
/// one gradient besides that of a part. McCandlish et al. 2018, appendix A.1. ValueError for fewer than 2 parts.
GradientNoise gradient_noise(const nn::ModuleBase& model, const std::function<Tensor(std::int64_t part)>& loss,
                             std::int64_t parts, const GradientNoiseOptions& options = {});

}  // namespace newtape::inspect
