// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/layers/linear.hpp>

namespace newtape::nn {

/// y_k = x1^T weight_k x2 + bias_k: x1 [.., in1], x2 [.., in2] -> [.., out]. weight [out, in1, in2] and bias [out]
/// are initialised uniformly in +-1/sqrt(in1), as in PyTorch. ValueError for sizes below 1.
struct Bilinear : Module<Bilinear> {
  Bilinear(std::int64_t in1_features, std::int64_t in2_features, std::int64_t out_features,
           const LinearOptions& options = {});
  Tensor forward(In x1, In x2) const;

  std::int64_t in1_features;
  std::int64_t in2_features;
  std::int64_t out_features;
  Parameter weight;
  Parameter bias;  ///< undefined without bias
};

}  // namespace newtape::nn
