// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/state.hpp>
#include <newtape/core/capture/plan.hpp>
#include <newtape/core/runtime/random.hpp>

#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace newtape::detail {

/// Dtypes, shapes and layouts of the arguments, and what else of the thread selects a plan.
struct CaptureKey {
  struct Argument {
    DType dtype;
    Shape shape;
    Strides strides;
    friend bool operator==(const Argument&, const Argument&) = default;
  };
  std::vector<Argument> arguments;
  bool recording;
  int threads;
  std::thread::id thread;
  bool mixed;  ///< precision, see Autocast

  friend bool operator==(const CaptureKey&, const CaptureKey&) = default;
  static CaptureKey of(std::span<const Tensor> arguments);
  /// *this == of(arguments), without making that.
  bool fits(std::span<const Tensor> arguments) const;
};

/// A condition under which a plan is valid.
struct CaptureCondition {
  std::string what;
  std::function<bool()> holds;
};

/// A recorded function: the list of calls, the states that they use, and the conditions under which it is valid.
class CapturedPlan {
 public:
  CapturedPlan() = default;
  CapturedPlan(const CapturedPlan&) = delete;
  CapturedPlan& operator=(const CapturedPlan&) = delete;

  /// Empty if the plan may run now, else the reason why not.
  std::string mismatch() const;
  /// Executes the plan. Undefined when a test of values had another result than in the recording; nothing outside of
  /// the plan has changed then. ValueError when that happens after a state was changed.
  bool replay(std::span<const Tensor> arguments, std::vector<Tensor>& results);

  /// Copies a state's new value into its own memory.
  void publish(CapturedState& state, const Array& value);
  void publish_undefined(CapturedState& state);
  /// A call on the host, with the states' addresses afterwards.
  void call_host(const std::function<void()>& call);

  /// Takes the place of calls on the host while a plan is checked.
  class HostStandIn {
   public:
    virtual void on_host_call() = 0;

   protected:
    ~HostStandIn() = default;
  };
  HostStandIn* stand_in = nullptr;

  CaptureKey key;
  core::CallPlan plan;
  std::vector<std::unique_ptr<CapturedState>> states;
  std::vector<CaptureCondition> conditions;
  std::vector<int> inputs;                                   ///< block of each argument
  std::vector<std::pair<Generator*, Generator>> generators;  ///< drawn from, with the state when the recording started
  bool checked = false;
  std::int64_t eager_peak = -1;  ///< bytes that the function allocates beyond what is there before; -1: not known
  int misses = 0;                ///< checks that ended at a test of values with another result
  std::int64_t runs = 0;

 private:
  /// Memory for this run, taken back unless the run ends.
  class FreshMemory;

  void bind_states();
  CapturedState& state_of(int index) const;

  bool changed_ = false;  ///< the run has changed a state
};

}  // namespace newtape::detail
