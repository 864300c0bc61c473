// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/grid_sample.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

/// Samples of images, and selection of boxes.
namespace newtape::onnx::detail {
namespace {

// --- GridSample ---

GridSampleOptions grid_options(Call& c) {
  const auto mode = c.text("mode", "bilinear"), padding = c.text("padding_mode", "zeros");
  GridSampleOptions o{.align_corners = c.integer("align_corners", 0) != 0};
  if (mode == "nearest") {
    o.mode = GridSampleMode::nearest;
  } else if (mode == "bicubic" || mode == "cubic") {
    o.mode = GridSampleMode::bicubic;
  } else if (mode != "bilinear" && mode != "linear") {
    c.fail("unknown mode", "bilinear, nearest or bicubic", mode);
  }
  o.padding = padding == "border"       ? GridPadding::border
              : padding == "reflection" ? GridPadding::reflection
                                        : GridPadding::zeros;
  return o;
}

Results grid_sample(Call& c) {
  const Tensor x = c.tensor(0), grid = c.tensor(1);
  return c.out(newtape::grid_sample(x, grid, grid_options(c)));
}

// --- RoiAlign ---

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

Results roi_align(Call& c) {
  const Tensor x = c.tensor(0);
  const auto boxes = c.reals(1);
  const Dims images = c.integers(2);
  const auto height = c.integer("output_height", 1), width = c.integer("output_width", 1);
  const auto ratio = c.integer("sampling_ratio", 0);
  const double scale = c.real("spatial_scale", 1);
  const auto mode = c.text("mode", "avg");
  const bool half = c.since() >= 16 && c.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  if (x.ndim() != 4 || boxes.size() != 4 * images.size() || height < 1 || width < 1) {
    c.fail("the inputs do not fit", "x [n, c, h, w], rois [m, 4], batch_indices [m]", to_string(x.shape()));
  }
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const double offset = half ? 0.5 : 0;
    std::array<double, 4> box{};
    for (std::size_t k = 0; k < 4; ++k) box[k] = boxes[4 * i + k] * scale - offset;
    double w = box[2] - box[0], h = box[3] - box[1];
    if (!half) {  // boxes are at least one pixel large
      w = std::max(w, 1.0);
      h = std::max(h, 1.0);
    }
    const RoiAxis ys(box[1], h, height, ratio, x.shape(2)), xs(box[0], w, width, ratio, x.shape(3));
    const Tensor samples =
        reshape(roi_samples(select(x, 0, images[i]), ys, xs), {x.shape(1), height, ys.samples, width, xs.samples});
    results.push_back(mode == "max" ? amax(samples, {2, 4}) : mean(samples, {2, 4}));
  }
  if (results.empty()) return c.out(zeros({0, x.shape(1), height, width}, x.dtype()));
  return c.out(stack(results, 0));
}

// --- NonMaxSuppression ---

using Box = std::array<double, 4>;  // top, left, bottom, right

double overlap(const Box& a, const Box& b) {
  const double h = std::min(a[2], b[2]) - std::max(a[0], b[0]), w = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (h <= 0 || w <= 0) return 0;
  const auto area = [](const Box& box) { return (box[2] - box[0]) * (box[3] - box[1]); };
  return h * w / (area(a) + area(b) - h * w);
}

std::vector<Box> boxes_of(const std::vector<double>& numbers, bool centres) {
  std::vector<Box> boxes(numbers.size() / 4);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const double* p = numbers.data() + 4 * i;
    if (centres) {
      boxes[i] = {p[1] - p[3] / 2, p[0] - p[2] / 2, p[1] + p[3] / 2, p[0] + p[2] / 2};
    } else {
      boxes[i] = {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
    }
  }
  return boxes;
}

Results non_max_suppression(Call& c) {
  const Shape shape = c.peek(0).shape(), scores_shape = c.peek(1).shape();
  if (shape.size() != 3 || shape[2] != 4 || scores_shape.size() != 3 || scores_shape[2] != shape[1] ||
      scores_shape[0] != shape[0]) {
    c.fail("the inputs do not fit", "boxes [n, m, 4], scores [n, classes, m]",
           to_string(shape) + ", " + to_string(scores_shape));
  }
  const auto boxes = boxes_of(c.reals(0), c.integer("center_point_box", 0) != 0);
  const auto scores = c.reals(1);
  const auto most = c.given(2) ? c.integer(2) : 0;
  const double threshold = c.given(3) ? c.real(3) : 0;
  const auto m = static_cast<std::size_t>(shape[1]);
  std::vector<std::int64_t> chosen;
  for (std::int64_t image = 0; image < shape[0]; ++image) {
    for (std::int64_t k = 0; k < scores_shape[1]; ++k) {
      const double* const score = scores.data() + static_cast<std::size_t>(image * scores_shape[1] + k) * m;
      const Box* const box = boxes.data() + static_cast<std::size_t>(image) * m;
      std::vector<std::size_t> order, kept;
      for (std::size_t i = 0; i < m; ++i) {
        if (!c.given(4) || score[i] > c.real(4)) order.push_back(i);
      }
      std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return score[a] > score[b]; });
      for (const auto i : order) {
        if (std::ssize(kept) >= most) break;
        if (std::any_of(kept.begin(), kept.end(), [&](auto j) { return overlap(box[i], box[j]) > threshold; }))
          continue;
        kept.push_back(i);
        chosen.insert(chosen.end(), {image, k, static_cast<std::int64_t>(i)});
      }
    }
  }
  const auto n = std::ssize(chosen) / 3;
  return c.out(tensor(chosen, Shape{n, 3}, i64), ElementType::int64);
}

constexpr Row detection_table[] = {
    {"GridSample", {16, 20, 22}, grid_sample},
    {"NonMaxSuppression", {10, 11}, non_max_suppression},
    {"RoiAlign", {10, 16, 22}, roi_align, {.settings = input_bits({1})}},
};

}  // namespace

Rows detection_rows() { return detection_table; }

}  // namespace newtape::onnx::detail
