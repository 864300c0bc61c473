// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

/// The gate of kernel calls: functions of arrays on this thread may be recorded, by `fuse` (recorder.hpp) instead of
/// being executed, or by `capture` (core/capture/) while they are.
namespace newtape {
class Array;
class Generator;

namespace core {

/// Borrowed operands of a call.
using Operands = std::span<const Array* const>;

/// Receives the calls of one thread. How a function of arrays is called again:
///
/// - `elementwise`: the kernel on blocks of any length;
/// - `computed`: a function that writes the given result, and allocates as little as possible;
/// - `recorded`: the function itself, whose results are copied;
/// - `updated`: a function that writes some of its operands in place;
/// - `drawn`: the function itself, which advances a generator;
/// - `decided`: a test of values that chooses between two ways to the same result.
///
/// Each of the first five executes the function (`run`), unless the recorder works on placeholders, and returns its
/// results. Recording is off in all functions that are passed.
class CallRecorder {
 public:
  /// Arrays have no elements yet: the functions are not executed.
  const bool placeholders;

  CallRecorder(const CallRecorder&) = delete;
  CallRecorder& operator=(const CallRecorder&) = delete;

  using Compute = std::function<void(Operands in, Array& out)>;
  using Call = std::function<std::vector<Array>(Operands in)>;
  using Update = std::function<void(std::span<Array* const> targets, Operands in)>;
  using Test = std::function<bool(Operands in)>;

  virtual Array elementwise(std::string_view op, kernels::Kernel kernel, Operands in, DType dtype,
                            const std::function<Array()>& run) = 0;
  virtual Array computed(std::string_view op, Operands in, const std::function<Array()>& run, Compute compute) = 0;
  virtual std::vector<Array> recorded(std::string_view op, Operands in, Call call) = 0;
  virtual void updated(std::string_view op, std::span<Array* const> targets, Operands in, Update update) = 0;
  virtual Array drawn(std::string_view op, Generator& generator, std::function<Array()> draw) = 0;
  virtual bool decided(std::string_view op, Operands in, Test test) = 0;

  /// An array of this shape whose elements are all `value`.
  virtual Array filled(const Shape& shape, double value, DType dtype) = 0;
  /// A new array that the caller is about to write.
  virtual Array empty(const Shape& shape, DType dtype) = 0;
  /// The elements of an array made by `empty` are numbers of the program.
  virtual void constant(const Array& x) = 0;
  /// An array on memory that is not Newtape's.
  virtual void adopted(const Array& x) = 0;
  /// Before the elements of `x` are accessed by the host.
  virtual void accessed(const Array& x) = 0;

 protected:
  explicit CallRecorder(bool works_on_placeholders) : placeholders(works_on_placeholders) {}
  ~CallRecorder() = default;
};

namespace detail {
extern constinit thread_local CallRecorder* current_recorder;
}

/// The recorder active on this thread, or null.
inline CallRecorder* recorder() noexcept { return detail::current_recorder; }
/// Whether functions on this thread are recorded on arrays that have no elements yet.
inline bool on_placeholders() noexcept { return recorder() != nullptr && recorder()->placeholders; }

/// Activates `recorder` on this thread for a scope; null deactivates recording.
class Recording {
 public:
  explicit Recording(CallRecorder* recorder) noexcept : before_(std::exchange(detail::current_recorder, recorder)) {}
  ~Recording() { detail::current_recorder = before_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  CallRecorder* before_;
};

/// ValueError: the function being recorded did something that is not elementwise.
[[noreturn]] void refuse_in_recording(const char* what);

}  // namespace core
}  // namespace newtape
