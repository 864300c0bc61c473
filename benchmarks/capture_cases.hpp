// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/tensor.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

/// What newtape_capture_bench measures.
namespace bench {

using Tensors = std::vector<newtape::Tensor>;

/// A step as it is and a captured one, of two models with the same weights.
struct Sides {
  std::function<Tensors()> eager, captured;
  std::function<void()> vary;           ///< replaces the first argument of both by 0.9 times that
  Tensors eager_state, captured_state;  ///< parameters: variables, whose gradients count too
  std::function<std::string()> plan;
  std::function<newtape::CaptureCounts()> counts;
  std::function<void()> capture_anew;  ///< records and checks another plan of the captured model
};

/// A workload of it.
struct CaptureCase {
  const char* name;
  double goal;  ///< the least ratio that is aimed at; 0: none
  const char* what;
  Sides (*make)();
  const char* libtorch = nullptr;  ///< the same work in torch_bench_worker
  double libtorch_goal = 0;        ///< the least ratio of its time to a replay's that is aimed at; 0: none
};

std::span<const CaptureCase> capture_cases();

}  // namespace bench
