// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detection.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::table {
namespace {

// Two boxes of the first image, one of them beyond its edge, and one of the second.
const Tensor boxes =
    tensor(std::vector<std::vector<double>>{{0.5, 1, 3.5, 4}, {2, -1.5, 6.75, 2.25}, {1, 1, 1.5, 3}}, f64);
const Tensor images = tensor(std::vector<std::int64_t>{0, 0, 1}, i64);
constexpr std::int64_t rows = 2, columns = 3;

/// The image x [c] at a place: bilinear, 0 more than a pixel outside of it, else of the nearest place inside.
long double at_place(const Values& x, std::int64_t image, std::int64_t c, long double row, long double column) {
  const auto h = x.shape[2], w = x.shape[3];
  if (row < -1 || row > static_cast<long double>(h) || column < -1 || column > static_cast<long double>(w)) return 0;
  row = std::clamp<long double>(row, 0, static_cast<long double>(h - 1));
  column = std::clamp<long double>(column, 0, static_cast<long double>(w - 1));
  long double sum = 0;
  for (std::int64_t i = 0; i < h; ++i) {
    for (std::int64_t j = 0; j < w; ++j) {
      const auto near = [](long double a, std::int64_t b) {
        return std::max(0.0L, 1 - std::fabs(a - static_cast<long double>(b)));
      };
      sum += near(row, i) * near(column, j) * x[{image, c, i, j}];
    }
  }
  return sum;
}

Reference aligned(const RoiAlignOptions& o) {
  return [o](const std::vector<Values>& x) {
    const auto channels = x[0].shape[1];
    Values y({3, channels, rows, columns});
    for_each_index(y.shape, [&](const Dims& at) {
      const double* const box = boxes.value().data<double>() + 4 * at[0];
      const auto bin = [&](int from, int to, std::int64_t bins) {
        const double size = (box[to] - box[from]) * o.spatial_scale;
        return (o.aligned ? size : std::max(size, 1.0)) / static_cast<double>(bins);
      };
      const double bin_h = bin(1, 3, rows), bin_w = bin(0, 2, columns), shift = o.aligned ? 0.5 : 0;
      const auto count = [&](double size) {
        return o.sampling_ratio > 0 ? o.sampling_ratio : std::max<std::int64_t>(1, std::llround(std::ceil(size)));
      };
      const auto down = count(bin_h), across = count(bin_w);
      long double sum = 0, most = -std::numeric_limits<long double>::infinity();
      for (std::int64_t i = 0; i < down; ++i) {
        for (std::int64_t j = 0; j < across; ++j) {
          const auto place = [&](int from, std::int64_t index, double size, std::int64_t k, std::int64_t n) {
            const double part = static_cast<double>(index) + (static_cast<double>(k) + 0.5) / static_cast<double>(n);
            return box[from] * o.spatial_scale - shift + size * part;
          };
          const long double v = at_place(x[0], at[0] == 2 ? 1 : 0, at[1], place(1, at[2], bin_h, i, down),
                                         place(0, at[3], bin_w, j, across));
          sum += v;
          most = std::max(most, v);
        }
      }
      y[at] = o.mode == RoiAlignMode::max ? most : sum / static_cast<long double>(down * across);
    });
    return y;
  };
}

Sample sample(RoiAlignOptions o, std::int64_t channels = 2) {
  o.output_size = {rows, columns};
  return {{{2, channels, 5, 4}}, [o](Args& x) { return roi_align(x[0], boxes, images, o); }, aligned(o)};
}
void refused(const Tensor& x, const Tensor& in, const Tensor& of_images, const RoiAlignOptions& o = {}) {
  roi_align(x, in, of_images, o);
}
Tensor image() { return of({1, 1, 3, 3}); }
Tensor box(double first) { return tensor(std::vector<std::vector<double>>{{first, 0, 2, 2}}, f64); }
Tensor number(std::int64_t i) { return tensor(std::vector<std::int64_t>{i}, i64); }

const Rows detection_rows{{
    {.name = "roi_align",
     .samples = {sample({}), sample({.sampling_ratio = 2, .aligned = true}),
                 sample({.spatial_scale = 0.5, .aligned = true}), sample({.spatial_scale = 0.25}), sample({}, 0)},
     .rejects = {{Error::shape, "images with pixels", [] { refused(matrix(), box(0), number(0)); }},
                 {Error::shape, "four coordinates", [] { refused(image(), image(), number(0)); }},
                 {Error::shape, "number of its image", [] { refused(image(), box(0), images); }},
                 {Error::dtype, "must be floats",
                  [] {
                    refused(image(), tensor({{0, 0, 1, 1}}), number(0));
                  }},
                 {Error::value, "no such image", [] { refused(image(), box(0), number(1)); }},
                 {Error::value, "not finite", [] { refused(image(), box(NAN), number(0)); }},
                 {Error::value, "too large", [] { refused(image(), box(-1e9), number(0)); }},
                 {Error::value, "out of range", [] { refused(image(), box(0), number(0), {.sampling_ratio = -1}); }}},
     .composite = true,
     .tolerance_scale = 8},
    {.name = "roi_align max",
     .samples = {sample({.sampling_ratio = 3, .mode = RoiAlignMode::max}), sample({.mode = RoiAlignMode::max}, 0)},
     .composite = true,
     .tolerance_scale = 8},
}};

}  // namespace
}  // namespace newtape::table
