// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Norms of vectors, and distances between them.
namespace newtape {

/// (sum |x|^p)^(1/p) over `axes`, by default all; any p: inf: largest |x|, -inf: smallest |x|, 0: number of nonzero
/// elements (a constant). Where the norm is 0, so is its gradient; its second derivative there is NaN, but that of smooth
/// even functions of it, such as its square, is right, and so are its higher derivatives.
Tensor norm(In x, double p = 2, const Axes& axes = {}, bool keepdims = false);
/// x / max(norm(x, p, axis), eps): vectors of length 1.
Tensor normalize(In x, double p = 2, std::int64_t axis = -1, double eps = 1e-12);
/// The slices of x along `axis` whose p-norm exceeds `maxnorm`, times maxnorm / (norm + 1e-7), as PyTorch; the others
/// unchanged. ValueError unless p > 0 and maxnorm >= 0.
Tensor renorm(In x, double p, std::int64_t axis, double maxnorm);
/// a . b / (max(|a|, eps) max(|b|, eps)) along one axis; a and b broadcast.
Tensor cosine_similarity(In a, In b, std::int64_t axis = -1, double eps = 1e-8);
/// norm(a - b + eps, p) along the last axis, as PyTorch; a and b broadcast.
Tensor pairwise_distance(In a, In b, double p = 2, double eps = 1e-6, bool keepdims = false);
/// The p-norm distance of every row of a [.., n, d] from every row of b [.., m, d] -> [.., n, m], computed from the
/// differences. Derivative 0 where the distance is 0.
Tensor cdist(In a, In b, double p = 2);
/// The distances of all pairs i < j of rows of x [.., n, d], as those of cdist above its diagonal: [.., n (n - 1) / 2].
Tensor pdist(In x, double p = 2);
/// norm(a - b, p) over all elements; a and b broadcast.
Tensor dist(In a, In b, double p = 2);

}  // namespace newtape
