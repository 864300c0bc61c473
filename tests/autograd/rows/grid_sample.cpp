// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/grid_sample.hpp>
#include <newtape/autograd/ops/interpolate.hpp>
#include <newtape/autograd/ops/pixel_shuffle.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/reduce.hpp>

namespace newtape::table {
namespace {

Call sampling(GridSampleMode mode, GridPadding padding, bool align) {
  return [=](Args& x) {
    const Tensor image = x[0], grid = x[1];
    const GridSampleOptions o{.mode = mode, .padding = padding, .align_corners = align};
    if (mode != GridSampleMode::nearest) return grid_sample(image, grid, o);
    return grid_sample(image, grid, o) + 0.0 * sum(grid);  // which has no derivative in the grid
  };
}
std::vector<Sample> grid_samples(const std::string& name, GridSampleMode mode) {
  std::vector<StoredCase> cases;
  for (const bool align : {false, true}) {
    const std::string tail = align ? "_aligned" : "";
    cases.push_back({"zeros" + tail, sampling(mode, GridPadding::zeros, align)});
    cases.push_back({"border" + tail, sampling(mode, GridPadding::border, align)});
    cases.push_back({"reflection" + tail, sampling(mode, GridPadding::reflection, align)});
  }
  cases.push_back({"empty", sampling(mode, GridPadding::zeros, false)});
  return stored("grid_sample " + name, cases);
}

Call antialiased(InterpolateMode mode, const PerAxis& size) {
  return [=](Args& x) { return interpolate(x[0], {.size = size, .mode = mode, .antialias = true}); };
}
Tensor reduced_by_factor(Args& x) {
  return interpolate(x[0], {.scale_factor = {0.4}, .mode = InterpolateMode::bilinear, .antialias = true});
}
void refused_antialias(const InterpolateOptions& options) { interpolate(of({1, 1, 3, 3}), options); }

const Domain cells{.low = 0, .high = 3, .dtype = i64};

const Rows image_rows{{
    {.name = "grid_sample bilinear",
     .samples = joined(
         grid_samples("bilinear", GridSampleMode::bilinear),
         stored("grid_sample bilinear", {{"volume", sampling(GridSampleMode::bilinear, GridPadding::border, false)},
                                         {"line", sampling(GridSampleMode::bilinear, GridPadding::zeros, true)}})),
     .rejects = {{Error::shape, "a grid for each", [] { grid_sample(matrix(), matrix()); }},
                 {Error::shape, "a grid for each",
                  [] {
                    grid_sample(of({1, 1, 2, 2}), of({1, 1, 2, 3}));
                  }},
                 {Error::shape, "a grid for each",
                  [] {
                    grid_sample(of({1, 1, 2, 2}), of({2, 1, 2, 2}));
                  }},
                 {Error::shape, "must not be empty",
                  [] {
                    grid_sample(of({1, 1, 0, 2}), of({1, 1, 2, 2}));
                  }},
                 {Error::dtype, "f32",
                  [] {
                    grid_sample(of({1, 1, 2, 2}), of({1, 1, 2, 2}, f64));
                  }},
                 {Error::value, "two spatial axes",
                  [] {
                    grid_sample(of({1, 1, 2}), of({1, 1, 1}), {.mode = GridSampleMode::bicubic});
                  }}},
     .composite = true,
     .tolerance_scale = 8},
    {.name = "grid_sample nearest",
     .samples = grid_samples("nearest", GridSampleMode::nearest),
     .composite = true,
     .tolerance_scale = 8},
    {.name = "grid_sample bicubic",
     .samples = grid_samples("bicubic", GridSampleMode::bicubic),
     .composite = true,
     .tolerance_scale = 16},
    {.name = "interpolate antialiased",
     .samples = stored("interpolate antialiased", {{"bilinear_2_3", antialiased(InterpolateMode::bilinear, {2, 3})},
                                                   {"bilinear_6_9", antialiased(InterpolateMode::bilinear, {6, 9})},
                                                   {"bicubic_3_3", antialiased(InterpolateMode::bicubic, {3, 3})},
                                                   {"bicubic_9_2", antialiased(InterpolateMode::bicubic, {9, 2})},
                                                   {"factor", reduced_by_factor},
                                                   {"empty", antialiased(InterpolateMode::bilinear, {2, 2})}}),
     .rejects = {{Error::value, "antialias", [] { refused_antialias({.size = 2, .antialias = true}); }},
                 {Error::value, "antialias",
                  [] {
                    refused_antialias(
                        {.size = 2, .mode = InterpolateMode::bilinear, .align_corners = true, .antialias = true});
                  }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "affine_grid",
     .samples = joined(
         stored("affine_grid", {{"plain",
                                 [](Args& x) {
                                   return affine_grid(x[0], {2, 1, 3, 4});
                                 }},
                                {"volume",
                                 [](Args& x) {
                                   return affine_grid(x[0], {1, 1, 2, 1, 3});
                                 }},
                                {"plain_aligned",
                                 [](Args& x) {
                                   return affine_grid(x[0], {2, 1, 3, 4}, true);
                                 }},
                                {"volume_aligned", [](Args& x) { return affine_grid(x[0], {1, 1, 2, 1, 3}, true); }}}),
         {{{{0, 2, 3}},
           [](Args& x) {
             return affine_grid(x[0], {0, 1, 2, 2});
           },
           [](const std::vector<Values>&) {
             return Values({0, 2, 2, 2});
           }}}),
     .rejects = {{Error::shape, "a map for each image", [] { affine_grid(of({1, 2, 3}), {2, 1, 3, 4}); }},
                 {Error::shape, "a map for each image", [] { affine_grid(of({1, 2, 3}), {1, 1, 3}); }},
                 {Error::value, "must not be empty", [] { affine_grid(of({1, 2, 3}), {1, 1, 0, 4}); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "pixel_shuffle",
     .samples = stored("pixel_shuffle", {{"plain", [](Args& x) { return pixel_shuffle(x[0], 2); }},
                                         {"three", [](Args& x) { return pixel_shuffle(x[0], 3); }},
                                         {"empty", [](Args& x) { return pixel_shuffle(x[0], 2); }}}),
     .rejects = {{Error::shape, "a multiple of 4 channels", [] { pixel_shuffle(of({6, 2, 2}), 2); }},
                 {Error::shape, "images", [] { pixel_shuffle(matrix(), 2); }},
                 {Error::value, "positive", [] { pixel_shuffle(of({4, 2, 2}), 0); }}},
     .composite = true},
    {.name = "pixel_unshuffle",
     .samples = stored("pixel_unshuffle", {{"plain", [](Args& x) { return pixel_unshuffle(x[0], 2); }},
                                           {"three", [](Args& x) { return pixel_unshuffle(x[0], 3); }},
                                           {"empty", [](Args& x) { return pixel_unshuffle(x[0], 2); }}}),
     .rejects = {{Error::shape, "of 2 rows and columns", [] { pixel_unshuffle(of({1, 2, 3}), 2); }}},
     .composite = true},
    {.name = "max_unpool",
     .domains = {{}, cells},
     .samples = stored("max_unpool",
                       {{"line", [](Args& x) { return max_unpool1d(x[0], x[1], 2); }},
                        {"plain", [](Args& x) { return max_unpool2d(x[0], x[1], 2); }},
                        {"padded", [](Args& x) { return max_unpool2d(x[0], x[1], 3, {.stride = 2, .padding = 1}); }},
                        {"volume", [](Args& x) { return max_unpool3d(x[0], x[1], 2); }},
                        {"size", [](Args& x) { return max_unpool1d(x[0], x[1], 2, {.output_size = 5}); }},
                        {"empty", [](Args& x) { return max_unpool1d(x[0], x[1], 2); }}}),
     .rejects = {{Error::shape, "spatial axes", [] { max_unpool2d(three(), three_ints(), 2); }},
                 {Error::shape, "one index", [] { max_unpool1d(matrix(), three_ints(), 2); }},
                 {Error::value, "9", [] { max_unpool1d(of({1, 1}), tensor({{9}}), 2); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
