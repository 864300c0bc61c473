// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/blocks/residuals.hpp>

#include <cstdint>
#include <vector>

namespace newtape::optim {

/// Symmetric blocks by rows, the upper triangle only: row i has the blocks of columns block_column[first[i]] = i,
/// ascending, to first[i + 1]; block k starts at at[k] of the values, row-major.
struct SymmetricBlocks {
  std::vector<std::int64_t> column, size;      ///< of each row of blocks: its first unknown, and their number
  std::vector<std::int64_t> first, block, at;  ///< `block`: the column of blocks
  std::int64_t elements = 0, order = 0;

  /// The pattern with these pairs (i, j), i <= j, and the diagonal. The pairs are sorted.
  static SymmetricBlocks with(std::vector<std::int64_t> column, std::vector<std::int64_t> size,
                              std::vector<std::pair<std::int64_t, std::int64_t>> pairs);
  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(size.size()); }
  /// Where block (i, j) starts; -1 for none.
  std::int64_t find(std::int64_t i, std::int64_t j) const noexcept;
  /// y += A x for these values.
  void multiply(const double* values, const double* x, double* y) const;
};

/// J^T J by blocks: [U Y^T; Y V] for kept and eliminated unknowns, with V block diagonal. A residual block touches one
/// eliminated row at most.
class NormalMatrix {
 public:
  /// `fill`: U's pattern is that of the Schur complement.
  NormalMatrix(const BlockResiduals& residuals, bool fill);

  /// The eliminated rows of one variable; `first` counts eliminated rows.
  struct Run {
    std::int64_t size = 0, count = 0, first = 0, column = 0, v_at = 0;
  };
  SymmetricBlocks kept;
  std::vector<Run> runs;
  /// Of the eliminated rows: neighbours first[i] .. first[i + 1]. Of each neighbour: block of `kept`, its column and size,
  /// and where its block of Y starts.
  std::vector<std::int64_t> first, neighbour, column, size, y_at;
  std::vector<std::int64_t> pair_at, pair_first;  ///< of pairs of neighbours, in `kept`; with `fill`
  std::int64_t widest = 0;                        ///< the largest sum of neighbours' sizes
  std::vector<double> u, v, y;

  /// Computes u, v, y from the Jacobian.
  void update(const BlockResiduals& residuals);
  std::int64_t eliminated() const noexcept { return static_cast<std::int64_t>(first.size()) - 1; }

 private:
  /// A product of two arguments' columns of a group, and where each block's is added.
  struct Product {
    std::size_t group, a, b;
    std::vector<double> NormalMatrix::*to;
    std::vector<std::int64_t> at;
  };
  void number_rows(const BlockResiduals& residuals);
  void find_neighbours(const BlockResiduals& residuals);
  void find_kept(const BlockResiduals& residuals, bool fill);
  void find_pairs();
  void place_products(const BlockResiduals& residuals);
  void place(const BlockResiduals::Group& g, std::size_t group, std::size_t a, std::size_t b, std::int64_t split);
  std::int64_t y_of(std::int64_t eliminated, std::int64_t kept_row) const;

  std::vector<std::int64_t> row_of_;           ///< of a column: the row of blocks, kept or eliminated, that it begins
  std::vector<std::int64_t> sizes_, columns_;  ///< of the kept rows
  std::vector<Product> products_;
};

}  // namespace newtape::optim
