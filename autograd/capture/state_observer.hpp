// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/shared_cell.hpp>

#include <functional>
#include <string>

/// What a function that is captured does besides calling kernels: it reads and replaces values of parameters, buffers
/// and gradients, depends on modes, and calls functions that work on the host, such as a step of an optimizer.
namespace newtape {

class Tensor;

namespace detail {

class Node;

class StateObserver {
 public:
  StateObserver(const StateObserver&) = delete;
  StateObserver& operator=(const StateObserver&) = delete;

  /// Before the tensor in a cell is read or replaced.
  virtual void on_value(const SharedCell<Tensor>& cell) = 0;
  /// Before the gradient of a leaf is read, added to or, if `replaced`, set.
  virtual void on_gradient(Node& node, bool replaced) = 0;
  /// The function is the same only while `holds()` is true; `key` identifies the condition, `what` names it.
  virtual void on_condition(const void* key, const std::string& what, std::function<bool()> holds) = 0;
  /// Executes `call`, which reads and writes parameters and gradients, and makes the same call at each replay.
  /// `object` is what `call` belongs to, or null.
  virtual void on_host_call(const char* name, const void* object, const std::function<void()>& call) = 0;
  /// The function does something that cannot be replayed.
  virtual void refuse(const std::string& what) = 0;
  /// The same for what is not an error, such as hooks: the function is called as it is, without a plan.
  virtual void give_up(const std::string& reason) = 0;

 protected:
  StateObserver() = default;
  ~StateObserver() = default;
};

/// The observer of this thread, null unless a function is being captured.
extern constinit thread_local StateObserver* state_observer;

/// Out of line, so that accesses to cells stay short.
void observe_value(const SharedCell<Tensor>& cell);

/// Executes `call`; within a function that is captured, it is called again at each replay, instead of the kernels that it
/// calls. What it refers to must outlive the captured function: `object`, if not null, must not be local to that.
template <class F>
void host_call(const char* name, const void* object, const F& call) {
  if (state_observer == nullptr) return call();
  state_observer->on_host_call(name, object, call);
}

/// For functions whose effect on the host is not repeated by a replay.
inline void refuse_in_capture(const char* what) {
  if (state_observer != nullptr) [[unlikely]]
    state_observer->refuse(what);
}

/// Sets the observer for a scope.
class StateObserving {
 public:
  explicit StateObserving(StateObserver* observer) noexcept : before_(std::exchange(state_observer, observer)) {}
  ~StateObserving() { state_observer = before_; }
  StateObserving(const StateObserving&) = delete;
  StateObserving& operator=(const StateObserving&) = delete;

 private:
  StateObserver* before_;
};

}  // namespace detail
}  // namespace newtape
