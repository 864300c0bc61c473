// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/linear.hpp>

namespace newtape::nn {

/// x [.., features] -> code [.., latent] -> [.., features], both maps affine. All minima of the squared error of its
/// reconstructions are global, and there the decoder's columns span the principal components (Baldi & Hornik 1989).
struct LinearAutoencoder : Module<LinearAutoencoder> {
  LinearAutoencoder(std::int64_t features, std::int64_t latent, const LinearOptions& options = {});
  Tensor encode(In x) const;
  Tensor decode(In z) const;
  Tensor forward(In x) const;

  Linear encoder;
  Linear decoder;
};

}  // namespace newtape::nn
