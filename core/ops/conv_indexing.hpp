// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/ops/conv.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// A convolution's geometry as tables of offsets, which is how its kernels read images.
namespace newtape::core::detail {

/// Lengths or steps of three axes.
using Int3 = std::array<std::int64_t, 3>;
using Offsets = std::vector<std::int64_t>;

/// Those of up to three axes, `fill` before them.
Int3 to_int3(const Dims& d, std::int64_t fill);
inline std::int64_t product(const Int3& t) { return t[0] * t[1] * t[2]; }

/// Along one axis, result t (of `count`) reads its source at t step + shift of every tap, and stands at first + t
/// every. A tap is one place of the kernel.
struct AxisAccess {
  std::int64_t count = 1, step = 1, first = 0, every = 1;
  std::vector<std::int64_t> taps{};
  std::vector<std::int64_t> shifts{};
};
using Pass = std::array<AxisAccess, 3>;

/// The way from x to y.
Pass forward_reads(const ConvGeometry& g);
/// The way from y to x. Places of x that differ by a multiple of the stride are reached by the same taps, and from
/// neighbouring places of y: each of these classes is a pass with step 1.
std::vector<Pass> backward_reads(const ConvGeometry& g);

/// The part of an image that a pass reads, with zeros around it: the image itself where it needs none.
struct PaddedInput {
  Int3 source{}, from{}, length{};
  bool copied = false;
  std::int64_t phases = 1;  ///< elements of a row stand in the order of their remainder by this
  std::int64_t row = 0, plane = 0, channel = 0;

  /// `along_rows`: neighbouring results must read neighbours, and may read a vector beyond the last.
  PaddedInput(const Int3& lengths, const Pass& pass, bool along_rows);

  std::int64_t tap_offset(std::int64_t s0, std::int64_t s1, std::int64_t s2) const {
    const std::int64_t at = s2 - from[2];
    return (s0 - from[0]) * plane + (s1 - from[1]) * row + at % phases * (row / phases) + at / phases;
  }
  /// Copies the channels of an image (f32 or f64) to where they are read.
  template <class T>
  void fill(const T* image, std::int64_t channels, T* to) const;
};

/// What a pass reads for one result (the taps of all channels), and for which results, as offsets in the padded.
struct Reads {
  PaddedInput padded;
  Offsets taps;    ///< of one channel
  Offsets places;  ///< in the kernel, of the same taps
  Offsets pixels;
  Offsets rows;  ///< the first pixel of every row

  Reads(const Int3& source, const Int3& kernel, const Pass& pass, bool along_rows);

  /// The taps of `channels` channels, one channel after the other.
  Offsets over(std::int64_t channels) const;
};

}  // namespace newtape::core::detail
