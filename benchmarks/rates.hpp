// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "inputs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

/// The workloads with which the machine itself is measured: names and amounts, for the workers that run them and the
/// program that asks.
namespace bench::rates {

/// n in products of two n x n matrices.
inline constexpr int product_sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048};

inline std::string product_name(bool f64, int n) { return (f64 ? "product_f64_" : "product_f32_") + std::to_string(n); }
inline double product_operations(int n) { return 2.0 * n * n * n; }

/// Both factors, in the order of rows; every library multiplies the same.
template <class T>
std::vector<T> factor(int n, std::uint64_t stream) {
  return numbers<T>(static_cast<std::size_t>(n) * static_cast<std::size_t>(n), stream);
}

/// Source and destination of the largest copy, in bytes: twice the L3 cache, at least 128 MiB, at most 512 MiB.
inline std::size_t largest_copy() {
  const auto cache = static_cast<std::size_t>(std::max(0L, sysconf(_SC_LEVEL3_CACHE_SIZE)));
  return std::clamp(2 * cache, std::size_t{128} << 20, std::size_t{512} << 20);
}

/// Sizes of copies, source and destination together: four to an octave from 16 KiB on.
inline std::vector<std::size_t> copy_sizes() {
  std::vector<std::size_t> sizes;
  for (std::size_t octave = std::size_t{16} << 10; octave < largest_copy(); octave *= 2) {
    for (std::size_t quarters = 4; quarters < 8; ++quarters) sizes.push_back(octave / 4 * quarters);
  }
  while (sizes.back() >= largest_copy()) sizes.pop_back();
  sizes.push_back(largest_copy());
  return sizes;
}

/// The largest of copy_sizes() that is not above `bytes`, or the smallest.
inline std::size_t copy_size(double bytes) {
  const auto sizes = copy_sizes();
  const auto above =
      std::upper_bound(sizes.begin(), sizes.end(), bytes, [](double b, std::size_t s) { return b < double(s); });
  return above == sizes.begin() ? sizes.front() : *(above - 1);
}

inline std::string copy_name(std::size_t bytes) { return "copy_" + std::to_string(bytes); }

/// How often a step repeats a copy, so that starting threads costs nothing beside it. Even: see memory/copies.cpp.
inline std::size_t copy_repeats(std::size_t bytes) {
  return std::max<std::size_t>(2, (std::size_t{64} << 20) / bytes / 2 * 2);
}

}  // namespace bench::rates
