// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/captured_plan.hpp>
#include <newtape/core/capture/plan_recorder.hpp>

#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace newtape::detail {

/// Records one execution of a function into a CapturedPlan.
class CaptureSession final : public StateObserver {
 public:
  CaptureSession(CapturedPlan& plan, bool tolerant) : plan_(plan), recorder_(plan.plan, tolerant) {}

  using Captured = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
  /// f(arguments), recorded.
  std::vector<Tensor> run(const Captured& f, std::span<const Tensor> arguments);
  /// Why the plan must not be used; empty if it may.
  const std::string& failure() const noexcept { return recorder_.failure(); }

  void on_value(const SharedCell<Tensor>& cell) override;
  void on_gradient(Node& node, bool replaced) override;
  void on_condition(const void* key, const std::string& what, std::function<bool()> holds) override;
  void on_host_call(const char* name, const void* object, const std::function<void()>& call) override;
  void refuse(const std::string& what) override { recorder_.refuse(what); }
  void give_up(const std::string& reason) override { recorder_.give_up(reason); }

 private:
  CapturedState& add(std::unique_ptr<CapturedState> state, const Array& now);
  void drop_local_gradients();
  void publish_changes();
  void publish(CapturedState& state, const Array& now);

  CapturedPlan& plan_;
  core::PlanRecorder recorder_;
  std::unordered_map<const void*, CapturedState*> known_;
  std::set<const void*> conditions_;
};

}  // namespace newtape::detail
