// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/fuse/block_program.hpp>
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
class Recorder final : public CallRecorder {
 public:
  explicit Recorder(const Shape& shape) : CallRecorder(true), shape_(shape) {}

  /// A placeholder for the next input.
  Array input(DType dtype);
  /// The result of `kernel` on placeholders and one-element arrays. Repeated calls are recorded once.
  Array elementwise(std::string_view op, kernels::Kernel kernel, Operands in, DType dtype,
                    const std::function<Array()>& run) override;
  Array filled(const Shape& shape, double value, DType dtype) override;

  // What is not elementwise is refused.
  Array computed(std::string_view op, Operands in, const std::function<Array()>& run, Compute compute) override;
  std::vector<Array> recorded(std::string_view op, Operands in, Call call) override;
  void updated(std::string_view op, std::span<Array* const> targets, Operands in, Update update) override;
  Array drawn(std::string_view op, Generator& generator, std::function<Array()> draw) override;
  bool decided(std::string_view op, Operands in, Test test) override;
  Array empty(const Shape& shape, DType dtype) override;
  void constant(const Array& x) override;
  void adopted(const Array& x) override;
  void accessed(const Array& x) override;

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

}  // namespace newtape::core
