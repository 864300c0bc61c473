// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/tensor.hpp>

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace newtape::optim {

/// A function of a list of tensors that is recorded when it is called, and replayed: see `capture`. What cannot be
/// recorded is called as it is. Empty until it is given a function; copies share what was recorded.
class CapturedCalls {
 public:
  using F = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

  CapturedCalls() = default;
  explicit CapturedCalls(F f)
      : calls_(std::make_shared<newtape::detail::CapturedFunction>(std::move(f), CaptureOptions{.fallback = true},
                                                                   SourceLocation())) {}
  explicit operator bool() const noexcept { return static_cast<bool>(calls_); }
  std::vector<Tensor> operator()(std::vector<Tensor> xs) const { return calls_->call(std::move(xs)); }

 private:
  std::shared_ptr<newtape::detail::CapturedFunction> calls_;
};

}  // namespace newtape::optim
