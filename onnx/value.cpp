// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/value.hpp>

#include <fmt/format.h>

#include <array>
#include <utility>

namespace newtape::onnx {

std::string_view name(ElementType type) noexcept {
  constexpr std::array<std::string_view, 17> names = {
      "undefined", "float32", "uint8",   "int8",   "uint16", "int16",     "int32",      "int64",   "string",
      "bool",      "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"};
  return names[static_cast<std::size_t>(type)];
}

bool is_floating(ElementType type) noexcept {
  using enum ElementType;
  return type == float32 || type == float64 || type == float16 || type == bfloat16;
}

bool is_integer(ElementType type) noexcept {
  using enum ElementType;
  return type == uint8 || type == int8 || type == uint16 || type == int16 || type == int32 || type == int64 ||
         type == uint32 || type == uint64;
}

DType dtype_of_element(ElementType type) noexcept {
  if (type == ElementType::boolean) return newtape::boolean;
  if (type == ElementType::float64 || type == ElementType::complex128) return f64;
  return is_integer(type) ? i64 : f32;
}

ElementType element_of_dtype(DType dtype) noexcept {
  switch (dtype) {
    case f32: return ElementType::float32;
    case f64: return ElementType::float64;
    case i64: return ElementType::int64;
    case boolean: return ElementType::boolean;
    case u8: return ElementType::uint8;
    case i8: return ElementType::int8;
    case i16: return ElementType::int16;
    case i32: return ElementType::int32;
    case u16: return ElementType::uint16;
    case u32: return ElementType::uint32;
    case u64: return ElementType::uint64;
    case f16: return ElementType::float16;
    case bf16: return ElementType::bfloat16;
  }
  return ElementType::undefined;
}

Value::Value(Tensor tensor) : tensor_(std::move(tensor)), kind_(Kind::tensor) {
  type_ = element_of_dtype(tensor_.dtype());
  if (is_storage(tensor_.dtype())) tensor_ = tensor_.to(dtype_of_element(type_));
}

Value::Value(Tensor tensor, ElementType type) : tensor_(std::move(tensor)), kind_(Kind::tensor), type_(type) {
  const DType dtype = tensor_.dtype();
  if (is_floating(type) ? !newtape::is_floating(dtype) : dtype != dtype_of_element(type)) {
    raise<DTypeError>("onnx::Value: the tensor cannot hold elements of this type",
                      fmt::format("{} for {}", name(dtype_of_element(type)), name(type)), describe(tensor_.value()));
  }
}

Value::Value(Strings strings)
    : strings_(std::make_shared<const Strings>(std::move(strings))), kind_(Kind::strings), type_(ElementType::string) {}

Value::Value(std::vector<Value> items, ElementType type)
    : sequence_(std::make_shared<const std::vector<Value>>(std::move(items))), kind_(Kind::sequence), type_(type) {}

const Tensor& Value::tensor() const& {
  if (kind_ != Kind::tensor) wrong_kind("a tensor");
  return tensor_;
}
Tensor Value::tensor() && {
  if (kind_ != Kind::tensor) wrong_kind("a tensor");
  return std::move(tensor_);
}
const Strings& Value::strings() const {
  if (kind_ != Kind::strings) wrong_kind("strings");
  return *strings_;
}
const std::vector<Value>& Value::sequence() const {
  if (kind_ != Kind::sequence) wrong_kind("a sequence");
  return *sequence_;
}
const Shape& Value::shape() const { return kind_ == Kind::strings ? strings_->shape : tensor().shape(); }

void Value::wrong_kind(const char* wanted) const {
  raise<ValueError>("onnx::Value: it holds something else", wanted, describe(*this));
}

std::string describe(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::tensor: return fmt::format("{} {}", name(value.type()), to_string(value.shape()));
    case Value::Kind::strings: return fmt::format("string {}", to_string(value.shape()));
    case Value::Kind::sequence: return fmt::format("a sequence of {}", value.sequence().size());
    default: return "nothing";
  }
}

}  // namespace newtape::onnx
