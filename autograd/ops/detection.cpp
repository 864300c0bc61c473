// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detection.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/stable_sort.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace newtape {
namespace {

/// Places along one axis of a box: for each bin `samples` of them, each two pixels and their weights.
struct RoiAxis {
  std::vector<std::int64_t> low, high;
  std::vector<double> weight_low, weight_high;
  std::int64_t samples;

  RoiAxis(double start, double size, std::int64_t bins, std::int64_t ratio, std::int64_t length)
      : samples(ratio > 0 ? ratio
                          : std::max<std::int64_t>(
                                1, static_cast<std::int64_t>(std::ceil(size / static_cast<double>(bins))))) {
    const double bin = size / static_cast<double>(bins);
    for (std::int64_t b = 0; b < bins; ++b) {
      for (std::int64_t k = 0; k < samples; ++k) {
        double at =
            start + static_cast<double>(b) * bin + (static_cast<double>(k) + 0.5) * bin / static_cast<double>(samples);
        const bool outside = at < -1 || at > static_cast<double>(length);
        at = std::clamp(at, 0.0, static_cast<double>(length - 1));
        low.push_back(static_cast<std::int64_t>(at));
        high.push_back(std::min(low.back() + 1, length - 1));
        const double t = at - static_cast<double>(low.back());
        weight_low.push_back(outside ? 0 : 1 - t);
        weight_high.push_back(outside ? 0 : t);
      }
    }
  }
};

/// One box of an image [c, h, w]: [c, bins.., samples..] by four pixels each.
Tensor roi_samples(const Tensor& image, const RoiAxis& ys, const RoiAxis& xs) {
  const auto column = [&](const std::vector<double>& w) {
    return tensor(w, Shape{static_cast<std::int64_t>(w.size()), 1}, image.dtype());
  };
  const auto row = [&](const std::vector<double>& w) {
    return tensor(w, Shape{static_cast<std::int64_t>(w.size())}, image.dtype());
  };
  const Tensor rows = take(image, tensor(ys.low, i64), 1) * column(ys.weight_low) +
                      take(image, tensor(ys.high, i64), 1) * column(ys.weight_high);
  return take(rows, tensor(xs.low, i64), 2) * row(xs.weight_low) +
         take(rows, tensor(xs.high, i64), 2) * row(xs.weight_high);
}

using Box = std::array<double, 4>;  // x1, y1, x2, y2

/// The boxes [k, 4], which are finite: the number of their samples depends on them.
std::vector<Box> boxes_of(const std::string& op, const Tensor& boxes) {
  if (!is_floating(boxes.dtype())) {
    raise<DTypeError>(op + ": the boxes must be floats", "f32 or f64", std::string(name(boxes.dtype())));
  }
  if (boxes.ndim() != 2 || boxes.shape(1) != 4) {
    raise<ShapeError>(op + ": a box has four coordinates", "boxes [k, 4]", to_string(boxes.shape()));
  }
  const Array from = core::contiguous(core::cast(boxes.value(), f64));
  std::vector<Box> all(static_cast<std::size_t>(boxes.shape(0)));
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::copy_n(from.data<double>() + 4 * i, 4, all[i].begin());
    for (const double v : all[i]) {
      if (!std::isfinite(v)) {
        raise<ValueError>(op + ": a box is not finite", "finite coordinates",
                          "box " + std::to_string(i) + ": " + std::to_string(v));
      }
    }
  }
  return all;
}

double area(const Box& b) { return (b[2] - b[0]) * (b[3] - b[1]); }

/// Intersection over union.
double overlap(const Box& a, const Box& b) {
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]), h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  return w <= 0 || h <= 0 ? 0 : w * h / (area(a) + area(b) - w * h);
}

/// The numbers of the images of the boxes.
std::vector<std::int64_t> images_of(const Tensor& images, std::int64_t boxes, std::int64_t count) {
  if (images.ndim() != 1 || images.shape(0) != boxes) {
    raise<ShapeError>("roi_align: each box needs the number of its image", "images [" + std::to_string(boxes) + "]",
                      to_string(images.shape()));
  }
  const Array from = core::contiguous(core::as_indices("roi_align", images.value()));
  std::vector<std::int64_t> all(from.data<std::int64_t>(), from.data<std::int64_t>() + boxes);
  for (const auto i : all) {
    if (i < 0 || i >= count) {
      raise<ValueError>("roi_align: there is no such image", "0 to " + std::to_string(count - 1), std::to_string(i));
    }
  }
  return all;
}

}  // namespace

Tensor roi_align(In x, const Tensor& boxes, const Tensor& images, const RoiAlignOptions& o) {
  const CallSite here(x.location());
  expect_floating("roi_align", x.value());
  if (x.ndim() != 4 || x.shape()[2] == 0 || x.shape()[3] == 0) {
    raise<ShapeError>("roi_align: x must be images with pixels", "x [n, c, h, w]", to_string(x.shape()));
  }
  const Dims bins = o.output_size.over("roi_align", "output_size", 2, 1);
  // More samples than pixels within reach say nothing new, and a box of any size is but a few numbers.
  constexpr double longest = 1 << 20;
  if (o.sampling_ratio < 0 || o.sampling_ratio > 4096 || !(o.spatial_scale > 0) || bins[0] < 1 || bins[1] < 1) {
    raise<ValueError>(
        "roi_align: an option is out of range", "sampling_ratio from 0 to 4096, spatial_scale above 0, bins",
        std::to_string(o.sampling_ratio) + ", " + std::to_string(o.spatial_scale) + ", " + to_string(bins));
  }
  const auto all = boxes_of("roi_align", boxes);
  const auto numbers = images_of(images, boxes.shape(0), x.shape()[0]);
  const Tensor& pixels = x.tensor();
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Box box = all[i];
    for (auto& v : box) v = v * o.spatial_scale - (o.aligned ? 0.5 : 0);
    const double least = o.aligned ? 0 : 1;  // of a box in pixels
    const double w = std::max(box[2] - box[0], least), h = std::max(box[3] - box[1], least);
    if (w > longest || h > longest) {
      raise<ValueError>("roi_align: a box is too large", "at most 2^20 pixels wide and high",
                        std::to_string(w) + " x " + std::to_string(h));
    }
    const RoiAxis ys(box[1], h, bins[0], o.sampling_ratio, pixels.shape(2));
    const RoiAxis xs(box[0], w, bins[1], o.sampling_ratio, pixels.shape(3));
    const Tensor samples = reshape(roi_samples(select(pixels, 0, numbers[i]), ys, xs),
                                   {pixels.shape(1), bins[0], ys.samples, bins[1], xs.samples});
    results.push_back(o.mode == RoiAlignMode::max ? amax(samples, {2, 4}) : mean(samples, {2, 4}));
  }
  if (results.empty()) return zeros({0, pixels.shape(1), bins[0], bins[1]}, pixels.dtype());
  return stack(results, 0);
}

Tensor nms(const Tensor& boxes, const Tensor& scores, double iou_threshold, SourceLocation location) {
  const CallSite here(location);
  const auto all = boxes_of("nms", boxes);
  if (scores.ndim() != 1 || scores.shape(0) != boxes.shape(0)) {
    raise<ShapeError>("nms: each box needs a score", "scores [" + std::to_string(boxes.shape(0)) + "]",
                      to_string(scores.shape()));
  }
  const Array values = core::contiguous(core::cast(scores.value(), f64));
  const double* const score = values.data<double>();
  if (std::any_of(score, score + all.size(), [](double s) { return std::isnan(s); })) {
    raise<ValueError>("nms: a score is NaN", "scores that can be put in order", "NaN");
  }
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  detail::stable_sort(order, [&](auto a, auto b) { return score[a] > score[b]; });
  std::vector<std::int64_t> kept;
  for (const auto i : order) {
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](auto j) {
      return overlap(all[i], all[static_cast<std::size_t>(j)]) > iou_threshold;
    });
    if (!covered) kept.push_back(static_cast<std::int64_t>(i));
  }
  return tensor(kept, i64);
}

}  // namespace newtape
