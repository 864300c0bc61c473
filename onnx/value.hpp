// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/tensor.hpp>
#include <newtape/onnx/element_type.hpp>

#include <memory>
#include <string>
#include <vector>

namespace newtape::onnx {

/// A tensor of strings, in C order.
struct Strings {
  Shape shape;
  std::vector<std::string> values;
};

/// What flows along an edge of an ONNX graph: a tensor with its declared type, strings, a sequence of values, or nothing
/// (an empty optional). Cheap to copy.
class Value {
 public:
  /// What a value is.
  enum class Kind : std::uint8_t { none, tensor, strings, sequence };

  /// Nothing.
  Value() = default;
  /// A tensor of the type that its dtype has; one of a storage dtype is converted to i64 or f32, which hold it.
  Value(Tensor tensor);
  Value(const Parameter& parameter) : Value(parameter.tensor()) {}
  /// Of integers in i64, or floats in f32 or f64, as elements of another type. DTypeError when the dtype cannot hold it.
  Value(Tensor tensor, ElementType type);
  Value(Strings strings);
  /// A sequence; `type` is that of its tensors.
  Value(std::vector<Value> items, ElementType type);

  /// What it holds.
  Kind kind() const noexcept { return kind_; }
  bool is_none() const noexcept { return kind_ == Kind::none; }
  bool is_tensor() const noexcept { return kind_ == Kind::tensor; }
  /// Of the elements, or of the elements of a sequence's tensors.
  ElementType type() const noexcept { return type_; }

  /// ValueError when it is of another kind.
  const Tensor& tensor() const&;
  Tensor tensor() &&;
  const Strings& strings() const;
  const std::vector<Value>& sequence() const;
  /// Of a tensor or of strings.
  const Shape& shape() const;

 private:
  friend class Outputs;
  [[noreturn]] void wrong_kind(const char* wanted) const;

  Tensor tensor_;
  std::shared_ptr<const Strings> strings_;
  std::shared_ptr<const std::vector<Value>> sequence_;
  Kind kind_ = Kind::none;
  ElementType type_ = ElementType::undefined;
};

/// "float32 [2, 3]", "a sequence of 3".
std::string describe(const Value& value);

}  // namespace newtape::onnx
