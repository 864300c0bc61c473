// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// The inner loops of the random numbers. They give the same bits with every instruction set.
namespace newtape::core::kernels {

/// Blocks are computed `lanes` at a time and laid out word by word: first word 0 of all lanes, then word 1, and so on.
inline constexpr std::int64_t lanes = 32;
inline constexpr std::int64_t group_words = 4 * lanes;

struct RandomTable {
  /// The words of blocks first, first + 1, ..., `groups` groups of them, to out[groups * group_words].
  void (*words)(std::uint64_t seed, std::uint64_t first, std::int64_t groups, std::uint32_t* out);
  /// Normal numbers from the words of one group: `group_words` of them in f32, half as many in f64.
  void (*normal_f32)(const std::uint32_t* words, float mean, float deviation, float* out);
  void (*normal_f64)(const std::uint32_t* words, double mean, double deviation, double* out);
};

namespace baseline {
extern const RandomTable random;
}
#if defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 {
extern const RandomTable random;
}
namespace avx512 {
extern const RandomTable random;
}
#endif

}  // namespace newtape::core::kernels
