// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/owner.hpp>
#include <newtape/nn/module/draw_order.hpp>
#include <newtape/nn/module/module.hpp>

#include <concepts>
#include <type_traits>
#include <vector>

namespace newtape::nn {

/// A function object `Tensor -> Tensor` as a module without parameters.
template <class F>
struct Lambda : Module<Lambda<F>> {
  static constexpr bool calls_user = true;
  explicit Lambda(F function) : f(std::move(function)) {}
  Tensor forward(In x) const {
    // An operation such as nt::relu may overwrite a temporary.
    if constexpr (std::same_as<F, Tensor (*)(In)>) {
      return f(std::move(x));
    } else {
      return f(x.tensor());
    }
  }
  F f;
};

namespace detail {
/// A type-erased step of a Sequential.
struct Step {
  Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;
  virtual Tensor run(In x) const = 0;
  virtual newtape::detail::Owner<Step> copy() const = 0;
};
template <class S>
struct StepOf final : Step {
  explicit StepOf(const S& s) : step(s) {}
  Tensor run(In x) const override { return step(std::move(x)); }
  newtape::detail::Owner<Step> copy() const override { return newtape::detail::Owner<Step>(new StepOf(step)); }
  S step;
};
}  // namespace detail

/// What can be called with a tensor and returns one.
template <class S> concept SequentialStep = std::is_invocable_r_v<Tensor, const S&, const Tensor&>;

/// Modules, lambdas and functions applied in sequence: `Sequential(Linear(784, 512), nt::relu, Linear(512, 10))`.
/// Children are named "0", "1", ... by position. Weights of layers that are constructed as arguments are drawn in their
/// order, whatever the compiler; construct parametrized layers beforehand.
class Sequential : public Module<Sequential> {
 public:
  static constexpr bool calls_user = true;
  template <class... Args>
    requires(sizeof...(Args) != 1 || !(std::same_as<std::remove_cvref_t<Args>, Sequential> && ...))
  explicit Sequential(Args&&... steps) : Sequential(Empty()) {
    // The compiler may construct the arguments in any order; their weights are drawn from first to last.
    std::vector<ModuleBase> fresh;
    (add_temporary<Args>(fresh, steps), ...);
    detail::draw_in_order(fresh);
    (push_back(steps), ...);
  }

  /// Appends a step, also to all copies of this module.
  template <SequentialStep S>
  void push_back(const S& step) {
    if constexpr (std::derived_from<S, ModuleBase>) {
      append(step, new detail::StepOf<S>(step));
    } else if constexpr (std::is_function_v<S>) {
      push_back(&step);
    } else {
      push_back(Lambda<S>(step));
    }
  }

  /// The number of steps.
  std::size_t size() const;

  /// All steps, one after the other.
  Tensor forward(In x) const;

  Sequential(const Sequential& other);
  Sequential(Sequential&&) noexcept;
  Sequential& operator=(const Sequential& other);
  Sequential& operator=(Sequential&&) noexcept;
  ~Sequential();

 private:
  template <class S>
  static void add_temporary(std::vector<ModuleBase>& list, const std::remove_reference_t<S>& step) {
    if constexpr (!std::is_lvalue_reference_v<S> && std::derived_from<std::remove_cvref_t<S>, ModuleBase>) {
      list.push_back(step);
    }
  }
  struct Empty {};
  struct Steps;
  explicit Sequential(Empty);
  /// Takes ownership of the step.
  void append(const ModuleBase& child, detail::Step* step);

  newtape::detail::SharedCell<Steps> steps_;
};

}  // namespace newtape::nn
