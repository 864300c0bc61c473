// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace newtape::optim {

/// How K-FAC solves with the Fisher block A (x) G of a layer, A [k, k] of its inputs and G [m, m] of its outputs.
enum class KfacInverse {
  factors,  ///< the two inverted, each with its part of the damping (Martens & Grosse 2015, section 6.3)
  eigen,    ///< in the factors' eigenbasis, where the damping is that of the whole block
  ekfac,    ///< there, with averages of the gradients' squares in place of the eigenvalues (George et al. 2018)
};

/// The Fisher block of a weight as a matrix [m, k] (a bias is one more column), from rows of inputs and of cotangents
/// of outputs that are taken to be independent: sum over rows of (a a^T) (x) (g g^T) ~ (mean of a a^T) (x) (sum of g
/// g^T).
class KroneckerFactors {
 public:
  /// Rows from one sweep: inputs [rows, k], cotangents [extra, rows, m]. They are kept until `update`.
  void add(Array inputs, Array cotangents);
  std::int64_t rows() const noexcept { return rows_; }
  /// Moves the averages towards what was added, whose cotangents' products count `scale` times, by 1 - min(decay, 1 -
  /// 1/n) the n-th time. NumericalError, with nothing changed but what was added lost, when that is not finite.
  void update(double decay, double scale, KfacInverse inverse);
  /// Makes what `solve` needs from the averages. NumericalError where they are singular and undamped.
  void invert(double damping, KfacInverse inverse);
  void drop_rows() noexcept;

  bool solvable() const noexcept { return left_.defined(); }
  /// (A (x) G + damping I)^-1 v for v [m, k].
  Array solve(const Array& v, double damping) const;

  const Array& inputs() const noexcept { return a_; }
  const Array& outputs() const noexcept { return g_; }

  /// All that is kept, by name; load them, and set_count, to go on bit for bit.
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
