// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace newtape::core {

/// Factorizations A = P^T L L^T P of sparse symmetric matrices that share a pattern, by CHOLMOD (Chen, Davis, Hager and
/// Rajamanickam 2008), with an order of elimination that is chosen once for the pattern.
class SparseCholesky {
 public:
  /// Whether Newtape was built with CHOLMOD; without, the constructor throws NumericalError.
  static bool available() noexcept;

  /// The pattern of the lower triangle by columns: the rows of column j, ascending from the diagonal, are rows[starts[j]]
  /// to rows[starts[j + 1] - 1].
  SparseCholesky(std::vector<std::int64_t> starts, std::vector<std::int64_t> rows);
  SparseCholesky(const SparseCholesky&) = delete;
  SparseCholesky& operator=(const SparseCholesky&) = delete;
  ~SparseCholesky();

  /// The order of the matrices.
  std::int64_t order() const noexcept;
  /// Nonzero elements of L, for the pattern.
  double factor_size() const noexcept;
  /// Factorises the matrix with these elements of the pattern; false unless it is positive definite. NumericalError
  /// when CHOLMOD fails for another reason, such as memory.
  bool factorize(std::span<const double> values);
  /// Replaces `count` vectors b, one after the other, by the solutions of A x = b. A factorization must have succeeded.
  void solve(double* b, std::int64_t count = 1);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace newtape::core
