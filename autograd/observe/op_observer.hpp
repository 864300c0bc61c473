// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/source_location.hpp>

namespace newtape {

class Op;

/// Sees the operations of this thread while it is the innermost observer in scope. It must not throw, and not run
/// operations. Without one, operations do no more than without observers.
class OpObserver {
 public:
  OpObserver() noexcept;
  virtual ~OpObserver();
  OpObserver(const OpObserver&) = delete;
  OpObserver& operator=(const OpObserver&) = delete;

  /// A value of an operation was computed, and is about to be recorded; operations within pullbacks are not seen. Once
  /// for each value of an operation with several.
  virtual void on_op(const Op& op, SourceLocation location, const Array& value) noexcept = 0;
  /// A sweep calls the pullbacks of an operation; they are done.
  virtual void on_pullback_begin(const Op& op, SourceLocation location) noexcept = 0;
  virtual void on_pullback_end(const Op& op, SourceLocation location) noexcept = 0;

  /// The innermost observer in scope on this thread, or null.
  static OpObserver* current() noexcept;

 private:
  OpObserver* before_;
};

}  // namespace newtape
