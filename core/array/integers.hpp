// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

/// What C++ leaves undefined for i64: overflow, and the conversion of floats that do not fit. Kernels have these functions
/// without branches in kernels/isa/integers.hpp.
namespace newtape::detail {

/// a + b and a b, of integers modulo 2^64, as in NumPy.
template <class T>
constexpr T wrapping_add(T a, T b) noexcept {
  if constexpr (std::same_as<T, std::int64_t>) {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return a + b;
  }
}
template <class T>
constexpr T wrapping_mul(T a, T b) noexcept {
  if constexpr (std::same_as<T, std::int64_t>) {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  } else {
    return a * b;
  }
}

/// Whether x, without the digits after its point, is an i64; not so for NaN.
constexpr bool fits_i64(double x) noexcept { return x >= -0x1p63 && x < 0x1p63; }

/// x without the digits after its point, and -2^63 for NaN and numbers that do not fit: what x86 processors, and NumPy
/// and PyTorch on them, give; here on every machine. For the elements of arrays, as in core::cast.
constexpr std::int64_t truncate_to_i64(double x) noexcept {
  return fits_i64(x) ? static_cast<std::int64_t>(x) : std::numeric_limits<std::int64_t>::min();
}

/// x without the digits after its point, for numbers that a caller gives: ValueError naming `op` unless it fits.
std::int64_t checked_i64(std::string_view op, double x);

}  // namespace newtape::detail
