// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/owner.hpp>
#include <newtape/inspect/diagnosis/evidence.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <memory>

namespace newtape::inspect {

struct StepWitnessOptions {
  /// Looks at two consecutive steps out of so many, at least 2, and in turns out of one more, so that what a program does in
  /// each n-th step is seen.
  std::int64_t every = 10;
  std::int64_t max_elements = 1 << 10;  ///< of each parameter; see core::summarize
  std::size_t history = 256;            ///< cosines kept
};

/// What a Probe does not see of a run: whether consecutive steps and gradients turn round, whether parameters change
/// between steps, and in which mode the model is evaluated. The destructor ends it; model and optimizer may be destroyed
/// before.
class StepWitness {
 public:
  StepWitness(const nn::ModuleBase& model, const optim::Optimizer& optimizer, const StepWitnessOptions& options = {});
  StepWitness(StepWitness&&) noexcept;
  StepWitness& operator=(StepWitness&&) = delete;
  ~StepWitness();

  void detach() noexcept;
  StepFacts facts() const;

 private:
  struct State;
  newtape::detail::Shared<State> state_;
};

}  // namespace newtape::inspect
