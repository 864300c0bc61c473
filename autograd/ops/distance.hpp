// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Norms of vectors, and distances between them.
namespace newtape {

/// (sum |x|^p)^(1/p) over all axes unless some are named; any p: inf the largest, -inf the smallest, 0 how many are not
/// zero (a constant). Where the norm is 0, so is its derivative, of every order.
Tensor norm(In x, double p = 2, const Axes& axes = {}, bool keepdims = false);
/// x / max(norm(x, p, axis), eps): vectors of length 1.
Tensor normalize(In x, double p = 2, std::int64_t axis = -1, double eps = 1e-12);
/// a . b / (max(|a|, eps) max(|b|, eps)) along one axis; a and b broadcast.
Tensor cosine_similarity(In a, In b, std::int64_t axis = -1, double eps = 1e-8);
/// norm(a - b + eps, p) along the last axis, as PyTorch; a and b broadcast.
Tensor pairwise_distance(In a, In b, double p = 2, double eps = 1e-6, bool keepdims = false);
/// The distance of every row of a [.., n, d] from every row of b [.., m, d] -> [.., n, m], by the differences
/// themselves. Derivative 0 where it is 0.
Tensor cdist(In a, In b, double p = 2);

}  // namespace newtape
