// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/conv_passes.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>

namespace newtape::core::detail {
namespace {

/// The gradient of the weights, from images and the cotangents of the outputs.
template <class T>
class WeightGradient {
 public:
  WeightGradient(const ConvGeometry& g, const T* x, const T* y, std::int64_t images, std::int64_t in, std::int64_t out)
      : x_(x),
        y_(y),
        images_(images),
        groups_(g.groups),
        in_(in),
        out_(out),
        lanewise_(along_channels(out, kernel_.lanes)),
        pass_(forward_reads(g)),
        reads_(to_int3(g.input, 1), to_int3(g.kernel, 1), pass_, !lanewise_),
        columns_(reads_.taps_of_channels(in)),
        pixels_(static_cast<std::int64_t>(reads_.pixels.size())),
        input_size_(product(to_int3(g.input, 1))),
        lanes_(out, kernel_.lanes),
        width_(lanewise_ ? lanes_.width : 1),
        blocks_(lanewise_ ? lanes_.blocks : out),
        // The images are summed in fixed parts, so that the number of threads does not change the sums.
        parts_(std::clamp<std::int64_t>(8 / std::max<std::int64_t>(1, groups_ * blocks_), 1, images)),
        size_(column_count() * width_),
        // A panel takes several images at once when each has few pixels.
        batch_(lanewise_ ? std::clamp<std::int64_t>(128 / pixels_, 1, images) : 1),
        image_step_(reads_.padded.copied ? in * reads_.padded.channel : groups_ * in * input_size_) {
    for (std::int64_t i = 0; lanewise_ && i < batch_; ++i) {
      for (const auto p : reads_.pixels) steps_.push_back(i * image_step_ + p);
    }
  }

  void run(T* w) {
    Array partial = zeros({groups_ * blocks_ * parts_ * size_}, dtype_of<T>);
    T* const sums = partial.data<T>();
    const std::int64_t work = 1 + (images_ / parts_) * pixels_ * size_;
    newtape::detail::parallel_for(groups_ * blocks_ * parts_, std::max<std::int64_t>(1, (1 << 18) / work),
                                  [&](std::int64_t begin, std::int64_t end) { run(begin, end, sums); });
    for (std::int64_t b = 0; b < groups_ * blocks_; ++b) {
      T* total = sums + b * parts_ * size_;
      for (std::int64_t part = 1; part < parts_; ++part) {
        for (std::int64_t i = 0; i < size_; ++i) total[i] += total[part * size_ + i];
      }
      const std::int64_t first = b % blocks_ * width_;
      transpose_block(total, width_, w + (b / blocks_ * out_ + first) * column_count(), column_count(),
                      std::min(width_, out_ - first), column_count());
    }
  }

 private:
  std::int64_t column_count() const { return static_cast<std::int64_t>(columns_.size()); }

  /// Pieces `begin` to `end`, each the sum over one part of the images for one block of output channels.
  void run(std::int64_t begin, std::int64_t end, T* sums) {
    Array padded;
    if (reads_.padded.copied) padded = scratch(batch_ * image_step_ + kernel_.lanes, dtype_of<T>);
    Array transposed = scratch(batch_ * pixels_ * width_, dtype_of<T>);
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t part = piece % parts_;
      const std::int64_t block = piece / parts_ % blocks_;
      const std::int64_t group = piece / parts_ / blocks_;
      const std::int64_t last = images_ * (part + 1) / parts_;
      for (std::int64_t image = images_ * part / parts_; image < last; image += batch_) {
        const std::int64_t count = std::min(batch_, last - image);
        const T* from = x_ + (image * groups_ + group) * in_ * input_size_;
        for (std::int64_t i = 0; reads_.padded.copied && i < count; ++i) {
          reads_.padded.fill(from + i * groups_ * in_ * input_size_, in_, padded.data<T>() + i * image_step_);
        }
        if (reads_.padded.copied) from = padded.data<T>();
        const T* cotangent = y_ + ((image * groups_ + group) * out_ + block * width_) * pixels_;
        accumulate(from, cotangent, count, std::min(width_, out_ - block * width_), transposed.data<T>(),
                   sums + piece * size_);
      }
    }
  }

  /// Adds what `count` images contribute to the gradient of `channels` output channels.
  void accumulate(const T* images, const T* cotangent, std::int64_t count, std::int64_t channels, T* transposed,
                  T* sum) {
    if (!lanewise_) {
      kernel_.dots({cotangent, images, reads_.rows.data(), static_cast<std::int64_t>(reads_.rows.size()),
                    pass_[2].count, columns_.data(), column_count(), sum});
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      T* to = transposed + i * pixels_ * width_;
      transpose_block(cotangent + i * groups_ * out_ * pixels_, pixels_, to, width_, pixels_, channels);
      if (channels == width_) continue;
      for (std::int64_t p = 0; p < pixels_; ++p) std::fill(to + p * width_ + channels, to + (p + 1) * width_, T(0));
    }
    const std::int64_t tiles = (column_count() + kernel_.columns - 1) / kernel_.columns;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t c = column_count() * t / tiles;
      kernel_.panel({transposed, lanes_.vectors, images, steps_.data(), count * pixels_, columns_.data() + c,
                     column_count() * (t + 1) / tiles - c, nullptr, sum + c * width_});
    }
  }

  const kernels::ConvTable<T>& kernel_ = conv_table<T>();
  const T* x_;
  const T* y_;
  std::int64_t images_, groups_, in_, out_;
  bool lanewise_;
  Pass pass_;
  PassOffsets reads_;
  Offsets columns_;
  std::int64_t pixels_, input_size_;
  Lanes lanes_;
  std::int64_t width_, blocks_, parts_, size_, batch_, image_step_;
  Offsets steps_;
};

}  // namespace

template <class T>
void weight_gradient(const ConvGeometry& g, const T* x, const T* y, std::int64_t images, std::int64_t in,
                     std::int64_t out, T* w) {
  WeightGradient<T>(g, x, y, images, in, out).run(w);
}

template void weight_gradient(const ConvGeometry&, const float*, const float*, std::int64_t, std::int64_t, std::int64_t,
                              float*);
template void weight_gradient(const ConvGeometry&, const double*, const double*, std::int64_t, std::int64_t,
                              std::int64_t, double*);

}  // namespace newtape::core::detail
