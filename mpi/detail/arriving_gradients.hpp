// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/update_gate.hpp>
#include <newtape/mpi/detail/reducer.hpp>
#include <newtape/optim/optimizer.hpp>

namespace newtape::mpi::detail {

/// Whether a step of this optimizer reads each gradient in its queue of updates only, but for hooks.
bool updates_wait_for_gradients(const optim::Optimizer& optimizer);

/// Within its scope an optimizer updates parameters as their gradients arrive at a Reducer.
class ArrivingGradients final : public core::UpdateGate {
 public:
  explicit ArrivingGradients(Reducer& reducer) : reducer_(reducer), before_(current()) { current() = this; }
  ~ArrivingGradients() { current() = before_; }

  /// By the buckets, after what is in none.
  std::size_t order(const void* g) const noexcept override {
    const auto bucket = reducer_.bucket_at(g);
    return bucket == reducer_.buckets() ? 0 : bucket + 1;
  }
  void wait(std::size_t order) override {
    if (order > 0) reducer_.finish_bucket(order - 1);
  }
  void wait_all() override { reducer_.finish({}); }

 private:
  Reducer& reducer_;
  core::UpdateGate* before_;
};

}  // namespace newtape::mpi::detail
