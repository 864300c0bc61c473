// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <utility>
#include <vector>

namespace newtape::detail {

/// Receives the tensors that operations of this thread make of numbers; null unless a transform traces.
extern constinit thread_local std::vector<Tensor>* traced_numbers;

/// Collects them for a scope.
class TraceNumbers {
 public:
  explicit TraceNumbers(std::vector<Tensor>& into) noexcept : before_(std::exchange(traced_numbers, &into)) {}
  ~TraceNumbers() { traced_numbers = before_; }
  TraceNumbers(const TraceNumbers&) = delete;
  TraceNumbers& operator=(const TraceNumbers&) = delete;

 private:
  std::vector<Tensor>* before_;
};

}  // namespace newtape::detail
