// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

namespace newtape::nn {

struct LinearOptions {
  bool bias = true;
  DType dtype = f32;
};

/// x [.., in] -> x weight^T + bias [.., out]. Initially weight [out, in] is kaiming_uniform(a = sqrt(5)) and bias [out]
/// uniform in +-1/sqrt(in), as in PyTorch. ValueError for sizes below 1.
struct Linear : Module<Linear> {
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});
  Tensor forward(In x) const;

  std::int64_t in_features;
  std::int64_t out_features;
  Parameter weight;
  Parameter bias;  ///< undefined without bias
};

}  // namespace newtape::nn
