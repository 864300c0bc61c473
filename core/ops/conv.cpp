// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/conv.hpp>
#include <newtape/core/ops/conv_passes.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace newtape::core {

namespace {

using detail::along_channels;
using detail::conv_table;
using detail::Int3;
using detail::Lanes;
using detail::Offsets;
using detail::Pass;
using detail::PassOffsets;
using detail::product;
using detail::scratch;
using detail::to_int3;
using detail::transpose_block;

/// Geometry of one direction of the convolution: y from x, or x from y.
struct Direction {
  std::int64_t images, groups, in, out;  ///< in, out: channels per group
  Int3 source, target, kernel;
  std::int64_t weight_group, weight_out, weight_in;  ///< strides in w
};

/// From x to y, for `n` images, `in` and `out` channels per group.
Direction from_x_to_y(const ConvGeometry& g, std::int64_t n, std::int64_t in, std::int64_t out) {
  const std::int64_t taps = element_count(g.kernel);
  return {
      n,         g.groups, in, out, to_int3(g.input, 1), to_int3(g.output, 1), to_int3(g.kernel, 1), out * in * taps,
      in * taps, taps};
}
/// From y to x, likewise.
Direction reversed(Direction d) {
  std::swap(d.in, d.out);
  std::swap(d.source, d.target);
  std::swap(d.weight_out, d.weight_in);
  return d;
}

/// The positions in the target that a pass computes; empty when they are all of them, in order.
Offsets target_positions(const Direction& d, const Pass& pass, std::int64_t pixels) {
  Offsets positions;
  if (pixels == product(d.target)) return positions;
  for (std::int64_t i = 0; i < pass[0].count; ++i) {
    for (std::int64_t j = 0; j < pass[1].count; ++j) {
      for (std::int64_t k = 0; k < pass[2].count; ++k) {
        const std::int64_t at[3] = {pass[0].first + i * pass[0].stride, pass[1].first + j * pass[1].stride,
                                    pass[2].first + k * pass[2].stride};
        positions.push_back((at[0] * d.target[1] + at[1]) * d.target[2] + at[2]);
      }
    }
  }
  return positions;
}

/// The weights as the kernels read them, [group][block][step][lane], and the biases, [group][block][lane].
template <class T>
class PackedWeights {
 public:
  PackedWeights(const Direction& d, const PassOffsets& reads, const T* w, const T* bias, std::int64_t width,
                std::int64_t blocks)
      : steps_(static_cast<std::int64_t>(reads.taps.size()) * d.in),
        width_(width),
        blocks_(blocks),
        memory_(scratch(d.groups * blocks * (steps_ + 1) * width, dtype_of<T>)),
        weights_(memory_.data<T>()),
        biases_(weights_ + d.groups * blocks * steps_ * width) {
    for (std::int64_t g = 0; g < d.groups; ++g) {
      for (std::int64_t b = 0; b < blocks; ++b) {
        const std::int64_t channels = std::min(width, d.out - b * width);
        T* const start = biases_ + (g * blocks + b) * width;
        for (std::int64_t l = 0; l < width; ++l) {
          start[l] = l < channels && bias != nullptr ? bias[g * d.out + b * width + l] : T(0);
        }
        pack(d, reads, w + g * d.weight_group + b * width * d.weight_out, channels,
             weights_ + (g * blocks + b) * steps_ * width);
      }
    }
  }
  const T* weights(std::int64_t group, std::int64_t block) const {
    return weights_ + (group * blocks_ + block) * steps_ * width_;
  }
  const T* biases(std::int64_t group, std::int64_t block) const { return biases_ + (group * blocks_ + block) * width_; }

 private:
  /// One block: `channels` of its lanes are used, the others are 0.
  void pack(const Direction& d, const PassOffsets& reads, const T* from, std::int64_t channels, T* to) {
    const auto taps = static_cast<std::int64_t>(reads.taps.size());
    const bool all_taps = taps == product(d.kernel);  // then they are in the kernel's order
    if (channels < width_) std::fill_n(to, steps_ * width_, T(0));
    if (all_taps && d.weight_in == taps) {
      transpose_block(from, d.weight_out, to, width_, steps_, channels);
      return;
    }
    for (std::int64_t i = 0; i < d.in; ++i, from += d.weight_in, to += taps * width_) {
      if (all_taps) {
        transpose_block(from, d.weight_out, to, width_, taps, channels);
        continue;
      }
      for (std::int64_t l = 0; l < channels; ++l) {
        for (std::int64_t t = 0; t < taps; ++t) {
          to[t * width_ + l] = from[l * d.weight_out + reads.tap_positions[static_cast<std::size_t>(t)]];
        }
      }
    }
  }

  std::int64_t steps_, width_, blocks_;
  Array memory_;
  T* weights_;
  T* biases_;
};

/// One pass of a convolution over all images: the operands, and how the work is divided.
template <class T>
class Application {
 public:
  Application(const Direction& d, const Pass& pass, const T* source, const T* w, const T* bias, T* target)
      : d_(d),
        pass_(pass),
        source_(source),
        target_(target),
        lanewise_(along_channels(d.out, kernel_.lanes)),
        reads_(d.source, d.kernel, pass, !lanewise_),
        steps_(reads_.taps_of_channels(d.in)),
        pixels_(static_cast<std::int64_t>(reads_.pixels.size())),
        positions_(target_positions(d, pass, pixels_)),
        lanes_(d.out, kernel_.lanes),
        width_(lanewise_ ? lanes_.width : 1),
        blocks_(lanewise_ ? lanes_.blocks : d.out),
        packed_(d, reads_, w, bias, width_, blocks_),
        // With few images, their channels are divided among the threads, too.
        shares_(d.images * d.groups >= 8 ? 1 : std::min<std::int64_t>(blocks_, 8)) {}

  void run() {
    const std::int64_t work = 1 + pixels_ * step_count() * width_ * ((blocks_ + shares_ - 1) / shares_);
    newtape::detail::parallel_for(d_.images * d_.groups * shares_, std::max<std::int64_t>(1, (1 << 18) / work),
                                  [&](std::int64_t begin, std::int64_t end) { run(begin, end); });
  }

 private:
  std::int64_t step_count() const { return static_cast<std::int64_t>(steps_.size()); }
  std::int64_t chunk() const { return lanewise_ ? 8 * kernel_.columns : pixels_; }

  /// Pieces `begin` to `end`, each a share of the channels of one group of one image.
  void run(std::int64_t begin, std::int64_t end) {
    Array padded;
    if (reads_.padded.copied) {
      padded = scratch(d_.in * reads_.padded.channel + kernel_.lanes, dtype_of<T>);
      std::fill_n(padded.data<T>() + d_.in * reads_.padded.channel, kernel_.lanes, T(0));
    }
    Array tile = scratch(chunk() * width_, dtype_of<T>);
    std::int64_t padded_item = -1;
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t item = piece / shares_;
      const T* image = source_ + item * d_.in * product(d_.source);
      if (reads_.padded.copied) {
        if (item != padded_item) reads_.padded.fill(image, d_.in, padded.data<T>());
        padded_item = item;
        image = padded.data<T>();
      }
      const std::int64_t share = piece % shares_;
      for (std::int64_t b = blocks_ * share / shares_; b < blocks_ * (share + 1) / shares_; ++b) {
        lanewise_ ? channels_block(item, b, image, tile.data<T>()) : channel(item, b, image, tile.data<T>());
      }
    }
  }

  /// One output channel, vectors along the pixels of a row.
  void channel(std::int64_t item, std::int64_t b, const T* image, T* results) {
    T* to = target_ + (item * d_.out + b) * product(d_.target);
    const std::int64_t group = item % d_.groups;
    kernel_.rows({packed_.weights(group, b), image, steps_.data(), step_count(), reads_.rows.data(),
                  static_cast<std::int64_t>(reads_.rows.size()), pass_[2].count, *packed_.biases(group, b),
                  positions_.empty() ? to : results});
    for (std::size_t p = 0; p < positions_.size(); ++p) to[positions_[p]] = results[p];
  }

  /// A block of output channels, vectors along them.
  void channels_block(std::int64_t item, std::int64_t b, const T* image, T* results) {
    const std::int64_t group = item % d_.groups;
    const std::int64_t target_size = product(d_.target);
    T* to = target_ + (item * d_.out + b * width_) * target_size;
    const std::int64_t channels = std::min(width_, d_.out - b * width_);
    for (std::int64_t first = 0; first < pixels_; first += chunk()) {
      const std::int64_t count = std::min(chunk(), pixels_ - first);
      const std::int64_t tiles = (count + kernel_.columns - 1) / kernel_.columns;
      for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t p = count * t / tiles;
        kernel_.panel({packed_.weights(group, b), lanes_.vectors, image, steps_.data(), step_count(),
                       reads_.pixels.data() + first + p, count * (t + 1) / tiles - p, packed_.biases(group, b),
                       results + p * width_});
      }
      if (positions_.empty()) {
        transpose_block(results, width_, to + first, target_size, channels, count);
        continue;
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        T* plane = to + c * target_size;
        for (std::int64_t p = 0; p < count; ++p) {
          plane[positions_[static_cast<std::size_t>(first + p)]] = results[p * width_ + c];
        }
      }
    }
  }

  const kernels::ConvTable<T>& kernel_ = conv_table<T>();
  const Direction& d_;
  const Pass& pass_;
  const T* source_;
  T* target_;
  bool lanewise_;
  PassOffsets reads_;
  Offsets steps_;
  std::int64_t pixels_;
  Offsets positions_;
  Lanes lanes_;
  std::int64_t width_, blocks_;
  PackedWeights<T> packed_;
  std::int64_t shares_;
};

template <class T>
void apply(const Direction& d, const Pass& pass, const T* source, const T* w, const T* bias, T* target) {
  Application<T>(d, pass, source, w, bias, target).run();
}

[[noreturn]] void reject(const char* op, const Array& a, const Array& b, const ConvGeometry& g) {
  raise<ShapeError>(std::string(op) + ": the shapes do not match the geometry",
                    "input " + to_string(g.input) + ", output " + to_string(g.output) + ", kernel " +
                        to_string(g.kernel) + ", groups " + std::to_string(g.groups),
                    to_string(a.shape()) + " and " + to_string(b.shape()));
}

/// Shape [first, second, lengths..].
Shape shaped(std::int64_t first, std::int64_t second, const Shape& lengths) {
  Shape s{first, second};
  for (const auto d : lengths) s.push_back(d);
  return s;
}

void check(const char* op, const Array& a, const Shape& lengths_a, const Array& b, const Shape& lengths_b,
           const ConvGeometry& g) {
  if (a.dtype() != b.dtype() || !is_floating(a.dtype())) {
    raise<DTypeError>(std::string(op) + ": the operands must have the same floating dtype", "f32 or f64",
                      std::string(name(a.dtype())) + " and " + std::string(name(b.dtype())));
  }
  const std::size_t axes = g.input.size();
  if (axes < 1 || axes > 3 || a.ndim() != axes + 2 || b.ndim() != axes + 2 || g.groups < 1 ||
      a.shape() != shaped(a.shape()[0], a.shape()[1], lengths_a) ||
      b.shape() != shaped(b.shape()[0], b.shape()[1], lengths_b)) {
    reject(op, a, b, g);
  }
}

/// The data of a bias for the kernels; null if there is none.
template <class T>
const T* bias_start(const Array& bias) {
  return bias.defined() ? bias.data<T>() : nullptr;
}

}  // namespace

Array conv(const Array& x, const Array& w, const Array& b, const ConvGeometry& g) {
  if (recorder() != nullptr) {
    const auto again = [geometry = g](const Array& a, const Array& v, const Array& c) {
      return conv(a, v, c, geometry);
    };
    return record_call("conv", again, x, w, b);
  }
  check("conv", x, g.input, w, g.kernel, g);
  const auto n = x.shape()[0], c = x.shape()[1], o = w.shape()[0];
  if (c != w.shape()[1] * g.groups || o % g.groups != 0) reject("conv", x, w, g);
  Array y = Array::empty(shaped(n, o, g.output), x.dtype());
  newtape::detail::multiply_adds += y.size() * (c / g.groups) * element_count(g.kernel);
  if (y.size() == 0) return y;
  const Array source = contiguous(x), weights = contiguous(w), bias = b.defined() ? contiguous(b) : b;
  const Direction d = from_x_to_y(g, n, c / g.groups, o / g.groups);
  const auto run = [&]<class T>() {
    apply<T>(d, detail::forward_reads(g), source.data<T>(), weights.data<T>(), bias_start<T>(bias), y.data<T>());
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return y;
}

Array conv_transpose(const Array& y, const Array& w, const Array& b, const ConvGeometry& g) {
  if (recorder() != nullptr) {
    const auto again = [geometry = g](const Array& a, const Array& v, const Array& c) {
      return conv_transpose(a, v, c, geometry);
    };
    return record_call("conv_transpose", again, y, w, b);
  }
  check("conv_transpose", y, g.output, w, g.kernel, g);
  const auto n = y.shape()[0], o = y.shape()[1], c = w.shape()[1] * g.groups;
  if (o != w.shape()[0] || o % g.groups != 0) reject("conv_transpose", y, w, g);
  Array x = Array::empty(shaped(n, c, g.input), y.dtype());
  newtape::detail::multiply_adds += y.size() * (c / g.groups) * element_count(g.kernel);
  if (x.size() == 0) return x;
  const Array source = contiguous(y), weights = contiguous(w), bias = b.defined() ? contiguous(b) : b;
  const Direction d = reversed(from_x_to_y(g, n, c / g.groups, o / g.groups));
  const auto run = [&]<class T>() {
    for (const auto& pass : detail::backward_reads(g)) {
      apply<T>(d, pass, source.data<T>(), weights.data<T>(), bias_start<T>(bias), x.data<T>());
    }
  };
  y.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return x;
}

Array conv_weight(const Array& x, const Array& y, const ConvGeometry& g) {
  if (recorder() != nullptr) {
    const auto again = [geometry = g](const Array& a, const Array& b) { return conv_weight(a, b, geometry); };
    return record_call("conv_weight", again, x, y);
  }
  check("conv_weight", x, g.input, y, g.output, g);
  const auto n = x.shape()[0], c = x.shape()[1], o = y.shape()[1];
  if (n != y.shape()[0] || c % g.groups != 0 || o % g.groups != 0) reject("conv_weight", x, y, g);
  const std::int64_t in = c / g.groups, out = o / g.groups;
  const Shape shape = shaped(o, in, g.kernel);
  newtape::detail::multiply_adds += y.size() * in * element_count(g.kernel);
  if (n == 0 || y.size() == 0 || element_count(shape) == 0) return zeros(shape, x.dtype());
  Array w = Array::empty(shape, x.dtype());
  const Array source = contiguous(x), cotangents = contiguous(y);
  const auto run = [&]<class T>() {
    detail::weight_gradient(g, source.data<T>(), cotangents.data<T>(), n, in, out, w.data<T>());
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return w;
}

}  // namespace newtape::core
