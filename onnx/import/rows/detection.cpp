// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detection.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/grid_sample.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <vector>

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

Results roi_align_row(Call& c) {
  const Tensor x = c.tensor(0), boxes = c.tensor(1), images = c.tensor(2);
  const auto mode = c.text("mode", "avg");
  const bool half = c.since() >= 16 && c.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  return c.out(roi_align(x, boxes, images,
                         {.output_size = {c.integer("output_height", 1), c.integer("output_width", 1)},
                          .spatial_scale = c.real("spatial_scale", 1),
                          .sampling_ratio = c.integer("sampling_ratio", 0),
                          .aligned = half,
                          .mode = mode == "max" ? RoiAlignMode::max : RoiAlignMode::mean}));
}

// --- NonMaxSuppression ---

/// [.., 4] with corners in any order, or centres and sizes, as (x1, y1, x2, y2).
Tensor corners_of(const Tensor& boxes, bool centres) {
  const auto part = [&](std::int64_t k) { return slice(boxes, -1, k, k + 2); };
  const Tensor a = part(0), b = part(2);
  if (centres) return concatenate({a - b * 0.5, a + b * 0.5}, -1);
  return concatenate({minimum(a, b), maximum(a, b)}, -1);
}

Results non_max_suppression(Call& c) {
  const Shape shape = c.peek(0).shape(), scores_shape = c.peek(1).shape();
  if (shape.size() != 3 || shape[2] != 4 || scores_shape.size() != 3 || scores_shape[2] != shape[1] ||
      scores_shape[0] != shape[0]) {
    c.fail("the inputs do not fit", "boxes [n, m, 4], scores [n, classes, m]",
           to_string(shape) + ", " + to_string(scores_shape));
  }
  const Tensor boxes = corners_of(c.peek(0).to(f64), c.integer("center_point_box", 0) != 0), scores = c.peek(1);
  const auto most = c.given(2) ? c.integer(2) : 0;
  const double threshold = c.given(3) ? c.real(3) : 0;
  std::vector<std::int64_t> chosen;
  for (std::int64_t image = 0; image < shape[0]; ++image) {
    for (std::int64_t k = 0; k < scores_shape[1]; ++k) {
      const Tensor of_class = select(select(scores, 0, image), 0, k);
      const auto score = reals_of(of_class.value());
      std::int64_t count = 0;
      for (const auto i : integers_of(nms(select(boxes, 0, image), of_class, threshold).value())) {
        if (count == most || (c.given(4) && !(score[static_cast<std::size_t>(i)] > c.real(4)))) break;
        chosen.insert(chosen.end(), {image, k, i});
        ++count;
      }
    }
  }
  const auto n = std::ssize(chosen) / 3;
  return c.out(tensor(chosen, Shape{n, 3}, i64), ElementType::int64);
}

constexpr Row detection_table[] = {
    {"GridSample", {16, 20, 22}, grid_sample},
    {"NonMaxSuppression", {10, 11}, non_max_suppression},
    {"RoiAlign", {10, 16, 22}, roi_align_row, {.settings = input_bits({1})}},
};

}  // namespace

Rows detection_rows() { return detection_table; }

}  // namespace newtape::onnx::detail
