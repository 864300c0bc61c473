// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <atomic>
#include <span>
#include <vector>

namespace newtape {

namespace detail {

/// Functions of fewer elements are called unfused: recording would take longer.
inline constexpr std::int64_t fuse_from = 16384;

/// `checked` is set once the function has been verified to be elementwise.
Tensor fuse_list(const Function& f, std::vector<In> operands, std::atomic<bool>& checked,
                 std::int64_t from = fuse_from);

/// One flag for each type of function.
template <class F>
inline std::atomic<bool> fuse_checked{false};

template <class F, std::size_t... I, class... X>
Tensor fuse(F f, std::index_sequence<I...>, X... operands) {
  std::vector<In> list;
  list.reserve(sizeof...(X));
  (list.push_back(std::move(operands)), ...);
  return fuse_list([f = std::move(f)](std::span<const Tensor> x) -> Tensor { return f(x[I]...); }, std::move(list),
                   fuse_checked<F>);
}

}  // namespace detail

/// f(x, ...) of an elementwise function in one pass over memory, and its gradients in another: intermediate results
/// stay in the cache.
///
///     const Tensor y = fuse([](auto x, auto b) { return tanh(0.5 * x) * x + b; }, x, b);
///
/// `f` takes and returns tensors, all expanded to the broadcast shape of the operands. It is called once on empty
/// placeholders, to record it, and again by a backward pass with create_graph, so capture by value. ValueError when it
/// calls an operation that is not elementwise, reads elements, or captures an array of more than one element or one
/// that depends on a variable: pass those as operands.
template <class F>
Tensor fuse(F f, In a) {
  return detail::fuse(std::move(f), std::make_index_sequence<1>(), std::move(a));
}
template <class F>
Tensor fuse(F f, In a, In b) {
  return detail::fuse(std::move(f), std::make_index_sequence<2>(), std::move(a), std::move(b));
}
template <class F>
Tensor fuse(F f, In a, In b, In c) {
  return detail::fuse(std::move(f), std::make_index_sequence<3>(), std::move(a), std::move(b), std::move(c));
}
template <class F>
Tensor fuse(F f, In a, In b, In c, In d) {
  return detail::fuse(std::move(f), std::make_index_sequence<4>(), std::move(a), std::move(b), std::move(c),
                      std::move(d));
}
template <class F>
Tensor fuse(F f, In a, In b, In c, In d, In e) {
  return detail::fuse(std::move(f), std::make_index_sequence<5>(), std::move(a), std::move(b), std::move(c),
                      std::move(d), std::move(e));
}
template <class F>
Tensor fuse(F f, In a, In b, In c, In d, In e, In x) {
  return detail::fuse(std::move(f), std::make_index_sequence<6>(), std::move(a), std::move(b), std::move(c),
                      std::move(d), std::move(e), std::move(x));
}

}  // namespace newtape
