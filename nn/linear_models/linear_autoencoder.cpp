// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/linear_models/linear_autoencoder.hpp>

namespace newtape::nn {

LinearAutoencoder::LinearAutoencoder(std::int64_t features, std::int64_t latent, const LinearOptions& options)
    : encoder(add("encoder", Linear(features, latent, options))),
      decoder(add("decoder", Linear(latent, features, options))) {}

Tensor LinearAutoencoder::encode(In x) const { return encoder(std::move(x)); }
Tensor LinearAutoencoder::decode(In z) const { return decoder(std::move(z)); }
Tensor LinearAutoencoder::forward(In x) const { return decode(encode(std::move(x))); }

}  // namespace newtape::nn
