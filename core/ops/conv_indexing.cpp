// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/conv_indexing.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace newtape::core::detail {

Int3 to_int3(const Dims& d, std::int64_t fill) {
  Int3 t{fill, fill, fill};
  std::copy(d.begin(), d.end(), t.end() - static_cast<std::ptrdiff_t>(d.size()));
  return t;
}

Pass forward_reads(const ConvGeometry& g) {
  const Int3 output = to_int3(g.output, 1), kernel = to_int3(g.kernel, 1), stride = to_int3(g.stride, 1),
             padding = to_int3(g.padding, 0), dilation = to_int3(g.dilation, 1);
  Pass pass;
  for (std::size_t a = 0; a < 3; ++a) {
    pass[a].count = output[a];
    pass[a].step = stride[a];
    for (std::int64_t k = 0; k < kernel[a]; ++k) {
      pass[a].taps.push_back(k);
      pass[a].shifts.push_back(k * dilation[a] - padding[a]);
    }
  }
  return pass;
}

std::vector<Pass> backward_reads(const ConvGeometry& g) {
  const Int3 input = to_int3(g.input, 1), kernel = to_int3(g.kernel, 1), stride = to_int3(g.stride, 1),
             padding = to_int3(g.padding, 0), dilation = to_int3(g.dilation, 1);
  std::vector<Pass> passes{Pass{}};
  for (std::size_t a = 0; a < 3; ++a) {
    std::vector<Pass> grown;
    for (std::int64_t first = 0; first < std::min(stride[a], input[a]); ++first) {
      AxisAccess reads;
      reads.count = (input[a] - first + stride[a] - 1) / stride[a];
      reads.first = first;
      reads.stride = stride[a];
      for (std::int64_t k = 0; k < kernel[a]; ++k) {
        const std::int64_t from = first + padding[a] - k * dilation[a];
        if (from % stride[a] != 0) continue;
        reads.taps.push_back(k);
        reads.shifts.push_back(from / stride[a]);
      }
      for (Pass pass : passes) {
        pass[a] = reads;
        grown.push_back(std::move(pass));
      }
    }
    passes = std::move(grown);
  }
  return passes;
}

PaddedInput::PaddedInput(const Int3& lengths, const Pass& pass, bool along_rows) : source(lengths), copied(along_rows) {
  for (std::size_t a = 0; a < 3; ++a) {
    const auto& r = pass[a];
    if (r.taps.empty()) {
      length[a] = 1;
      continue;
    }
    const auto [low, high] = std::minmax_element(r.shifts.begin(), r.shifts.end());
    from[a] = *low;
    length[a] = *high - *low + 1 + (r.count - 1) * r.step;
    copied |= from[a] < 0 || from[a] + length[a] > source[a];
  }
  if (!copied) {
    from = {};
    length = source;
  } else if (along_rows) {
    phases = pass[2].step;
  }
  row = (length[2] + phases - 1) / phases * phases;
  plane = row * length[1];
  channel = plane * length[0];
}

namespace {

// Rows of images are short: for most, a call of memcpy or memset takes longer than what it does. Loops over single
// elements would be compiled to such calls: pieces of a fixed size are not, the last of which overlaps the one before it.
constexpr std::int64_t short_row = 64;

template <class T>
struct Piece {
  static constexpr std::int64_t size = 16 / static_cast<std::int64_t>(sizeof(T));
  T elements[size];
};

/// to[i] = from[i], or 0, i < n.
template <bool zero, class T>
void write_row(const T* from, std::int64_t n, T* to) {
  using Elements = Piece<T>;
  const auto write = [&]<class Unit>(Unit unit, std::int64_t at) {
    if constexpr (!zero) std::memcpy(&unit, from + at, sizeof unit);
    std::memcpy(to + at, &unit, sizeof unit);
  };
  if (n < Elements::size) {
    for (std::int64_t i = 0; i < Elements::size - 1; ++i) {
      if (i < n) write(T(0), i);
    }
    return;
  }
  for (std::int64_t i = 0; i < n - Elements::size; i += Elements::size) write(Elements(), i);
  write(Elements(), n - Elements::size);
}

template <class T>
void copy_row(const T* from, std::int64_t n, T* to) {
  n > short_row ? static_cast<void>(std::copy(from, from + n, to)) : write_row<false>(from, n, to);
}
template <class T>
void clear_row(T* to, std::int64_t n) {
  n > short_row ? static_cast<void>(std::fill_n(to, n, T(0))) : write_row<true, T>(nullptr, n, to);
}

}  // namespace

template <class T>
void PaddedInput::fill(const T* image, std::int64_t channels, T* to) const {
  const auto inside = [&](std::size_t a, std::int64_t f) { return f + from[a] >= 0 && f + from[a] < source[a]; };
  const std::int64_t begin = std::clamp<std::int64_t>(-from[2], 0, length[2]);
  const std::int64_t end = std::clamp<std::int64_t>(source[2] - from[2], begin, length[2]);
  for (std::int64_t c = 0; c < channels; ++c, image += product(source)) {
    for (std::int64_t f0 = 0; f0 < length[0]; ++f0) {
      for (std::int64_t f1 = 0; f1 < length[1]; ++f1, to += row) {
        if (!inside(0, f0) || !inside(1, f1)) {
          clear_row(to, row);
          continue;
        }
        const T* line = image + ((f0 + from[0]) * source[1] + f1 + from[1]) * source[2] + from[2];
        if (phases == 1) {
          clear_row(to, begin);
          copy_row(line + begin, end - begin, to + begin);
          clear_row(to + end, row - end);
          continue;
        }
        std::fill_n(to, row, T(0));
        for (std::int64_t p = 0; p < phases; ++p) {
          T* part = to + p * (row / phases);
          for (std::int64_t q = (begin - p + phases - 1) / phases; q * phases + p < end; ++q) {
            part[q] = line[q * phases + p];
          }
        }
      }
    }
  }
}

template void PaddedInput::fill(const float* image, std::int64_t channels, float* to) const;
template void PaddedInput::fill(const double* image, std::int64_t channels, double* to) const;

PassOffsets::PassOffsets(const Int3& source, const Int3& kernel, const Pass& pass, bool along_rows)
    : padded(source, pass, along_rows) {
  const auto& [r0, r1, r2] = pass;
  for (std::size_t i = 0; i < r0.taps.size(); ++i) {
    for (std::size_t j = 0; j < r1.taps.size(); ++j) {
      for (std::size_t k = 0; k < r2.taps.size(); ++k) {
        taps.push_back(padded.tap_offset(r0.shifts[i], r1.shifts[j], r2.shifts[k]));
        tap_positions.push_back((r0.taps[i] * kernel[1] + r1.taps[j]) * kernel[2] + r2.taps[k]);
      }
    }
  }
  const std::int64_t step = padded.phases == 1 ? r2.step : 1;
  for (std::int64_t i = 0; i < r0.count; ++i) {
    for (std::int64_t j = 0; j < r1.count; ++j) {
      rows.push_back(i * r0.step * padded.plane + j * r1.step * padded.row);
      for (std::int64_t k = 0; k < r2.count; ++k) pixels.push_back(rows.back() + k * step);
    }
  }
}

Offsets PassOffsets::taps_of_channels(std::int64_t channels) const {
  Offsets all;
  all.reserve(static_cast<std::size_t>(channels) * taps.size());
  for (std::int64_t c = 0; c < channels; ++c) {
    for (const auto t : taps) all.push_back(c * padded.channel + t);
  }
  return all;
}

}  // namespace newtape::core::detail
