// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <bit>
#include <cstdint>

namespace newtape {

namespace detail {

// The kernels in core/kernels/isa/convert.cpp do the same without branches.

/// The float with the value of an IEEE 754 binary16 number; exact.
constexpr float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 112;  // the biases are 15 and 127
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

/// The nearest binary16 number, ties to even. A NaN keeps its sign and the upper bits of its payload, and is quiet.
constexpr std::uint16_t float_to_half(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
  } else if (magnitude >= 0x47800000U) {  // 2^16 and more
    half = 0x7C00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: the addition rounds to multiples of 2^-24
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  } else {
    half = (magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13) & 1U)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

constexpr float bfloat_to_float(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// The nearest bfloat16, ties to even; NaN as in float_to_half.
constexpr std::uint16_t float_to_bfloat(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// x as a float rounded to odd, which a second rounding to fewer bits takes to the same number as one rounding of x
/// (Boldo and Melquiond 2008).
constexpr float round_to_odd(double x) noexcept {
  const auto nearest = static_cast<float>(x);
  const auto back = static_cast<double>(nearest);
  if (back == x || x != x) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if ((back < 0 ? -back : back) > (x < 0 ? -x : x)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1U);
}

}  // namespace detail

/// An IEEE 754 binary16 number, for storage: computing converts it to float.
struct float16 {
  std::uint16_t bits;

  float16() = default;
  /// Rounds to nearest, ties to even.
  constexpr explicit float16(float x) noexcept : bits(detail::float_to_half(x)) {}
  constexpr explicit float16(double x) noexcept : bits(detail::float_to_half(detail::round_to_odd(x))) {}
  constexpr explicit float16(int x) noexcept : float16(static_cast<double>(x)) {}
  constexpr operator float() const noexcept { return detail::half_to_float(bits); }
};

/// The upper half of a float, for storage: computing converts it to float.
struct bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;
  /// Rounds to nearest, ties to even.
  constexpr explicit bfloat16(float x) noexcept : bits(detail::float_to_bfloat(x)) {}
  constexpr explicit bfloat16(double x) noexcept : bits(detail::float_to_bfloat(detail::round_to_odd(x))) {}
  constexpr explicit bfloat16(int x) noexcept : bfloat16(static_cast<double>(x)) {}
  constexpr operator float() const noexcept { return detail::bfloat_to_float(bits); }
};

}  // namespace newtape
