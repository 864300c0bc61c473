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

/// Records the kernel calls of elementwise functions instead of executing them.
namespace newtape::core {

inline constexpr int max_operands = 3;

/// A kernel call; operands are ids of earlier values.
struct Step {
  kernels::Kernel kernel;
  int count;
  std::array<int, max_operands> in;
};

/// A value of a program: an input, a constant, or the result of a step.
struct Value {
  enum Kind : std::uint8_t { input, constant, step };
  Kind kind;
  DType dtype;
  int index;       ///< index of an input
  Array one;       ///< the single element of a constant
  Step made = {};  ///< the call that computes a step
};

/// Straight-line program recorded on placeholder arrays of one shape; replayable. A placeholder has no elements:
/// reading them, or allocating memory, raises ValueError while recording is on.
class Recorder {
 public:
  explicit Recorder(const Shape& shape) : shape_(shape) {}

  /// A placeholder for the next input.
  Array input(DType dtype);
  /// The result of `kernel` on placeholders and one-element arrays. Repeated calls are recorded once.
  Array record(std::string_view op, kernels::Kernel kernel, std::span<const Array* const> in, DType dtype);
  /// An array of this shape whose elements are all `value`.
  Array filled(const Shape& shape, double value, DType dtype);

  /// The value id of `x`; a one-element array created outside the recording becomes a constant.
  int value_of(const Array& x);
  /// Whether `x` is a placeholder.
  bool stands_in(const Array& x) const;

  const Shape& shape() const noexcept { return shape_; }
  const std::vector<Value>& values() const noexcept { return values_; }

 private:
  Array placeholder(int id, const Shape& shape, DType dtype);
  int add(Value value);

  Shape shape_;
  std::vector<Value> values_;
  int inputs_ = 0;
  std::vector<Array> seen_;                   // keeps the arrays alive, so that their addresses are not reused
  std::unordered_map<const void*, int> ids_;  // keyed by the address of the first element
  std::map<std::array<std::intptr_t, 1 + max_operands>, int> steps_;
  std::map<std::pair<DType, double>, Array> numbers_;
};

/// Activates `recorder` on this thread for a scope; null deactivates recording.
class Recording {
 public:
  explicit Recording(Recorder* recorder) noexcept : before_(std::exchange(detail::current_recorder, recorder)) {}
  ~Recording() { detail::current_recorder = before_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  Recorder* before_;
};

}  // namespace newtape::core
