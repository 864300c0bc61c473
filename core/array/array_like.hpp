// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <utility>

namespace newtape {

/// A parameter of functions of arrays that accept what holds an array, too: a tensor, a model's parameter.
class ArrayLike : public Array {
 public:
  ArrayLike(Array x) noexcept : Array(std::move(x)) {}
  template <class Holder>
    requires requires(const Holder& x) {
      { x.value() } -> std::same_as<const Array&>;
    }
  ArrayLike(const Holder& x) : Array(x.value()) {}
};

}  // namespace newtape
