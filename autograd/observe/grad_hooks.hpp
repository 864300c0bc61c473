// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

/// What a node of the graph keeps for those who look at its gradients, and what looks at every value while somebody
/// hunts a NaN.
namespace newtape {

class Op;

namespace detail {

/// Where gradients of one tensor gather, from sweeps in any thread.
class GradCell {
 public:
  Tensor get() const;
  void set(Tensor g);
  void add(Tensor g);

 private:
  mutable std::atomic_flag busy_;
  Tensor grad_;
};

/// What somebody asked to see or to change of the gradients that arrive at a node.
struct GradHooks {
  std::vector<std::shared_ptr<GradHook>> hooks;
  bool retain = false;
  GradCell grad;  ///< of a result that is to keep it
};

/// What DetectAnomaly looks for on this thread; 0 when none is in scope.
unsigned anomaly_checks() noexcept;
/// The first entry of `x` that is among the `watched`, in words; empty when there is none.
std::string first_anomaly(const Array& x, unsigned checks);
/// NumericalError when the result of an operation has such an entry.
void check_anomaly(const Op& op, SourceLocation location, const Array& value);

/// Sets watching aside for a scope: a sweep looks at what each pullback returns, and not into it.
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
