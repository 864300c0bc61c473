// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/layers/linear.hpp>

namespace newtape::models {

/// x [.., features] -> code [.., latent] -> [.., features], both maps affine. All local minima of its squared
/// reconstruction error are global; at them the decoder's columns span the principal components (Baldi & Hornik 1989).
struct LinearAutoencoder : nn::Module<LinearAutoencoder> {
  LinearAutoencoder(std::int64_t features, std::int64_t latent, const nn::LinearOptions& options = {});
  Tensor encode(In x) const;
  Tensor decode(In z) const;
  Tensor forward(In x) const;

  nn::Linear encoder;
  nn::Linear decoder;
};

}  // namespace newtape::models
