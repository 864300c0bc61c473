// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace newtape {

/// The type of an array's elements, known at run time.
enum class DType : std::uint8_t { f32, f64, i64, boolean };

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType i64 = DType::i64;
inline constexpr DType boolean = DType::boolean;

/// Bytes of one element.
constexpr std::size_t item_size(DType t) noexcept { return t == f32 ? 4 : t == boolean ? 1 : 8; }

constexpr bool is_floating(DType t) noexcept { return t == f32 || t == f64; }

/// The distance from 1 to the next number of a floating type.
constexpr double epsilon(DType t) noexcept { return t == f32 ? 0x1p-23 : 0x1p-52; }

constexpr std::string_view name(DType t) noexcept {
  return t == f32 ? "f32" : t == f64 ? "f64" : t == i64 ? "i64" : "boolean";
}

/// C++ types that are stored as array elements.
template <class T>
concept Element =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t> || std::same_as<T, bool>;

/// A C++ number: an integer, a float or a bool.
template <class T> concept Arithmetic = std::is_arithmetic_v<T>;

/// The dtype for values of the C++ type `T`; every integer type maps to i64.
template <Arithmetic T>
inline constexpr DType dtype_of = std::same_as<T, bool> ? boolean
                                  : std::integral<T>    ? i64
                                  : (sizeof(T) <= 4)    ? f32
                                                        : f64;

/// Calls `f.template operator()<T>()` with the element type of `t`.
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
    case f32: return f.template operator()<float>();
    case f64: return f.template operator()<double>();
    case i64: return f.template operator()<std::int64_t>();
    default: return f.template operator()<bool>();
  }
}

}  // namespace newtape
