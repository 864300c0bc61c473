// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/conv.hpp>
#include <newtape/core/conv_reads.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/kernels/conv.hpp>
#include <newtape/core/kernels/tables.hpp>
#include <newtape/core/parallel.hpp>
#include <newtape/core/tally.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace newtape::core {

namespace {

using detail::Offsets;
using detail::Pass;
using detail::product;
using detail::Reads;
using detail::Three;
using detail::three;

template <class T>
const kernels::ConvTable<T>& conv_table() {
  static const kernels::ConvTables& chosen =
      kernels::select(kernels::baseline::conv, kernels::avx2::conv, kernels::avx512::conv);
  if constexpr (std::is_same_v<T, float>) {
    return chosen.f32;
  } else {
    return chosen.f64;
  }
}

/// Lanes for output channels, in blocks of one or two vectors.
struct Lanes {
  std::int64_t vectors, width, blocks;
  Lanes(std::int64_t channels, std::int64_t vector)
      : vectors(channels > vector ? 2 : 1), width(vectors * vector), blocks((channels + width - 1) / width) {}
};

/// Whether vectors of channels are filled well enough, or vectors of pixels are better.
bool along_channels(std::int64_t channels, std::int64_t vector) { return channels * 3 >= vector; }

Array scratch(std::int64_t n, DType dtype) { return Array::empty({n}, dtype); }

/// Moves [columns][rows] with the given step between columns to [rows][columns].
template <class T>
void turn(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t rows, std::int64_t columns) {
  const auto& move = kernels::tables().move;
  (sizeof(T) == 4 ? move.transpose4 : move.transpose8)(from, from_step, to, to_step, rows, columns);
}

/// The convolution of a source with channels of weights: y from x, or x from y.
struct Direction {
  std::int64_t images, groups, in, out;  ///< channels of one group
  Three source, target, kernel;
  std::int64_t weight_group, weight_out, weight_in;  ///< steps in w
};

template <class T>
void apply(const Direction& d, const Pass& pass, const T* source, const T* w, const T* bias, T* target) {
  const auto& kernel = conv_table<T>();
  const bool lanewise = along_channels(d.out, kernel.lanes);
  const Reads reads(d.source, d.kernel, pass, !lanewise);
  const Offsets steps = reads.over(d.in);
  const auto step_count = static_cast<std::int64_t>(steps.size());
  const auto pixels = static_cast<std::int64_t>(reads.pixels.size());
  const std::int64_t source_size = product(d.source), target_size = product(d.target);
  const Three target_step{d.target[1] * d.target[2], d.target[2], 1};

  Offsets places;  // in the target; empty when they are all, in order
  if (pixels != target_size) {
    for (std::int64_t i = 0; i < pass[0].count; ++i) {
      for (std::int64_t j = 0; j < pass[1].count; ++j) {
        for (std::int64_t k = 0; k < pass[2].count; ++k) {
          places.push_back((pass[0].first + i * pass[0].every) * target_step[0] +
                           (pass[1].first + j * pass[1].every) * target_step[1] + pass[2].first + k * pass[2].every);
        }
      }
    }
  }

  const Lanes lanes(d.out, kernel.lanes);
  const std::int64_t width = lanewise ? lanes.width : 1;
  const std::int64_t blocks = lanewise ? lanes.blocks : d.out;
  const auto taps = static_cast<std::int64_t>(reads.taps.size());
  const bool whole = taps == product(d.kernel);  // all places of the kernel, and in order
  // [group][block][step][lane], and the same of the bias.
  Array packed = scratch(d.groups * blocks * (step_count + 1) * width, dtype_of<T>);
  T* const weights = packed.data<T>();
  T* const init = weights + d.groups * blocks * step_count * width;
  for (std::int64_t g = 0; g < d.groups; ++g) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      T* to = weights + (g * blocks + b) * step_count * width;
      const std::int64_t channels = std::min(width, d.out - b * width);
      for (std::int64_t l = 0; l < width; ++l) {
        init[(g * blocks + b) * width + l] = l < channels && bias != nullptr ? bias[g * d.out + b * width + l] : T(0);
      }
      if (channels < width) std::fill_n(to, step_count * width, T(0));
      const T* from = w + g * d.weight_group + b * width * d.weight_out;
      if (whole && d.weight_in == taps) {
        turn(from, d.weight_out, to, width, step_count, channels);
        continue;
      }
      for (std::int64_t i = 0; i < d.in; ++i, from += d.weight_in, to += taps * width) {
        if (whole) {
          turn(from, d.weight_out, to, width, taps, channels);
          continue;
        }
        for (std::int64_t l = 0; l < channels; ++l) {
          for (std::int64_t t = 0; t < taps; ++t) {
            to[t * width + l] = from[l * d.weight_out + reads.places[static_cast<std::size_t>(t)]];
          }
        }
      }
    }
  }

  // Where there are few images, their channels are shared out, too.
  const std::int64_t items = d.images * d.groups;
  const std::int64_t shares = items >= 8 ? 1 : std::min<std::int64_t>(blocks, 8);
  const std::int64_t work = 1 + pixels * step_count * width * ((blocks + shares - 1) / shares);
  newtape::detail::parallel_for(
      items * shares, std::max<std::int64_t>(1, (1 << 18) / work), [&](std::int64_t begin, std::int64_t end) {
        Array copy;
        if (reads.frame.copied) {
          copy = scratch(d.in * reads.frame.channel + kernel.lanes, dtype_of<T>);
          std::fill_n(copy.data<T>() + d.in * reads.frame.channel, kernel.lanes, T(0));
        }
        const std::int64_t chunk = lanewise ? 8 * kernel.columns : pixels;
        Array tile = scratch(chunk * width, dtype_of<T>);
        T* const results = tile.data<T>();
        std::int64_t at_item = -1;
        for (std::int64_t piece = begin; piece < end; ++piece) {
          const std::int64_t item = piece / shares;
          const std::int64_t group = item % d.groups;
          const T* image = source + item * d.in * source_size;
          if (reads.frame.copied) {
            if (item != at_item) reads.frame.fill(image, d.in, copy.data<T>());
            at_item = item;
            image = copy.data<T>();
          }
          const std::int64_t share = piece % shares;
          for (std::int64_t b = blocks * share / shares; b < blocks * (share + 1) / shares; ++b) {
            const T* a = weights + (group * blocks + b) * step_count * width;
            const T* start = init + (group * blocks + b) * width;
            T* to = target + (item * d.out + b * width) * target_size;
            const std::int64_t channels = std::min(width, d.out - b * width);
            if (!lanewise) {
              T* line = places.empty() ? to : results;
              kernel.rows({a, image, steps.data(), step_count, reads.rows.data(),
                           static_cast<std::int64_t>(reads.rows.size()), pass[2].count, *start, line});
              for (std::size_t p = 0; p < places.size(); ++p) to[places[p]] = line[p];
              continue;
            }
            for (std::int64_t first = 0; first < pixels; first += chunk) {
              const std::int64_t count = std::min(chunk, pixels - first);
              const std::int64_t tiles = (count + kernel.columns - 1) / kernel.columns;
              for (std::int64_t t = 0; t < tiles; ++t) {
                const std::int64_t p = count * t / tiles;
                kernel.panel({a, lanes.vectors, image, steps.data(), step_count, reads.pixels.data() + first + p,
                              count * (t + 1) / tiles - p, start, results + p * width});
              }
              if (places.empty()) {
                turn(results, width, to + first, target_size, channels, count);
                continue;
              }
              for (std::int64_t c = 0; c < channels; ++c) {
                T* plane = to + c * target_size;
                for (std::int64_t p = 0; p < count; ++p) {
                  plane[places[static_cast<std::size_t>(first + p)]] = results[p * width + c];
                }
              }
            }
          }
        }
      });
}

template <class T>
void weight(const ConvGeometry& g, const T* x, const T* y, std::int64_t images, std::int64_t in, std::int64_t out,
            T* w) {
  const auto& kernel = conv_table<T>();
  const bool lanewise = along_channels(out, kernel.lanes);
  const Pass pass = detail::forward_reads(g);
  const Three input = three(g.input, 1);
  const Reads reads(input, three(g.kernel, 1), pass, !lanewise);
  const Offsets columns = reads.over(in);
  const auto column_count = static_cast<std::int64_t>(columns.size());
  const auto pixels = static_cast<std::int64_t>(reads.pixels.size());
  const std::int64_t input_size = product(input);
  const auto& frame = reads.frame;

  const Lanes lanes(out, kernel.lanes);
  const std::int64_t width = lanewise ? lanes.width : 1;
  const std::int64_t blocks = lanewise ? lanes.blocks : out;
  // The sums over the images go in fixed parts, so that the number of threads does not change them.
  const std::int64_t parts = std::clamp<std::int64_t>(8 / std::max<std::int64_t>(1, g.groups * blocks), 1, images);
  const std::int64_t size = column_count * width;  // of one part of one block
  // So many images at once that their pixels are worth a panel's way through memory.
  const std::int64_t together = lanewise ? std::clamp<std::int64_t>(128 / pixels, 1, images) : 1;
  const std::int64_t image_step = frame.copied ? in * frame.channel : g.groups * in * input_size;
  Offsets steps;
  for (std::int64_t i = 0; lanewise && i < together; ++i) {
    for (const auto p : reads.pixels) steps.push_back(i * image_step + p);
  }

  Array partial = zeros({g.groups * blocks * parts * size}, dtype_of<T>);
  T* const sums = partial.data<T>();
  const std::int64_t work = 1 + (images / parts) * pixels * size;
  newtape::detail::parallel_for(
      g.groups * blocks * parts, std::max<std::int64_t>(1, (1 << 18) / work),
      [&](std::int64_t begin, std::int64_t end) {
        Array copy;
        if (frame.copied) copy = scratch(together * image_step + kernel.lanes, dtype_of<T>);
        Array turned = scratch(together * pixels * width, dtype_of<T>);
        for (std::int64_t piece = begin; piece < end; ++piece) {
          const std::int64_t part = piece % parts;
          const std::int64_t block = piece / parts % blocks;
          const std::int64_t group = piece / parts / blocks;
          const std::int64_t channels = std::min(width, out - block * width);
          T* const sum = sums + piece * size;
          const std::int64_t last = images * (part + 1) / parts;
          for (std::int64_t image = images * part / parts; image < last; image += together) {
            const std::int64_t count = std::min(together, last - image);
            const T* from = x + (image * g.groups + group) * in * input_size;
            for (std::int64_t i = 0; frame.copied && i < count; ++i) {
              frame.fill(from + i * g.groups * in * input_size, in, copy.data<T>() + i * image_step);
            }
            if (frame.copied) from = copy.data<T>();
            const T* cotangent = y + ((image * g.groups + group) * out + block * width) * pixels;
            if (!lanewise) {
              kernel.dots({cotangent, from, reads.rows.data(), static_cast<std::int64_t>(reads.rows.size()),
                           pass[2].count, columns.data(), column_count, sum});
              continue;
            }
            T* a = turned.data<T>();
            for (std::int64_t i = 0; i < count; ++i) {
              T* to = a + i * pixels * width;
              turn(cotangent + i * g.groups * out * pixels, pixels, to, width, pixels, channels);
              if (channels == width) continue;
              for (std::int64_t p = 0; p < pixels; ++p)
                std::fill(to + p * width + channels, to + (p + 1) * width, T(0));
            }
            const std::int64_t tiles = (column_count + kernel.columns - 1) / kernel.columns;
            for (std::int64_t t = 0; t < tiles; ++t) {
              const std::int64_t c = column_count * t / tiles;
              kernel.panel({a, lanes.vectors, from, steps.data(), count * pixels, columns.data() + c,
                            column_count * (t + 1) / tiles - c, nullptr, sum + c * width});
            }
          }
        }
      });

  for (std::int64_t b = 0; b < g.groups * blocks; ++b) {
    T* total = sums + b * parts * size;
    for (std::int64_t part = 1; part < parts; ++part) {
      for (std::int64_t i = 0; i < size; ++i) total[i] += total[part * size + i];
    }
    const std::int64_t first = b % blocks * width;
    turn(total, width, w + (b / blocks * out + first) * column_count, column_count, std::min(width, out - first),
         column_count);
  }
}

[[noreturn]] void reject(const char* who, const Array& a, const Array& b, const ConvGeometry& g) {
  raise<ShapeError>(std::string(who) + ": the shapes do not fit the geometry",
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

void check(const char* who, const Array& a, const Shape& lengths_a, const Array& b, const Shape& lengths_b,
           const ConvGeometry& g) {
  if (a.dtype() != b.dtype() || !is_floating(a.dtype())) {
    raise<DTypeError>(std::string(who) + ": the operands must have one float dtype", "f32 or f64, twice",
                      std::string(name(a.dtype())) + " and " + std::string(name(b.dtype())));
  }
  const std::size_t axes = g.input.size();
  if (axes < 1 || axes > 3 || a.ndim() != axes + 2 || b.ndim() != axes + 2 || g.groups < 1 ||
      a.shape() != shaped(a.shape()[0], a.shape()[1], lengths_a) ||
      b.shape() != shaped(b.shape()[0], b.shape()[1], lengths_b)) {
    reject(who, a, b, g);
  }
}

/// A bias as the kernels read it: null when there is none.
template <class T>
const T* bias_start(const Array& bias) {
  return bias.defined() ? bias.data<T>() : nullptr;
}

}  // namespace

Array conv(const Array& x, const Array& w, const Array& b, const ConvGeometry& g) {
  check("conv", x, g.input, w, g.kernel, g);
  const auto n = x.shape()[0], c = x.shape()[1], o = w.shape()[0];
  if (c != w.shape()[1] * g.groups || o % g.groups != 0) reject("conv", x, w, g);
  Array y = Array::empty(shaped(n, o, g.output), x.dtype());
  newtape::detail::multiply_adds += y.size() * (c / g.groups) * element_count(g.kernel);
  if (y.size() == 0) return y;
  const Array source = contiguous(x), weights = contiguous(w), bias = b.defined() ? contiguous(b) : b;
  const std::int64_t in = c / g.groups, out = o / g.groups, places = element_count(g.kernel);
  const Direction d{
      n,           g.groups, in, out, three(g.input, 1), three(g.output, 1), three(g.kernel, 1), out * in * places,
      in * places, places};
  const auto run = [&]<class T>() {
    apply<T>(d, detail::forward_reads(g), source.data<T>(), weights.data<T>(), bias_start<T>(bias), y.data<T>());
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return y;
}

Array conv_transpose(const Array& y, const Array& w, const Array& b, const ConvGeometry& g) {
  check("conv_transpose", y, g.output, w, g.kernel, g);
  const auto n = y.shape()[0], o = y.shape()[1], c = w.shape()[1] * g.groups;
  if (o != w.shape()[0] || o % g.groups != 0) reject("conv_transpose", y, w, g);
  Array x = Array::empty(shaped(n, c, g.input), y.dtype());
  newtape::detail::multiply_adds += y.size() * (c / g.groups) * element_count(g.kernel);
  if (x.size() == 0) return x;
  const Array source = contiguous(y), weights = contiguous(w), bias = b.defined() ? contiguous(b) : b;
  const std::int64_t in = c / g.groups, out = o / g.groups, places = element_count(g.kernel);
  const Direction d{
      n,      g.groups,   out, in, three(g.output, 1), three(g.input, 1), three(g.kernel, 1), out * in * places,
      places, in * places};
  const auto run = [&]<class T>() {
    for (const auto& pass : detail::backward_reads(g)) {
      apply<T>(d, pass, source.data<T>(), weights.data<T>(), bias_start<T>(bias), x.data<T>());
    }
  };
  y.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return x;
}

Array conv_weight(const Array& x, const Array& y, const ConvGeometry& g) {
  check("conv_weight", x, g.input, y, g.output, g);
  const auto n = x.shape()[0], c = x.shape()[1], o = y.shape()[1];
  if (n != y.shape()[0] || c % g.groups != 0 || o % g.groups != 0) reject("conv_weight", x, y, g);
  const std::int64_t in = c / g.groups, out = o / g.groups;
  const Shape shape = shaped(o, in, g.kernel);
  newtape::detail::multiply_adds += y.size() * in * element_count(g.kernel);
  if (n == 0 || y.size() == 0 || element_count(shape) == 0) return zeros(shape, x.dtype());
  Array w = Array::empty(shape, x.dtype());
  const Array source = contiguous(x), cotangents = contiguous(y);
  const auto run = [&]<class T>() { weight<T>(g, source.data<T>(), cotangents.data<T>(), n, in, out, w.data<T>()); };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return w;
}

}  // namespace newtape::core
