// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/half.hpp>
#include <newtape/core/runtime/language.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace newtape {

/// The type of an array's elements, known at run time. Those from u8 on are for storage: such arrays are moved, indexed,
/// compared, printed, saved and converted; arithmetic on them is a DTypeError that names `to(f32)`.
enum class DType : std::uint8_t { f32, f64, i64, boolean, u8, i8, i16, i32, u16, u32, u64, f16, bf16 };

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType i64 = DType::i64;
inline constexpr DType boolean = DType::boolean;
inline constexpr DType u8 = DType::u8;
inline constexpr DType i8 = DType::i8;
inline constexpr DType i16 = DType::i16;
inline constexpr DType i32 = DType::i32;
inline constexpr DType u16 = DType::u16;
inline constexpr DType u32 = DType::u32;
inline constexpr DType u64 = DType::u64;
inline constexpr DType f16 = DType::f16;
inline constexpr DType bf16 = DType::bf16;

/// Every dtype, in the order of the enumeration.
inline constexpr DType all_dtypes[] = {f32, f64, i64, boolean, u8, i8, i16, i32, u16, u32, u64, f16, bf16};

/// Bytes of one element.
constexpr std::size_t item_size(DType t) noexcept {
  constexpr unsigned char sizes[] = {4, 8, 8, 1, 1, 1, 2, 4, 2, 4, 8, 2, 2};
  return sizes[static_cast<std::size_t>(t)];
}

/// f32 and f64: the floats that are computed with and that have derivatives.
constexpr bool is_floating(DType t) noexcept { return t == f32 || t == f64; }
/// f16 and bf16: floats for storage.
constexpr bool is_half(DType t) noexcept { return t >= f16; }
/// Signed and unsigned integers of any size; not boolean.
constexpr bool is_integer(DType t) noexcept { return t == i64 || (t >= u8 && t <= u64); }
/// u8, i8, i16, i32, u16, u32, u64, f16 and bf16: arrays of them are stored and converted, not computed with.
constexpr bool is_storage(DType t) noexcept { return t >= u8; }

/// The distance from 1 to the next number of a floating type.
constexpr double epsilon(DType t) noexcept {
  return t == f32 ? 0x1p-23 : t == f16 ? 0x1p-10 : t == bf16 ? 0x1p-7 : 0x1p-52;
}

/// "f32", "boolean" and so on: the name of the constant.
constexpr std::string_view name(DType t) noexcept {
  constexpr std::string_view names[] = {"f32", "f64", "i64", "boolean", "u8",  "i8",  "i16",
                                        "i32", "u16", "u32", "u64",     "f16", "bf16"};
  return names[static_cast<std::size_t>(t)];
}

/// A C++ number: an integer, a float or a bool.
template <class T> concept Arithmetic = std::is_arithmetic_v<T>;

/// The dtype in which values of the C++ type `T` are computed; every integer type maps to i64.
template <Arithmetic T>
inline constexpr DType dtype_of = std::same_as<T, bool> ? boolean
                                  : std::integral<T>    ? i64
                                  : (sizeof(T) <= 4)    ? f32
                                                        : f64;

namespace detail {

template <class T, class... Types>
constexpr std::size_t position_of() noexcept {
  std::size_t k = 0;
  static_cast<void>((... || (std::same_as<T, Types> ? true : (++k, false))));
  return k;
}

/// The number of the dtype whose elements are `T`s; 13 when there is none.
template <class T>
inline constexpr std::size_t element_number =
    position_of<T, float, double, std::int64_t, bool, std::uint8_t, std::int8_t, std::int16_t, std::int32_t,
                std::uint16_t, std::uint32_t, std::uint64_t, float16, bfloat16>();

/// Throws the DTypeError of a computation with elements that are for storage only.
[[noreturn]] void raise_storage(std::string_view op, DType t);

}  // namespace detail

/// C++ types that are stored as array elements.
template <class T> concept Element = detail::element_number<T> < std::size(all_dtypes);

/// The dtype whose elements are values of `T`.
template <Element T>
inline constexpr DType element_dtype = all_dtypes[detail::element_number<T>];

/// Calls `f.template operator()<T>()` with the element type of `t`, for computing: DTypeError for a storage dtype.
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
    case f32: return f.template operator()<float>();
    case f64: return f.template operator()<double>();
    case i64: return f.template operator()<std::int64_t>();
    case boolean: return f.template operator()<bool>();
    default: detail::raise_storage("arithmetic", t);
  }
}

}  // namespace newtape
