// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace newtape::optim {

/// How K-FAC solves with the Fisher block A (x) G of a layer, A [k, k] of its inputs and G [m, m] of its outputs.
enum class KFACInverse {
  factors,  ///< inverses of both, each with its part of the damping (Martens & Grosse 2015, section 6.3)
  eigen,    ///< in the factors' eigenbasis, with the damping of the whole block
  ekfac,    ///< the same, with averages of squared gradients in place of the eigenvalues (George et al. 2018)
};

/// The Fisher block of a weight as a matrix [m, k] (a bias is one more column), from rows of inputs and of cotangents
/// of outputs, assumed independent: sum over rows of (a a^T) (x) (g g^T) ~ (mean of a a^T) (x) (sum of g g^T).
class KroneckerFactors {
 public:
  /// Rows from one sweep: inputs [rows, k], cotangents [extra, rows, m]. They are kept until `update`.
  void add(Array inputs, Array cotangents);
  std::int64_t rows() const noexcept { return rows_; }
  /// Adds the rows to the averages, with weight 1 - min(decay, 1 - 1/n) in update n; products of cotangents are
  /// multiplied by `scale`. NumericalError when they are not finite: the rows are dropped, the averages unchanged.
  void update(double decay, double scale, KFACInverse inverse);
  /// Computes the inverses or eigenbases for `solve` from the averages. NumericalError where they are singular and
  /// undamped.
  void invert(double damping, KFACInverse inverse);
  void drop_rows() noexcept;

  bool solvable() const noexcept { return left_.defined(); }
  /// (A (x) G + damping I)^-1 v for v [m, k].
  Array solve(const Array& v, double damping) const;

  const Array& inputs() const noexcept { return a_; }
  const Array& outputs() const noexcept { return g_; }

  /// The arrays of the state, by name; with count() they make a resumption bitwise identical.
  template <class F>
  void each(F&& f) {
    f("inputs", a_), f("outputs", g_), f("left", left_), f("right", right_), f("spectrum", spectrum_);
  }
  std::int64_t count() const noexcept { return count_; }
  void set_count(std::int64_t count) noexcept { count_ = count; }

 private:
  std::vector<std::pair<Array, Array>> added_;
  std::int64_t rows_ = 0;
  std::int64_t count_ = 0;  ///< updates so far
  Array a_, g_;
  Array left_, right_;  ///< of G and A: their inverses or, with a spectrum, their eigenvectors
  Array spectrum_;      ///< [m, k]: the block's eigenvalues
};

}  // namespace newtape::optim
