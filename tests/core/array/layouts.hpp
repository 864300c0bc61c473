// SPDX-License-Identifier: BSD-3-Clause
// Arrays in every layout, and their elements read one by one: references for the tests of core.
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/index.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace layouts {

using newtape::Array;
using newtape::Dims;
using newtape::DType;
using newtape::Shape;

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The element at a multi-index, computed from the strides.
inline double at(const Array& x, const Dims& index) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < index.size(); ++i) offset += index[i] * x.strides()[i];
  return newtape::visit_dtype(x.dtype(), [&]<class T>() { return static_cast<double>(x.data<T>()[offset]); });
}

/// Calls f(index) for every multi-index of the shape, in C order.
template <class F>
void each_index(const Shape& shape, const F& f) {
  if (newtape::element_count(shape) == 0) return;
  Dims index(shape.size());
  for (;;) {
    f(static_cast<const Dims&>(index));
    std::size_t i = shape.size();
    while (i > 0 && ++index[i - 1] == shape[i - 1]) index[--i] = 0;
    if (i == 0) return;
  }
}

/// All elements in C order.
inline std::vector<double> elements(const Array& x) {
  std::vector<double> values;
  each_index(x.shape(), [&](const Dims& index) { values.push_back(at(x, index)); });
  return values;
}

/// A contiguous array of these elements.
inline Array make(const Shape& shape, const std::vector<double>& values, DType dtype = newtape::f64) {
  Array x = Array::empty(shape, dtype);
  newtape::visit_dtype(dtype, [&]<class T>() {
    for (std::int64_t i = 0; i < x.size(); ++i) x.data<T>()[i] = static_cast<T>(values[static_cast<std::size_t>(i)]);
  });
  return x;
}

/// Small pseudorandom numbers; truncated for integers and booleans.
inline Array scattered(const Shape& shape, DType dtype = newtape::f64, std::uint64_t seed = 1) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < newtape::element_count(shape); ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    const double v = static_cast<double>(seed >> 40) * 0x1p-24 * 8 - 4;
    values.push_back(dtype == newtape::boolean ? static_cast<double>(v > 0) : v);
  }
  return make(shape, values, dtype);
}

struct Named {
  std::string name;
  Array array;
};

/// Three-dimensional arrays (unless the name says otherwise) with different memory layouts.
inline std::vector<Named> all(DType dtype) {
  namespace core = newtape::core;
  return {{"contiguous", scattered({3, 5, 7}, dtype)},
          {"long rows", scattered({2, 3, 300}, dtype)},
          {"long columns", scattered({300, 2, 3}, dtype)},
          {"reversed axes", core::permute(scattered({7, 5, 3}, dtype), {2, 1, 0})},
          {"rotated axes", core::permute(scattered({7, 3, 5}, dtype), {1, 2, 0})},
          {"swapped, large", core::transpose(scattered({2, 70, 90}, dtype), 1, 2)},
          {"every second column", core::slice(scattered({3, 5, 14}, dtype), 2, 1, 14, 2)},
          {"some columns", core::slice(scattered({3, 5, 14}, dtype), 2, 3, 10)},
          {"every third row", core::slice(scattered({3, 15, 7}, dtype), 1, 0, 15, 3)},
          {"rows broadcast", core::expand(scattered({3, 1, 7}, dtype), {3, 5, 7})},
          {"columns broadcast", core::expand(scattered({3, 5, 1}, dtype), {3, 5, 7})},
          {"two axes broadcast", core::expand(scattered({5, 1}, dtype), {3, 5, 7})},
          {"one element broadcast", core::expand(scattered({}, dtype), {3, 5, 7})},
          {"axes of length 1", scattered({1, 6, 1}, dtype)},
          {"0-d", scattered({}, dtype)},
          {"one axis", scattered({1000}, dtype)},
          {"five axes", core::permute(scattered({2, 3, 4, 2, 3}, dtype), {3, 1, 4, 0, 2})}};
}

}  // namespace layouts
