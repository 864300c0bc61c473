// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Values as bytes, between processes of one program.
namespace newtape::mpi::detail {

/// Numbers, texts, pairs and vectors of these, and what shows its parts by `each_state`. Declared before they are defined,
/// as they call each other.
template <class T>
void pack(std::string& to, T& x);
template <class T>
void unpack(std::string_view& from, T& x);

template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

/// Appends x.
template <class T>
void pack(std::string& to, T& x) {
  using U = std::remove_const_t<T>;
  if constexpr (std::is_arithmetic_v<U>) {
    to.append(reinterpret_cast<const char*>(&x), sizeof x);
  } else if constexpr (is_pair<U>) {
    pack(to, x.first), pack(to, x.second);
  } else if constexpr (requires { x.size(); }) {
    const std::uint64_t n = x.size();
    pack(to, n);
    for (auto& item : x) pack(to, item);
  } else {
    x.each_state([&](auto& part) { pack(to, part); });
  }
}
template <class T>
void pack(std::string& to, T&& x) requires(!std::is_lvalue_reference_v<T>) {
  const auto value = std::move(x);
  pack(to, value);
}

/// Reads what `pack` wrote, and moves on.
template <class T>
void unpack(std::string_view& from, T& x) {
  if constexpr (std::is_arithmetic_v<T>) {
    std::memcpy(&x, from.data(), sizeof x);
    from.remove_prefix(sizeof x);
  } else if constexpr (is_pair<T>) {
    unpack(from, x.first), unpack(from, x.second);
  } else if constexpr (requires { x.size(); }) {
    std::uint64_t n = 0;
    unpack(from, n);
    x.resize(n);
    for (auto& item : x) unpack(from, item);
  } else {
    x.each_state([&](auto& part) { unpack(from, part); });
  }
}

}  // namespace newtape::mpi::detail
