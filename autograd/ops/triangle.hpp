// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <array>

/// Diagonals and triangles of matrices. `offset` counts diagonals to the right of the main one.
namespace newtape {

/// A view of the diagonal over two axes, as the last axis of the result.
Tensor diagonal(In x, std::int64_t offset = 0, std::int64_t axis0 = 0, std::int64_t axis1 = 1);
/// Of a vector the matrix with it on the diagonal, of a matrix its diagonal. ShapeError for anything else.
Tensor diag(In x, std::int64_t offset = 0);
/// x [.., n] -> [.., m, m], zero but for x on the diagonal; m = n + |offset|.
Tensor diag_embed(In x, std::int64_t offset = 0);
Tensor tril(In x, std::int64_t offset = 0);  ///< x [.., n, m] with zeros above the diagonal
Tensor triu(In x, std::int64_t offset = 0);  ///< x [.., n, m] with zeros below the diagonal

/// Rows and columns (i64) of the lower triangle of a rows x columns matrix (square when left out): x[{i, j}].
std::array<Tensor, 2> tril_indices(std::int64_t rows, std::int64_t offset = 0, std::int64_t columns = -1);
std::array<Tensor, 2> triu_indices(std::int64_t rows, std::int64_t offset = 0, std::int64_t columns = -1);

}  // namespace newtape
