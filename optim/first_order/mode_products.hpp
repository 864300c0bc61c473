// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstddef>

/// What Shampoo and SOAP have in common: a gradient seen along each of its axes as a stack of matrices.
namespace newtape::optim::mode_products {

/// How a parameter is cut into equal blocks. Axes of length 1 do not count; those beyond the fifth join it.
struct Blocks {
  static constexpr std::size_t max_axes = 5;

  Shape folded;   ///< the lengths of the axes that count
  Shape counts;   ///< blocks along each
  Shape lengths;  ///< of a block along each
  std::int64_t count = 1;

  /// No block is longer than `largest` along any axis.
  Blocks(const Shape& shape, std::int64_t largest);

  std::size_t axes() const noexcept { return folded.size(); }
  /// [count, n, n]: one square matrix for each block, for axis `i`.
  Shape square(std::size_t i) const { return {count, lengths[i], lengths[i]}; }
};

/// x, contiguous, as a stack of blocks [count, lengths..]; the last ones are filled up with zeros.
Array split(const Array& x, const Blocks& blocks);
/// The way back, to an array of `shape`, contiguous.
Array join(const Array& x, const Blocks& blocks, const Shape& shape);

/// Of blocks x [count, lengths..]: the products [count, n, n] of their matrices X along axis `i`, X X^T.
Array gram(const Array& x, std::size_t i);
/// m [count, n, n] times x along axis `i`; or m^T.
Array multiply(const Array& m, const Array& x, std::size_t i, bool transposed = false);

}  // namespace newtape::optim::mode_products
