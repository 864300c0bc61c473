// SPDX-License-Identifier: BSD-3-Clause
// Reproducible numbers for tests, and comparisons of arrays. Values with a tolerance: reference.hpp.
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <cstring>

namespace newtape {
class Tensor;
}

/// Normal numbers that depend on the seed only, as a Tensor, or as an Array: normal<Array>({2, 3}, 1).
template <class T = newtape::Tensor>
T normal(const newtape::Shape& shape, std::uint64_t seed, newtape::DType dtype = newtape::f64) {
  newtape::Generator generator(seed);
  return T(newtape::random::normal(shape, 0, 1, dtype, generator));
}

/// The same shape, dtype and bits, of NaN and -0, too.
inline bool same_bits(const newtape::Array& a, const newtape::Array& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const newtape::Array x = newtape::core::contiguous(a);
  const newtape::Array y = newtape::core::contiguous(b);
  const auto bytes = static_cast<std::size_t>(x.size()) * newtape::item_size(x.dtype());
  return bytes == 0 || std::memcmp(x.raw(), y.raw(), bytes) == 0;
}
