// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <atomic>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// Gradient hooks, retained gradients and anomaly checks of a node.
namespace newtape {

class Op;

namespace detail {

/// The accumulated gradient of one tensor; thread-safe.
class GradCell {
 public:
  Tensor get() const;
  void set(Tensor g);
  void add(Tensor g);
  /// Replaces the gradient and returns the old one.
  Tensor exchange(Tensor g);

 private:
  mutable std::atomic_flag busy_;
  Tensor grad_;
};

/// Hooks on the gradient of a node, and its retained gradient.
struct GradHooks {
  std::vector<std::shared_ptr<GradHook>> hooks;
  bool retain = false;
  GradCell grad;  ///< used when `retain` is set
};

/// Whether results of operations on this thread go to `check_anomaly`: a bit set of the checks that DetectAnomaly has
/// turned on, and of an OpObserver; 0 when none is in scope.
inline unsigned instrumented() noexcept { return instrumentation; }
/// Describes the first entry of `x` that fails one of the `checks`; empty when there is none.
std::string first_anomaly(const Array& x, unsigned checks);
/// "f64 [2, 3] in [-1, 4]", the range of the finite elements, and how many are not finite.
std::string range_text(const Array& x);
/// Shows `value`, the result of `op`, to the OpObserver in scope. NumericalError with the ranges of the operands (those
/// that are not null, or undefined) when it fails a check of this thread.
void check_anomaly(const Op& op, SourceLocation location, const Array& value,
                   std::initializer_list<const Tensor*> operands);
void check_anomaly(const Op& op, SourceLocation location, const Array& value, std::span<const Tensor> operands);

/// Turns anomaly checks off for a scope: a sweep checks the results of pullbacks, not the operations inside them.
class AnomalyPause {
 public:
  AnomalyPause() noexcept;
  ~AnomalyPause();
  AnomalyPause(const AnomalyPause&) = delete;
  AnomalyPause& operator=(const AnomalyPause&) = delete;

 private:
  unsigned before_;
};

}  // namespace detail
}  // namespace newtape
