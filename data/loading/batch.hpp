// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace newtape::data {

namespace detail {
using Names = std::shared_ptr<const std::vector<std::string>>;  // shared by a data set and its batches
}

/// The arrays of one example or of a batch. Two arrays can be unpacked: `auto& [x, y] = batch;`
class Batch {
 public:
  Batch() = default;
  Batch(std::initializer_list<Array> arrays) : arrays_(arrays) {}
  explicit Batch(std::vector<Array> arrays, detail::Names names = {})
      : arrays_(std::move(arrays)), names_(std::move(names)) {}

  /// Number of arrays (not of examples).
  std::size_t size() const noexcept { return arrays_.size(); }
  /// ValueError if the index or name does not exist.
  const Array& operator[](std::size_t i) const { return arrays_[checked(i)]; }
  Array& operator[](std::size_t i) { return arrays_[checked(i)]; }
  const Array& operator[](std::string_view name) const { return arrays_[index(name)]; }
  Array& operator[](std::string_view name) { return arrays_[index(name)]; }

  auto begin() const noexcept { return arrays_.begin(); }
  auto end() const noexcept { return arrays_.end(); }

  /// All N arrays (ValueError if the number differs): `const auto [x, mask, y] = batch.unpack<3>();`
  template <std::size_t N>
  std::array<Array, N> unpack() const {
    expect_size(N);
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return std::array<Array, N>{arrays_[I]...}; }
    (std::make_index_sequence<N>());
  }

  /// For structured bindings to two names; ValueError unless there are exactly two arrays.
  template <std::size_t I>
  const Array& get() const {
    expect_size(2);
    return arrays_[I];
  }
  template <std::size_t I>
  Array& get() {
    expect_size(2);
    return arrays_[I];
  }

 private:
  std::size_t checked(std::size_t i) const {
    if (i >= arrays_.size()) out_of_range(i);
    return i;
  }
  [[noreturn]] void out_of_range(std::size_t i) const;
  std::size_t index(std::string_view name) const;
  void expect_size(std::size_t n) const;

  std::vector<Array> arrays_;
  detail::Names names_;
};

}  // namespace newtape::data

/// A batch of two arrays unpacks to them.
template <>
struct std::tuple_size<newtape::data::Batch> : std::integral_constant<std::size_t, 2> {};
/// Both parts of a batch are arrays.
template <std::size_t I>
struct std::tuple_element<I, newtape::data::Batch> {
  using type = newtape::Array;
};
