// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/fuse/recording.hpp>

#include <string>
#include <utility>
#include <vector>

/// Other ways to compute what a recorded call does, among which a plan of calls chooses. All have the same bits.
namespace newtape::core {

/// What a function leaves for its pullback, in the place of operands and results that would be kept for it.
struct Residual {
  /// An operand of the pullback, and which operand of the function it is, or which result: -1 - its number.
  struct Replaced {
    std::size_t operand;
    int from;
  };
  /// Function: (results .., residual), from its operands. Pullback: its results, from the operands that are not replaced
  /// and the residual.
  using Write = CallRecorder::Update;

  std::string name;  ///< of the pair
  Write write;
  /// Of a function, and of its residual:
  DType dtype = f32;
  Shape shape = {};
  Write write_rectified = {};  ///< the same for relu of the first operand; may be null
  /// Of a pullback, whose first operand and result are the cotangents of those of the function:
  std::vector<Replaced> replaced = {};

  bool is_of_pullback() const { return !replaced.empty(); }
};

/// Tells the recorder of this thread about the residual of the call that is recorded in this scope.
class OfferedResidual {
 public:
  explicit OfferedResidual(Residual residual)
      : residual_(std::move(residual)), before_(std::exchange(current, &residual_)) {}
  ~OfferedResidual() { current = before_; }
  OfferedResidual(const OfferedResidual&) = delete;
  OfferedResidual& operator=(const OfferedResidual&) = delete;

  /// Null if there is none.
  static const Residual* offered() noexcept { return current; }

 private:
  static constinit thread_local const Residual* current;
  Residual residual_;
  const Residual* before_;
};

}  // namespace newtape::core
