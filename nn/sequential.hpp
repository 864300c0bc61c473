// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module.hpp>

#include <functional>
#include <memory>

namespace newtape::nn {

/// A function object `Tensor -> Tensor` as a module without parameters.
template <class F>
struct Lambda : Module<Lambda<F>> {
  explicit Lambda(F function) : f(std::move(function)) {}
  Tensor forward(In x) const {
    // An operation such as nt::relu may write over a temporary.
    if constexpr (std::same_as<F, Tensor (*)(In)>) {
      return f(std::move(x));
    } else {
      return f(x.tensor());
    }
  }
  F f;
};

/// Modules, lambdas and functions, applied one after the other: `Sequential(Linear(784, 512), nt::relu, Linear(512,
/// 10))`. Children are named "0", "1", ... by position.
class Sequential : public Module<Sequential> {
 public:
  template <class... Steps>
  explicit Sequential(Steps... steps) : steps_(std::make_shared<std::vector<Step>>()) {
    steps_->reserve(sizeof...(Steps));
    (push_back(std::move(steps)), ...);
  }

  /// Appends a step, which copies of this module see too.
  template <class S>
    requires std::is_invocable_r_v<Tensor, const S&, const Tensor&>
  void push_back(S step) {
    if constexpr (std::derived_from<S, ModuleBase>) {
      steps_->push_back(add(std::to_string(size()), std::move(step)));
    } else {
      push_back(Lambda<S>(std::move(step)));
    }
  }

  std::size_t size() const noexcept { return steps_->size(); }

  Tensor forward(In x) const {
    const Place place = x.place();
    if (steps_->empty()) return x;
    Tensor y = steps_->front()(std::move(x));
    for (std::size_t i = 1; i < steps_->size(); ++i) y = (*steps_)[i](In(std::move(y), place));
    return y;
  }

 private:
  using Step = std::function<Tensor(In)>;
  std::shared_ptr<std::vector<Step>> steps_;
};

}  // namespace newtape::nn
