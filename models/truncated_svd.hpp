// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/core/runtime/random.hpp>

namespace newtape::models {

/// The first k singular triplets of a [m, n], k at most min(m, n), from the full decomposition: u [m, k], s [k], vh [k,
/// n]. Differentiable like linalg::svd. ShapeError, ValueError.
linalg::SVD truncated_svd(In a, std::int64_t k);

struct RandomizedSvdOptions {
  std::int64_t oversamples = 10;      ///< random directions beyond k
  std::int64_t power_iterations = 4;  ///< products with a^T a that amplify large singular values
  Generator* generator = nullptr;     ///< null: the thread's default generator
};

/// The same for large matrices, from the range of a times random vectors (Halko, Martinsson & Tropp 2011, algorithms
/// 4.4 and 5.1): the cost is that of 2 power_iterations + 2 products of a with k + oversamples vectors. Exact when the
/// rank is no more than their number; else the error falls by (s_{k+oversamples+1} / s_k)^2 with every power iteration.
/// The derivative is that of these products, and exists when they are of full rank.
linalg::SVD randomized_svd(In a, std::int64_t k, const RandomizedSvdOptions& options = {});

}  // namespace newtape::models
