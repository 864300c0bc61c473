// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <array>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

/// Records which kernels elementwise functions call, instead of calling them.
namespace newtape::core {

inline constexpr int max_operands = 3;

/// A kernel's call: its operands are values that come before it.
struct Step {
  kernels::Kernel kernel;
  int count;
  std::array<int, max_operands> in;
};

/// One value of a program: an input, a constant, or the result of a step.
struct Value {
  enum Kind : std::uint8_t { input, constant, step };
  Kind kind;
  DType dtype;
  int index;       ///< of an input
  Array one;       ///< of a constant: its one element
  Step made = {};  ///< of a step
};

/// What was done to stand-ins for arrays of one shape, in an order in which it can be done again. A stand-in has that
/// shape, but no elements: whoever asks for them, or for new memory, is refused with a ValueError while a trace is on.
class Recorder {
 public:
  explicit Recorder(const Shape& shape) : shape_(shape) {}

  /// A stand-in for the next input.
  Array input(DType dtype);
  /// The result of `kernel` on stand-ins and one-element arrays. What was recorded before is not recorded twice.
  Array record(std::string_view op, kernels::Kernel kernel, std::span<const Array* const> in, DType dtype);
  /// An array of this shape whose elements are all `value`.
  Array filled(const Shape& shape, double value, DType dtype);

  /// Which value `x` stands for; that of a one-element array that was made elsewhere is a constant.
  int value_of(const Array& x);
  /// Whether `x` has no elements of its own.
  bool stands_in(const Array& x) const;

  const Shape& shape() const noexcept { return shape_; }
  const std::vector<Value>& values() const noexcept { return values_; }

 private:
  Array stand_in(int id, const Shape& shape, DType dtype);
  int add(Value value);

  Shape shape_;
  std::vector<Value> values_;
  int inputs_ = 0;
  std::vector<Array> seen_;                   // kept alive, so that no other array can have its address
  std::unordered_map<const void*, int> ids_;  // by the address of the first element
  std::map<std::array<std::intptr_t, 1 + max_operands>, int> steps_;
  std::map<std::pair<DType, double>, Array> numbers_;
};

/// Makes `trace` the one that records on this thread, for a scope; null: none.
class Recording {
 public:
  explicit Recording(Recorder* trace) noexcept : before_(std::exchange(detail::current_recorder, trace)) {}
  ~Recording() { detail::current_recorder = before_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  Recorder* before_;
};

}  // namespace newtape::core
