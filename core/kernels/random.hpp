// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// Inner loops of random number generation. Bitwise equal results with every instruction set.
namespace newtape::core::kernels {

/// Blocks are computed `lanes` at a time and stored word by word: word 0 of all lanes, then word 1, and so on.
inline constexpr std::int64_t lanes = 32;
inline constexpr std::int64_t group_words = 4 * lanes;

struct RandomTable {
  /// The words of `groups` groups of blocks, from block `first` on, to out[groups * group_words].
  void (*words)(std::uint64_t seed, std::uint64_t first, std::int64_t groups, std::uint32_t* out);
  /// Normal variates from the words of one group: `group_words` in f32, half as many in f64.
  void (*normal_f32)(const std::uint32_t* words, float mean, float std_, float* out);
  void (*normal_f64)(const std::uint32_t* words, double mean, double std_, double* out);
  static const RandomTable baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
