// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>
#include <newtape/models/truncated_svd.hpp>

#include <string>

namespace newtape::models {

/// How the components are computed: singular vectors of the centred data x, eigenvectors of x^T x (faster for many
/// samples, with half the digits in the small ones), or randomized_svd (for few components of large data).
enum class PcaMethod { svd, eigh, randomized };

struct PcaOptions {
  std::int64_t n_components = 0;  ///< at most min(n, d); 0: min(n, d)
  bool whiten = false;            ///< transform() also divides by the standard deviations
  PcaMethod method = PcaMethod::svd;
  RandomizedSvdOptions randomized = {};
};

/// Principal components: directions of maximum variance, in descending order. The sign of a component makes its entry
/// of largest magnitude positive, as in scikit-learn since 1.5.
struct Pca {
  Tensor mean;                      ///< [d]
  Tensor components;                ///< orthonormal rows [k, d]
  Tensor singular_values;           ///< of the centred data, [k]
  Tensor explained_variance;        ///< variance along the components, [k], with divisor n - 1
  Tensor explained_variance_ratio;  ///< its fraction of the total variance, [k]
  bool whiten = false;

  Tensor transform(In x) const;          ///< x [.., d] -> [.., k]
  Tensor inverse_transform(In z) const;  ///< z [.., k] -> [.., d]
  /// The projection of x onto the affine space of the mean and the components.
  Tensor reconstruct(In x) const;
};

/// x [n, d], n >= 2. Differentiable where the components' variances differ. ShapeError, DTypeError, ValueError.
Pca pca(In x, const PcaOptions& options = {});

/// A table of each component's variance, its fraction and the cumulative fraction.
std::string to_string(const Pca& pca);

}  // namespace newtape::models

template <>
struct fmt::formatter<newtape::models::Pca> : newtape::detail::StringFormatter {
  auto format(const newtape::models::Pca& x, fmt::format_context& ctx) const {
    return write(newtape::models::to_string(x), ctx);
  }
};
