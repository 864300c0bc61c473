// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>

#include <cstdint>
#include <string_view>

namespace newtape::onnx {

/// The types of elements that a model declares, with the numbers of TensorProto.DataType. Newtape computes the integers in
/// i64 and the 16-bit floats in f32: a Value keeps the declared type beside its tensor.
enum class ElementType : std::uint8_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  complex128 = 15,
  bfloat16 = 16,
};

/// "float32", as NumPy calls it.
std::string_view name(ElementType type) noexcept;
/// float16, bfloat16, float32 and float64.
bool is_floating(ElementType type) noexcept;
/// Signed and unsigned integers; not boolean.
bool is_integer(ElementType type) noexcept;
/// The dtype that holds such elements, except where a model computes its floats in another one.
DType dtype_of_element(ElementType type) noexcept;
/// "f32" -> float32, "u8" -> uint8, and so on.
ElementType element_of_dtype(DType dtype) noexcept;

}  // namespace newtape::onnx
