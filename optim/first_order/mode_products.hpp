// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstddef>

/// Mode products for Shampoo and SOAP: a gradient unfolded along each of its axes into a stack of matrices.
namespace newtape::optim::mode_products {

/// Partition of a parameter into equal blocks. Axes of length 1 are dropped; those beyond the fifth are merged into it.
struct Blocks {
  static constexpr std::size_t max_axes = 5;

  Shape folded;   ///< lengths of the remaining axes
  Shape counts;   ///< blocks along each
  Shape lengths;  ///< of a block along each
  std::int64_t count = 1;

  /// No block is longer than `largest` along any axis.
  Blocks(const Shape& shape, std::int64_t largest);

  std::size_t axes() const noexcept { return folded.size(); }
  /// [count, n, n]: one square matrix for each block, for axis `i`.
  Shape square(std::size_t i) const { return {count, lengths[i], lengths[i]}; }
};

/// x, contiguous, as a stack of blocks [count, lengths..]; the last ones are padded with zeros.
Array split(const Array& x, const Blocks& blocks);
/// The inverse of `split`: an array of `shape`, contiguous.
Array join(const Array& x, const Blocks& blocks, const Shape& shape);

/// X X^T [count, n, n] for the unfoldings X of blocks x [count, lengths..] along axis `i`.
Array gram(const Array& x, std::size_t i);
/// The mode product of m [count, n, n], or m^T, and x along axis `i`.
Array multiply(const Array& m, const Array& x, std::size_t i, bool transposed = false);

}  // namespace newtape::optim::mode_products
