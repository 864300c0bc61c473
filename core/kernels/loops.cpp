// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/loops.hpp>

#include <newtape/core/kernels/collapse.hpp>
#include <newtape/core/kernels/pack.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <utility>

namespace newtape::core::kernels {
namespace {

constexpr int max_inputs = 3;
/// Elements of one operand packed at a time; three operands of 8 bytes fit in the L1 cache.
constexpr std::int64_t tile = 1024;
/// Bytes of the pack buffer. A transposed operand fills it: its rows come from one cache line each, and long rows help
/// the hardware prefetch the other operands.
constexpr std::int64_t tile_bytes = 16384;
constexpr std::int64_t cache_line = 64;
/// Rows shorter than this are packed several at a time.
constexpr std::int64_t short_row = 64;

struct Operand {
  const std::byte* data;
  std::int64_t item;
  Strides strides;  ///< in elements, per axis of the plan
};

/// Operand strides after dropping axes of length 1 and merging axes where possible; C order.
struct Plan {
  Kernel kernel;
  int count;
  Operand in[max_inputs];
  std::byte* out;
  std::int64_t out_item;
  Shape shape;  ///< at least one axis
  std::int64_t size;
};

Plan plan_of(Kernel kernel, const Array* const* inputs, int count, Array& out) {
  Plan p{};
  p.kernel = kernel;
  p.count = count;
  p.out = static_cast<std::byte*>(out.raw());
  p.out_item = static_cast<std::int64_t>(item_size(out.dtype()));
  p.size = out.size();
  for (int k = 0; k < count; ++k) {
    p.in[k].data = static_cast<const std::byte*>(inputs[k]->raw());
    p.in[k].item = static_cast<std::int64_t>(item_size(inputs[k]->dtype()));
  }
  Strides strides[max_inputs];
  const auto k = static_cast<std::size_t>(count);
  p.shape = collapse(out.shape(), {inputs, k}, {strides, k});
  for (int i = 0; i < count; ++i) p.in[i].strides = std::move(strides[i]);
  return p;
}

/// Iterates over all axes except the last.
class OuterLoop {
 public:
  OuterLoop(const Plan& p, std::size_t excluded) : plan_(p) {
    for (std::size_t i = 0; i + 1 < p.shape.size(); ++i) {
      if (i != excluded) axes_.push_back(static_cast<std::int64_t>(i));
    }
    out_strides_ = contiguous_strides(p.shape);
  }
  std::int64_t count() const noexcept {
    std::int64_t n = 1;
    for (const auto a : axes_) n *= plan_.shape[static_cast<std::size_t>(a)];
    return n;
  }
  /// Element offsets at position `index`, for the output and for each input.
  void offsets(std::int64_t index, std::int64_t& out, std::int64_t (&in)[max_inputs]) const noexcept {
    out = 0;
    for (auto& o : in) o = 0;
    for (std::size_t i = axes_.size(); i-- > 0;) {
      const auto axis = static_cast<std::size_t>(axes_[i]);
      const auto at = index % plan_.shape[axis];
      index /= plan_.shape[axis];
      out += at * out_strides_[axis];
      for (int k = 0; k < plan_.count; ++k) in[k] += at * plan_.in[k].strides[axis];
    }
  }
  std::int64_t out_stride(std::size_t axis) const noexcept { return out_strides_[axis]; }

 private:
  const Plan& plan_;
  Dims axes_;
  Strides out_strides_;
};

void run_contiguous(const Plan& p, unsigned scalars) {
  newtape::detail::parallel_for(p.size, parallel_grain, [&](std::int64_t begin, std::int64_t end) {
    const void* in[max_inputs];
    for (int k = 0; k < p.count; ++k) in[k] = p.in[k].data + ((scalars >> k) & 1 ? 0 : begin * p.in[k].item);
    p.kernel(in, p.out + begin * p.out_item, end - begin, scalars);
  });
}

/// Long rows. A tile is a piece of the last axis for several indices along one other axis (`down`): an operand that is
/// contiguous along that axis is transposed into the tile; one with any other stride is gathered.
void run_rows(const Plan& p, unsigned scalars, unsigned packed) {
  const std::size_t last = p.shape.size() - 1;
  const std::int64_t length = p.shape[last];
  std::size_t down = last;  // none
  std::int64_t max_item = 4;
  for (int k = 0; k < p.count && down == last; ++k) {
    if ((packed >> k & 1) == 0) continue;
    max_item = std::max(max_item, p.in[k].item);
    for (std::size_t i = 0; i < last; ++i) {
      if (p.in[k].strides[i] == 1) down = i;
    }
  }
  const bool transposes = down != last;
  // Without packing, rows are split into pieces for the threads only.
  const std::int64_t tile_rows = transposes ? std::min(cache_line / max_item, p.shape[down]) : 1;
  const std::int64_t tile_columns = std::min(length, packed == 0  ? parallel_grain
                                                     : transposes ? tile_bytes / cache_line
                                                                  : tile);
  const std::int64_t pieces = (length + tile_columns - 1) / tile_columns;
  const std::int64_t bands = transposes ? (p.shape[down] + tile_rows - 1) / tile_rows : 1;
  const OuterLoop loop(p, down);
  const std::int64_t tiles = loop.count() * bands * pieces;
  const std::int64_t grain = std::max<std::int64_t>(1, parallel_grain / (tile_rows * tile_columns));

  newtape::detail::parallel_for(tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte buffer[max_inputs][tile_bytes];
    std::int64_t out_offset = 0;
    std::int64_t offsets[max_inputs];
    std::int64_t current = -1;
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t piece = t % pieces;
      const std::int64_t band = t / pieces % bands;
      if (const auto w = t / pieces / bands; w != current) loop.offsets(current = w, out_offset, offsets);
      const std::int64_t column = piece * tile_columns;
      const std::int64_t row = band * tile_rows;
      const std::int64_t columns = std::min(tile_columns, length - column);
      const std::int64_t rows = transposes ? std::min(tile_rows, p.shape[down] - row) : 1;
      const std::byte* from[max_inputs];
      std::int64_t row_bytes[max_inputs];
      for (int k = 0; k < p.count; ++k) {
        const Operand& x = p.in[k];
        const std::int64_t down_stride = transposes ? x.strides[down] : 0;
        const std::byte* first = x.data + (offsets[k] + row * down_stride + column * x.strides[last]) * x.item;
        if ((packed >> k & 1) == 0) {
          from[k] = first;
          row_bytes[k] = down_stride * x.item;
        } else {
          pack({first, x.item, rows, down_stride, columns, x.strides[last]}, buffer[k]);
          from[k] = buffer[k];
          row_bytes[k] = columns * x.item;
        }
      }
      for (std::int64_t r = 0; r < rows; ++r) {
        const void* in[max_inputs];
        for (int k = 0; k < p.count; ++k) in[k] = from[k] + r * row_bytes[k];
        const std::int64_t at = out_offset + (transposes ? (row + r) * loop.out_stride(down) : 0) + column;
        p.kernel(in, p.out + at * p.out_item, columns, scalars);
      }
    }
  });
}

/// True if the operand is broadcast along the first axis: it is packed once.
bool is_broadcast(const Operand& x) noexcept { return x.strides[0] == 0; }
/// True if the elements are in the order of the output.
bool in_order(const Operand& x, const Shape& shape) noexcept {
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0; step *= shape[i]) {
    if (x.strides[i] != step) return false;
  }
  return true;
}

/// Short rows: as many as fill a tile are packed contiguously, and the kernel processes them as one row.
void run_short_rows(const Plan& p) {
  const std::size_t n = p.shape.size();
  // A tile covers several steps along `outer` and all of the axes after it.
  std::int64_t inner = 1;
  std::size_t outer = n - 1;
  while (outer > 0 && inner * p.shape[outer] <= tile) inner *= p.shape[outer--];
  const std::int64_t steps = std::min(p.shape[outer], std::max<std::int64_t>(1, tile / inner));
  const std::int64_t pieces = (p.shape[outer] + steps - 1) / steps;
  std::int64_t outer_count = 1;
  for (std::size_t i = 0; i < outer; ++i) outer_count *= p.shape[i];
  const std::int64_t grain = std::max<std::int64_t>(1, parallel_grain / (steps * inner));
  bool direct[max_inputs];
  bool constant[max_inputs];
  for (int k = 0; k < p.count; ++k) {
    direct[k] = in_order(p.in[k], p.shape);
    constant[k] = outer == 0 && is_broadcast(p.in[k]);
  }

  newtape::detail::parallel_for(outer_count * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte buffer[max_inputs][tile_bytes];
    bool filled[max_inputs] = {};
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t step = t % pieces * steps;
      const std::int64_t count = std::min(steps, p.shape[outer] - step);
      const std::int64_t at = (t / pieces * p.shape[outer] + step) * inner;
      const void* in[max_inputs];
      for (int k = 0; k < p.count; ++k) {
        const Operand& x = p.in[k];
        in[k] = direct[k] ? x.data + at * x.item : buffer[k];
        if (direct[k] || filled[k]) continue;
        std::int64_t offset = step * x.strides[outer];
        for (std::size_t i = outer, remainder = static_cast<std::size_t>(t / pieces); i-- > 0;) {
          const auto length = static_cast<std::size_t>(p.shape[i]);
          offset += static_cast<std::int64_t>(remainder % length) * x.strides[i];
          remainder /= length;
        }
        // The first tile is never shorter than a later one, so repeated data are packed once.
        pack_nested(x.data + offset * x.item, x.item, count, p.shape.data() + outer, x.strides.data() + outer,
                    n - outer, buffer[k]);
        filled[k] = constant[k];
      }
      p.kernel(in, p.out + at * p.out_item, count * inner, 0);
    }
  });
}

}  // namespace

void map_into(Kernel kernel, const Array* const* inputs, int count, Array& out) {
  if (out.size() == 0) return;
  const Plan p = plan_of(kernel, inputs, count, out);
  const std::size_t last = p.shape.size() - 1;
  unsigned scalars = 0;
  unsigned packed = 0;
  for (int k = 0; k < count; ++k) {
    const auto stride = p.in[k].strides[last];
    if (stride == 0) scalars |= 1U << k;
    if (stride != 0 && stride != 1) packed |= 1U << k;
  }
  if (last == 0 && packed == 0 && (count == 1 ? scalars == 0 || p.size == 1 : true)) {
    run_contiguous(p, scalars);
  } else if (p.shape[last] < short_row && p.size > p.shape[last]) {
    run_short_rows(p);
  } else {
    // Unary kernels take no scalars.
    if (count == 1) packed |= std::exchange(scalars, 0U);
    run_rows(p, scalars, packed);
  }
}

void copy_into(const Array& src, Array& dst) {
  if (dst.size() == 0) return;
  const auto item = static_cast<std::int64_t>(item_size(dst.dtype()));
  const auto* from = static_cast<const std::byte*>(src.raw());
  auto* to = static_cast<std::byte*>(dst.raw());
  const std::size_t n = dst.ndim();
  const std::int64_t length = n == 0 ? 1 : dst.shape()[n - 1];
  const std::int64_t from_step = n == 0 ? 1 : src.strides()[n - 1];
  const std::int64_t to_step = n == 0 ? 1 : dst.strides()[n - 1];
  const std::int64_t rows = dst.size() / length;
  newtape::detail::parallel_for(
      rows, std::max<std::int64_t>(1, parallel_grain / length), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          std::int64_t a = 0;
          std::int64_t b = 0;
          for (std::int64_t i = static_cast<std::int64_t>(n) - 2, remainder = r; i >= 0; --i) {
            const auto axis = static_cast<std::size_t>(i);
            const auto at = remainder % dst.shape()[axis];
            remainder /= dst.shape()[axis];
            a += at * src.strides()[axis];
            b += at * dst.strides()[axis];
          }
          copy_row(from + a * item, from_step, to + b * item, to_step, length, item);
        }
      });
}

}  // namespace newtape::core::kernels
