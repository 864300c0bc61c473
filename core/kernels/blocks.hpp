// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Products of many small dense blocks of f64, for block-sparse matrices. All blocks are row-major.
namespace newtape::core::kernels {

/// c_i += a_i^T b_i for i in [0, n): a_i [r, p] and b_i [r, q] are `a_step` and `b_step` apart, c_i [p, q] starts at
/// c + at[i], and is left alone where at[i] < 0. `*_row`: the distance of two rows of a block.
struct BlockGram {
  std::int64_t n, r, p, q;
  const double* a;
  std::int64_t a_step, a_row;
  const double* b;
  std::int64_t b_step, b_row;
  double* c;
  const std::int64_t* at;
  std::int64_t c_row;
};

/// Where the blocks of a Schur complement are added.
enum class SchurTarget {
  dense,     ///< row `column` of one block and column `column` of the other, in a matrix; upper triangle
  blocks,    ///< at `pair_at`, in order of the pairs (i, j), i <= j, of neighbours; each row-major
  diagonal,  ///< pairs (i, i) only: at pair_at[neighbour]
};

/// Elimination of the unknowns t of [V Y; Y^T U] [t; s], where V is block diagonal: factorises V and subtracts
/// Y^T V^-1 Y from the matrix at `s`. The neighbours of an eliminated block are the blocks of U's unknowns with which it
/// has a block of Y, by ascending columns.
struct SchurElimination {
  std::int64_t count, e;           ///< of eliminated blocks; the size of each
  const double* v;                 ///< [count, e, e]
  const double* damping;           ///< [count, e], added to the diagonals of v
  const std::int64_t* first;       ///< [count + 1]: neighbours first[i] .. first[i + 1] belong to block i
  const std::int64_t* column;      ///< of a neighbour: its first column in the reduced matrix
  const std::int64_t* size;        ///< of a neighbour
  const std::int64_t* y_at;        ///< of a neighbour: its block [e, size] in `y`
  const std::int64_t* pair_at;     ///< see SchurTarget
  const std::int64_t* pair_first;  ///< [count]: the first pair of block i, for SchurTarget::blocks
  const double* y;
  double* factor;   ///< [count, e, e], a result: L with L L^T = V below the diagonal, on it the reciprocals of L's
  double* scratch;  ///< e times the largest sum of neighbours' sizes elements
  SchurTarget target;
  double* s;
  std::int64_t s_row;  ///< for SchurTarget::dense
};

struct BlockTable {
  void (*gram)(const BlockGram&);
  /// -1, or the first block whose V is not positive definite.
  std::int64_t (*eliminate)(const SchurElimination&);
  static const BlockTable baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
