// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>
#include <newtape/models/truncated_svd.hpp>

#include <string>

namespace newtape::models {

/// Where the components come from: singular vectors of the centred data x, eigenvectors of x^T x (faster for many
/// samples, with half the digits in the small ones), or randomized_svd (for few components of large data).
enum class PcaMethod { svd, eigh, randomized };

struct PcaOptions {
  std::int64_t n_components = 0;  ///< at most min(n, d), which it is when left out
  bool whiten = false;            ///< transform() also divides by the standard deviations
  PcaMethod method = PcaMethod::svd;
  RandomizedSvdOptions randomized = {};
};

/// Principal components: directions of the most variance, in descending order. Of the two signs a component has the one
/// that makes its largest entry positive, as in scikit-learn since 1.5.
struct Pca {
  Tensor mean;                      ///< [d]
  Tensor components;                ///< orthonormal rows [k, d]
  Tensor singular_values;           ///< of the centred data, [k]
  Tensor explained_variance;        ///< along the components, [k], by n - 1
  Tensor explained_variance_ratio;  ///< its share in all variance, [k]
  bool whiten = false;

  Tensor transform(In x) const;          ///< x [.., d] -> [.., k]
  Tensor inverse_transform(In z) const;  ///< z [.., k] -> [.., d]
  /// The nearest points to x among those that k components and the mean can make.
  Tensor reconstruct(In x) const;
};

/// x [n, d], n >= 2. Differentiable where the components' variances differ. ShapeError, DTypeError, ValueError.
Pca pca(In x, const PcaOptions& options = {});

/// Variance, share and cumulated share, component by component.
std::string to_string(const Pca& pca);

}  // namespace newtape::models

template <>
struct fmt::formatter<newtape::models::Pca> : newtape::detail::StringFormatter {
  auto format(const newtape::models::Pca& x, fmt::format_context& ctx) const {
    return write(newtape::models::to_string(x), ctx);
  }
};
