// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/runtime/source_location.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace newtape {

struct CaptureOptions {
  /// What cannot be recorded is called as it is from then on, and plan() says why; otherwise it is a ValueError.
  bool fallback = false;
  /// The first replay of each plan is compared with the function itself, bit for bit.
  bool check = true;
  /// Every so many calls a replay is compared with the function again; 0: never.
  std::int64_t check_every = 0;
  /// Plans that are kept; with more combinations of shapes, dtypes and modes the oldest is recorded anew.
  int max_plans = 8;
};

/// How often a captured function was called, and how.
struct CaptureCounts {
  std::int64_t recorded = 0;  ///< calls that recorded a plan
  std::int64_t checked = 0;   ///< calls that compared a replay with the function
  std::int64_t replayed = 0;
  std::int64_t eager = 0;  ///< calls of the function itself, without a plan
};

namespace detail {

class CapturedFunction {
 public:
  using Function = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
  /// `made_at` is named in errors of calls.
  CapturedFunction(Function f, const CaptureOptions& options, SourceLocation made_at = SourceLocation::current());
  CapturedFunction(CapturedFunction&&) noexcept;
  CapturedFunction& operator=(CapturedFunction&&) noexcept;
  ~CapturedFunction();

  std::vector<Tensor> call(std::vector<Tensor> arguments);
  std::string plan() const;
  std::string plan_to_dot() const;
  CaptureCounts counts() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// ValueError that a captured function is empty, made at that line.
[[noreturn]] void raise_empty_capture(SourceLocation made_at);

// Results of a captured function as a list of tensors, and back.
template <class R>
struct CaptureResult {
  static_assert(std::is_void_v<R>,
                "a captured function returns a Tensor, a vector, array, pair or tuple of them, or void");
};
template <>
struct CaptureResult<Tensor> {
  static std::vector<Tensor> split(Tensor y) { return {std::move(y)}; }
  static Tensor join(std::vector<Tensor> y) { return std::move(y[0]); }
};
template <>
struct CaptureResult<std::vector<Tensor>> {
  static std::vector<Tensor> split(std::vector<Tensor> y) { return y; }
  static std::vector<Tensor> join(std::vector<Tensor> y) { return y; }
};
template <class R>
  requires requires { std::tuple_size<R>::value; }
struct CaptureResult<R> {
  static std::vector<Tensor> split(R y) {
    return std::apply([](auto&... t) { return std::vector<Tensor>{std::move(t)...}; }, y);
  }
  static R join(std::vector<Tensor> y) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return R{std::move(y[I])...}; }
    (std::make_index_sequence<std::tuple_size_v<R>>());
  }
};

}  // namespace detail

/// A function of tensors whose calls are recorded and replayed: see `capture`.
template <class F>
class Captured {
 public:
  Captured(F f, const CaptureOptions& options, SourceLocation made_at = SourceLocation::current())
      : f_(std::make_unique<F>(std::move(f))), options_(options), made_at_(made_at) {
    // Function objects that may be empty, and pointers.
    if constexpr (requires { *f_ == nullptr; }) {
      if (*f_ == nullptr) detail::raise_empty_capture(made_at);
    }
  }

  /// f(x...), whose results are constants. ValueError where the function cannot be recorded, or where a replay differs
  /// from it; ValueError for an argument that depends on a variable.
  template <class... X>
  auto operator()(const X&... x) {
    using R = std::invoke_result_t<F&, std::conditional_t<true, const Tensor&, X>...>;
    if (function_ == nullptr) {
      auto call = [f = f_.get()](std::span<const Tensor> a) {
        return [&]<std::size_t... I>(std::index_sequence<I...>)->std::vector<Tensor> {
          if constexpr (std::is_void_v<R>) {
            (*f)(a[I]...);
            return {};
          } else {
            return detail::CaptureResult<R>::split((*f)(a[I]...));
          }
        }
        (std::index_sequence_for<X...>());
      };
      function_ = std::make_unique<detail::CapturedFunction>(std::move(call), options_, made_at_);
    }
    auto y = function_->call({static_cast<const Tensor&>(x)...});
    if constexpr (!std::is_void_v<R>) return detail::CaptureResult<R>::join(std::move(y));
  }

  /// The plans as text: calls, memory, what they depend on; and why calls were not recorded, if they were not.
  std::string plan() const { return function_ == nullptr ? "capture: not called yet\n" : function_->plan(); }
  /// The plan that was recorded last as a graph in the DOT language, for Graphviz.
  std::string plan_to_dot() const { return function_ == nullptr ? "digraph {}\n" : function_->plan_to_dot(); }
  CaptureCounts counts() const noexcept { return function_ == nullptr ? CaptureCounts() : function_->counts(); }

 private:
  std::unique_ptr<F> f_;
  CaptureOptions options_;
  SourceLocation made_at_;
  std::unique_ptr<detail::CapturedFunction> function_;
};

/// A function of tensors, typically a whole training step, that is recorded when it is first called, and later replayed as
/// a list of kernel calls on planned memory: without a tape, allocation, or checks of shapes.
///
///     auto step = nt::capture([&](const Tensor& x, const Tensor& y) {
///       optimizer.zero_grad();
///       const Tensor loss = mse_loss(model(x), y);
///       loss.backward();
///       optimizer.step();
///       return loss;
///     });
///     for (...) losses.push_back(step(x, y));
///
/// A replay computes what the function would, bit for bit; the second call checks that. It reads and writes parameters,
/// buffers, gradients and generators as the function does, and calls optimizers, clipping, averages and schedules
/// themselves. Numbers and tensors that the function captures are constants: pass what changes as an argument. It records
/// anew for other shapes, dtypes, modes of modules and frozen parameters. Reading a value (item(), a branch on data,
/// printing) is a ValueError while recording. What the function refers to must outlive the result, which one thread may
/// call at a time. ValueError for an empty function. See docs/capture.md.
template <class F>
Captured<F> capture(F f, const CaptureOptions& options = {}, SourceLocation made_at = SourceLocation::current()) {
  return Captured<F>(std::move(f), options, made_at);
}

}  // namespace newtape
