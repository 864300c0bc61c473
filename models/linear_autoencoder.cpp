// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/models/linear_autoencoder.hpp>

namespace newtape::models {

LinearAutoencoder::LinearAutoencoder(std::int64_t features, std::int64_t latent, const nn::LinearOptions& options)
    : encoder(add("encoder", nn::Linear(features, latent, options))),
      decoder(add("decoder", nn::Linear(latent, features, options))) {}

Tensor LinearAutoencoder::encode(In x) const { return encoder(std::move(x)); }
Tensor LinearAutoencoder::decode(In z) const { return decoder(std::move(z)); }
Tensor LinearAutoencoder::forward(In x) const { return decode(encode(std::move(x))); }

}  // namespace newtape::models
