// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Linear systems of collocation, for solve_bvp.
namespace newtape::detail {

/// Unknowns u_0, .., u_M, of n each, and p, of k: M rows of blocks A_i u_i + B_i u_(i+1) + P_i p, then n + k rows
/// Ba u_0 + Bb u_M + Bp p.
struct BlockRows {
  Tensor a, b, p;         ///< [M, n, n], [M, n, n], [M, n, k]
  Tensor ends_a, ends_b;  ///< [n + k, n]
  Tensor ends_p;          ///< [n + k, k]

  std::int64_t rows() const { return a.shape(0); }
  std::int64_t n() const { return a.shape(1); }
  std::int64_t k() const { return p.shape(2); }
  /// The product with a vector [(M + 1) n + k] of u_0, .., u_M, p, in Tensor operations.
  Tensor times(const Tensor& z) const;
};

/// A factorization of such a matrix. Neighbouring rows of blocks share one unknown, which a QR factorization of its two
/// blocks separates from the other two; one row of blocks remains, then half of all, and so on (Wright, SIAM J. Sci. Stat.
/// Comput. 13, 1992). Stable, as only orthogonal factors are applied. Unrecorded.
class BlockSystem {
 public:
  /// NumericalError when the matrix is singular.
  explicit BlockSystem(const BlockRows& matrix);

  /// The z with matrix z = r, both [(M + 1) n + k].
  Tensor solve(const Tensor& r) const;
  /// The z with matrix^T z = r.
  Tensor solve_transposed(const Tensor& r) const;

 private:
  /// The rows 2 t and 2 t + 1 that were combined: Q^T (rows) = [R; 0] in the unknown 2 t + 1, and the upper halves of the
  /// other blocks.
  struct Level {
    Tensor q;        ///< [T, 2 n, 2 n]
    Tensor r;        ///< [T, n, n], upper triangular
    Tensor e, h, g;  ///< [T, n, n], [T, n, n], [T, n, k]: of the unknowns 2 t and 2 t + 2, and of p
  };
  Tensor of_last(const Tensor& right, bool transposed) const;

  std::int64_t rows_, n_, k_;
  std::vector<Level> levels_;
  Tensor last_, pivots_;  ///< LU factors of the last row of blocks and the ends, in u_0, u_M, p
};

}  // namespace newtape::detail
