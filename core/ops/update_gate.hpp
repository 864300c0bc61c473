// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

namespace newtape::core {

/// Gradients that are still on their way, from other processes for instance, while a step of an optimizer begins: its queue
/// updates each parameter when its gradient is there.
class UpdateGate {
 public:
  UpdateGate() = default;
  UpdateGate(const UpdateGate&) = delete;
  UpdateGate& operator=(const UpdateGate&) = delete;

  /// The place of the gradient at `g` in the order in which gradients arrive; several may share one.
  virtual std::size_t order(const void* g) const noexcept = 0;
  /// Waits for those with this place. May throw: updates that have run then stay.
  virtual void wait(std::size_t order) = 0;
  /// Waits for all.
  virtual void wait_all() = 0;

  /// That of the step which this thread is in; null without one.
  static UpdateGate*& current() noexcept;

 protected:
  ~UpdateGate() = default;
};

}  // namespace newtape::core
