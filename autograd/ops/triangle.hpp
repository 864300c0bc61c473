// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <array>

/// Diagonals and triangles of matrices. `offset` is the diagonal: 0 the main one, positive above it.
namespace newtape {

/// A view of the diagonal over two axes, as the last axis of the result.
Tensor diagonal(In x, std::int64_t offset = 0, std::int64_t axis0 = 0, std::int64_t axis1 = 1);
/// x with that diagonal replaced by src. ShapeError unless src has the shape of diagonal(x, offset, axis0, axis1).
Tensor diagonal_scatter(In x, In src, std::int64_t offset = 0, std::int64_t axis0 = 0, std::int64_t axis1 = 1);
/// The matrix with a vector x on its diagonal, or the diagonal of a matrix x. ShapeError for other ranks.
Tensor diag(In x, std::int64_t offset = 0);
/// x [.., n] -> [.., m, m], x on the diagonal and zero elsewhere; m = n + |offset|.
Tensor diag_embed(In x, std::int64_t offset = 0);
Tensor tril(In x, std::int64_t offset = 0);  ///< x [.., n, m] with zeros above the diagonal
Tensor triu(In x, std::int64_t offset = 0);  ///< x [.., n, m] with zeros below the diagonal

/// Row and column indices (i64) of the lower triangle of a rows x columns matrix (default: square), for x[{i, j}].
std::array<Tensor, 2> tril_indices(std::int64_t rows, std::int64_t offset = 0, std::int64_t columns = -1);
std::array<Tensor, 2> triu_indices(std::int64_t rows, std::int64_t offset = 0, std::int64_t columns = -1);

}  // namespace newtape
