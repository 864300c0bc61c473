// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/fuse/recording.hpp>

#include <array>
#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

/// How a function of arrays lets the active recorder see its calls:
///
///     Array cumsum(Array x, std::int64_t axis, bool reverse) {
///       if (recorder() != nullptr) return record_call("cumsum", [=](const Array& a) { return cumsum(a, axis, reverse); }, x);
namespace newtape::core {

namespace detail {
template <class F, std::size_t... I>
auto call_on(const F& f, [[maybe_unused]] Operands in, std::index_sequence<I...>) {
  return f(*in[I]...);
}
}  // namespace detail

/// Records f(x...), which returns an array, and returns its result. An operand may be undefined.
template <class F, std::same_as<Array>... X>
[[gnu::cold, gnu::noinline]] Array record_call(std::string_view op, F f, const X&... x) {
  const std::array<const Array*, sizeof...(X)> in{&x...};
  auto results = recorder()->recorded(op, in, [f = std::move(f)](Operands a) {
    return std::vector<Array>{detail::call_on(f, a, std::index_sequence_for<X...>())};
  });
  return std::move(results[0]);
}

/// Records a call whose result `run()` computes, and for which `write(out, x...)` writes the same into a given array.
template <class Run, class Write, std::same_as<Array>... X>
[[gnu::cold, gnu::noinline]] Array record_computed(std::string_view op, const Run& run, Write write, const X&... x) {
  const std::array<const Array*, sizeof...(X)> in{&x...};
  return recorder()->computed(op, in, run, [write = std::move(write)](Operands a, Array& out) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { write(out, *a[I]...); }
    (std::index_sequence_for<X...>());
  });
}

/// The same for a function that returns an aggregate: `split` makes a vector of arrays of it, `join` the aggregate again.
template <class F, class Split, class Join, std::same_as<Array>... X>
[[gnu::cold, gnu::noinline]] auto record_results(std::string_view op, F f, Split split, Join join, const X&... x) {
  const std::array<const Array*, sizeof...(X)> in{&x...};
  return join(recorder()->recorded(op, in, [f = std::move(f), split](Operands a) -> std::vector<Array> {
    return split(detail::call_on(f, a, std::index_sequence_for<X...>()));
  }));
}

/// The same for a function that returns an aggregate `R` of two, three or four arrays.
template <class R, class F, std::same_as<Array>... X>
[[gnu::cold, gnu::noinline]] R record_arrays(std::string_view op, F f, const X&... x) {
  const auto split = [](R r) -> std::vector<Array> {
    if constexpr (requires { R{{}, {}, {}, {}}; }) {
      auto& [a, b, c, d] = r;
      return {std::move(a), std::move(b), std::move(c), std::move(d)};
    } else if constexpr (requires { R{{}, {}, {}}; }) {
      auto& [a, b, c] = r;
      return {std::move(a), std::move(b), std::move(c)};
    } else {
      auto& [a, b] = r;
      return {std::move(a), std::move(b)};
    }
  };
  const auto join = [](std::vector<Array> y) -> R {
    if constexpr (requires { R{{}, {}, {}, {}}; }) {
      return {std::move(y[0]), std::move(y[1]), std::move(y[2]), std::move(y[3])};
    } else if constexpr (requires { R{{}, {}, {}}; }) {
      return {std::move(y[0]), std::move(y[1]), std::move(y[2])};
    } else {
      return {std::move(y[0]), std::move(y[1])};
    }
  };
  return record_results(op, std::move(f), split, join, x...);
}

/// Records f(list), which returns a list of arrays.
template <class F>
[[gnu::cold, gnu::noinline]] std::vector<Array> record_lists(std::string_view op, F f, std::span<const Array> list) {
  std::vector<const Array*> in;
  for (const auto& x : list) in.push_back(&x);
  return recorder()->recorded(op, in, [f = std::move(f)](Operands a) {
    std::vector<Array> all;
    for (const auto* x : a) all.push_back(*x);
    return f(std::span<const Array>(all));
  });
}

/// The same for a function that returns one array.
template <class F>
[[gnu::cold, gnu::noinline]] Array record_list_call(std::string_view op, F f, std::span<const Array> list) {
  return std::move(record_lists(
      op, [f = std::move(f)](std::span<const Array> all) { return std::vector<Array>{f(all)}; }, list)[0]);
}

/// A test f(x...) of values that chooses between two ways to the same result.
template <class F, std::same_as<Array>... X>
[[gnu::cold, gnu::noinline]] bool record_decision(std::string_view op, F f, const X&... x) {
  const std::array<const Array*, sizeof...(X)> in{&x...};
  return recorder()->decided(
      op, in, [f = std::move(f)](Operands a) { return detail::call_on(f, a, std::index_sequence_for<X...>()); });
}

/// A call that writes `target` in place: f(target, x...).
template <class F, std::same_as<Array>... X>
[[gnu::cold, gnu::noinline]] void record_update(std::string_view op, F f, Array& target, const X&... x) {
  Array* const targets[] = {&target};
  const auto update = [f = std::move(f)](std::span<Array* const> t, Operands a) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { f(*t[0], *a[I]...); }
    (std::index_sequence_for<X...>());
  };
  const std::array<const Array*, sizeof...(X)> in{&x...};
  recorder()->updated(op, targets, in, update);
}

}  // namespace newtape::core
