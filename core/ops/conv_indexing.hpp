// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/conv.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// Tables of offsets through which the convolution kernels read images.
namespace newtape::core::detail {

/// Lengths or strides of three axes.
using Int3 = std::array<std::int64_t, 3>;
using Offsets = std::vector<std::int64_t>;

/// Right-aligned in three axes; leading ones are `fill`.
Int3 to_int3(const Dims& d, std::int64_t fill);
inline std::int64_t product(const Int3& t) { return t[0] * t[1] * t[2]; }

/// One axis of a pass: output t (of `count`) is stored at first + t * stride and reads t * step + shifts[k] for every
/// tap k. A tap is a position of the kernel.
struct AxisAccess {
  std::int64_t count = 1, step = 1, first = 0, stride = 1;
  std::vector<std::int64_t> taps{};
  std::vector<std::int64_t> shifts{};
};
using Pass = std::array<AxisAccess, 3>;

/// From x to y.
Pass forward_reads(const ConvGeometry& g);
/// From y to x. Positions of x congruent modulo the stride use the same taps and read adjacent positions of y: each
/// residue class is a pass with step 1.
std::vector<Pass> backward_reads(const ConvGeometry& g);

/// The part of an image that a pass reads, zero-padded; the image itself if no padding is needed.
struct PaddedInput {
  Int3 source{}, from{}, length{};
  bool copied = false;
  std::int64_t phases = 1;  ///< row elements are grouped by their index modulo this
  std::int64_t row = 0, plane = 0, channel = 0;

  /// `along_rows`: adjacent outputs must read adjacent elements, and may read one vector past the end.
  PaddedInput(const Int3& lengths, const Pass& pass, bool along_rows);

  std::int64_t tap_offset(std::int64_t s0, std::int64_t s1, std::int64_t s2) const {
    const std::int64_t at = s2 - from[2];
    return (s0 - from[0]) * plane + (s1 - from[1]) * row + at % phases * (row / phases) + at / phases;
  }
  /// Copies the channels of an image (f32 or f64) to the padded layout.
  template <class T>
  void fill(const T* image, std::int64_t channels, T* to) const;
};

/// What a pass reads: the taps of one output, and the outputs, as offsets in the padded image.
struct PassOffsets {
  PaddedInput padded;
  Offsets taps;           ///< of one channel
  Offsets tap_positions;  ///< in the kernel
  Offsets pixels;
  Offsets rows;  ///< first pixel of every row

  PassOffsets(const Int3& source, const Int3& kernel, const Pass& pass, bool along_rows);

  /// The taps of `channels` channels, channel by channel.
  Offsets taps_of_channels(std::int64_t channels) const;
};

}  // namespace newtape::core::detail
