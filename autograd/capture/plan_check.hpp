// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/captured_plan.hpp>
#include <newtape/autograd/capture/session.hpp>
#include <newtape/core/runtime/allocation_probe.hpp>

#include <span>
#include <string>
#include <vector>

namespace newtape::detail {

/// The difference of a plan that ended at a test of values whose result is another than in the recording: no fault.
inline constexpr const char* test_of_values = "a test of values";

/// Executes a function, and then its plan from the same state, and compares all bits of the results, of the states
/// before every call on the host, and of the states at the end. Calls on the host are executed once: the plan gets what
/// they left. Parameters, gradients and generators end as the function left them.
class PlanCheck final : public StateObserver, private CapturedPlan::HostStandIn {
 public:
  explicit PlanCheck(CapturedPlan& plan) : plan_(plan) {}

  std::vector<Tensor> run(const CaptureSession::Captured& f, std::span<const Tensor> arguments);
  /// What differed; empty if nothing did.
  const std::string& difference() const noexcept { return difference_; }

  void on_value(const SharedCell<Tensor>&) override {}
  void on_gradient(Node&, bool) override {}
  void on_condition(const void*, const std::string&, std::function<bool()>) override {}
  void on_host_call(const char* name, const void* object, const std::function<void()>& call) override;
  void refuse(const std::string&) override {}
  void give_up(const std::string&) override {}

 private:
  class PeakProbe;
  using States = std::vector<Array>;
  struct HostCall {
    std::string name;
    States before, after;
  };

  States copies() const;
  void compare(const States& expected, const std::string& when);
  void replay(std::span<const Tensor> arguments, const std::vector<Tensor>& expected, const States& at_start);
  void on_host_call() override;

  CapturedPlan& plan_;
  std::vector<HostCall> host_calls_;
  std::size_t next_ = 0;
  std::string difference_;
  AllocationProbe* outer_probe_ = nullptr;
};

}  // namespace newtape::detail
