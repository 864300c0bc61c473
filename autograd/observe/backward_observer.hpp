// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <atomic>
#include <functional>
#include <memory>

namespace newtape {

namespace detail {
/// Whether any BackwardObserver exists.
extern constinit std::atomic<bool> backward_is_observed;
/// Calls the observers.
void observe_backward(const Tensor& output);
}  // namespace detail

/// While it exists, `f` receives every tensor that `backward()` is called for, on any thread, before its sweep. The
/// destructor may run at any time; a call in progress on another thread is not waited for.
class BackwardObserver {
 public:
  using Function = std::function<void(const Tensor& output)>;
  explicit BackwardObserver(Function f);
  ~BackwardObserver();
  BackwardObserver(const BackwardObserver&) = delete;
  BackwardObserver& operator=(const BackwardObserver&) = delete;

 private:
  std::shared_ptr<const Function> f_;
};

}  // namespace newtape
