// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/data/formats/npy.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <algorithm>
#include <cmath>

using namespace newtape;
using data::Resampling;

namespace {

/// Of tests/files/data/make_transforms.py.
Array stored(const std::string& name) { return data::read_npy(test_file("transforms/" + name + ".npy")); }

/// Largest difference, of equal shapes.
double largest_difference(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  return core::max(core::abs(core::sub(core::cast(a, f64), core::cast(b, f64)))).item();
}

/// x in reverse order along an axis.
Array mirrored(const Array& x, std::int64_t axis) {
  const auto n = x.shape(axis);
  return core::take(x, core::sub(core::full({n}, static_cast<double>(n - 1), i64), core::arange(n, i64)), axis);
}

/// Applies a transform to the image as a batch of one.
Array of_one(const data::Transform& t, const Array& image, std::uint64_t seed = 1) {
  Generator g(seed);
  return core::select(t(data::Batch{core::unsqueeze(image, 0)}, g)[0], 0, 0);
}

// Sums of a few dozen products of numbers up to 1 with weights that add up to about 1.
constexpr double f64_bound = 1e-13;
constexpr double f32_bound = 1e-5;

}  // namespace

TEST_CASE("resize agrees with PyTorch's interpolate and with Pillow") {
  const Array image = stored("image");
  for (const auto& [h, w] : {std::pair(5, 7), std::pair(20, 30), std::pair(6, 40)}) {
    const std::string size = std::to_string(h) + "x" + std::to_string(w);
    INFO(size);
    for (const auto& [mode, name] : {std::pair(Resampling::bilinear, "bilinear"), {Resampling::bicubic, "bicubic"}}) {
      INFO(name);
      const std::string prefix = name;
      const auto plain = stored(prefix + "_plain_" + size);
      CHECK(largest_difference(data::resize(image, h, w, {.mode = mode, .antialias = false}), plain) < f64_bound);
      const Array y = data::resize(image, h, w, {.mode = mode});
      CHECK(largest_difference(y, stored(prefix + "_antialias_" + size)) < f64_bound);
      CHECK(largest_difference(y, stored(prefix + "_pillow_" + size)) < f32_bound);
      const Array narrow = data::resize(core::cast(image, f32), h, w, {.mode = mode});
      CHECK(narrow.dtype() == f32);
      CHECK(largest_difference(narrow, y) < f32_bound);
    }
    CHECK(largest_difference(data::resize(image, h, w, {.mode = Resampling::nearest}), stored("nearest_" + size)) == 0);
    CHECK(largest_difference(data::resize(image, h, w, {.mode = Resampling::area}), stored("area_" + size)) <
          f64_bound);
  }
  const Array even = core::contiguous(core::slice(core::slice(image, 1, 0, 10), 2, 0, 16));
  CHECK(largest_difference(data::resize(even, 5, 8, {.mode = Resampling::area}), stored("area_torch")) < f64_bound);
}

TEST_CASE("resize keeps constants, sizes, any leading axes and layouts; the shorter side alone keeps proportions") {
  for (const auto mode : {Resampling::nearest, Resampling::bilinear, Resampling::bicubic, Resampling::area}) {
    for (const bool antialias : {false, true}) {
      for (const auto& [h, w] : {std::pair(1, 1), std::pair(3, 50), std::pair(31, 2), std::pair(7, 9)}) {
        const Array y = data::resize(core::full({2, 7, 9}, 0.25, f64), h, w, {.mode = mode, .antialias = antialias});
        REQUIRE(y.shape() == Shape{2, h, w});
        CHECK(largest_difference(y, core::full({2, h, w}, 0.25, f64)) < f64_bound);
      }
    }
  }
  const Array image = stored("image");
  CHECK(data::resize(image, 22).shape() == Shape{3, 22, 34});
  CHECK(data::resize(core::transpose(image, 1, 2), 5).shape() == Shape{3, 7, 5});
  CHECK(largest_difference(data::resize(core::transpose(image, 1, 2), 7, 5),
                           core::transpose(data::resize(image, 5, 7), 1, 2)) < f64_bound);
  CHECK(largest_difference(of_one(data::resize(5, 7), image), data::resize(image, 5, 7)) == 0);
  CHECK(largest_difference(of_one(data::resize(5), image), data::resize(image, 5)) == 0);
  CHECK(data::resize(core::ones({0, 3, 4, 4}, f32), 2, 2).shape() == Shape{0, 3, 2, 2});
  CHECK_THROWS_AS(data::resize(image, 0, 2), ValueError);
  CHECK_THROWS_AS(data::resize(-1), ValueError);
  CHECK_THROWS_AS(data::resize(core::ones({0, 4}, f32), 2, 2), ShapeError);
  CHECK_THROWS_AS(data::resize(core::ones({4}, f32), 2, 2), ShapeError);
  CHECK_THROWS_AS(data::resize(core::ones({4, 4}, i64), 2, 2), DTypeError);
  CHECK_THROWS_WITH(of_one(data::resize(2, 2), core::ones({4}, f32)), contains("resize") && contains("[n, .., h, w]"));
}

TEST_CASE("center_crop cuts the middle, or surrounds it with zeros") {
  const Array image = core::reshape(core::arange(30, f32), {5, 6});
  CHECK(values<float>(data::center_crop(image, 1, 2)) == std::vector<float>{14, 15});
  // 1.5 rows before are rounded to even, 2.
  CHECK(values<float>(data::center_crop(image, 2, 2)) == std::vector<float>{14, 15, 20, 21});
  const Array wide = data::center_crop(core::ones({2, 1, 1}, i64), 2, 4);
  CHECK(values<std::int64_t>(wide) == std::vector<std::int64_t>{0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(of_one(data::center_crop(3, 8), image).shape() == Shape{3, 8});
  CHECK_THROWS_AS(data::center_crop(0, 1), ValueError);
  CHECK_THROWS_AS(data::center_crop(core::ones({3}, f32), 1, 1), ShapeError);
}

TEST_CASE("random_resized_crop: crops have areas and proportions in their ranges") {
  // A ramp along each axis: after resizing to two pixels an axis, their difference is half the crop's length.
  const std::int64_t h = 60;
  const std::int64_t w = 80;
  Array image = Array::empty({2, h, w}, f64);
  for (std::int64_t i = 0; i < h * w; ++i) {
    image.data<double>()[i] = static_cast<double>(i / w);
    image.data<double>()[h * w + i] = static_cast<double>(i % w);
  }
  const auto crop = data::random_resized_crop(2, 2, {.min_area = 0.1, .resize = {.mode = Resampling::area}});
  double smallest = 1;
  double largest = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto y = values<double>(core::contiguous(of_one(crop, image, seed)));
    const double height = 2 * (y[2] - y[0]);
    const double width = 2 * (y[5] - y[4]);
    const double area = height * width / static_cast<double>(h * w);
    smallest = std::min(smallest, area);
    largest = std::max(largest, area);
    // Lengths are rounded to whole pixels.
    CHECK((width + 0.5) / (height - 0.5) > 3.0 / 4);
    CHECK((width - 0.5) / (height + 0.5) < 4.0 / 3);
    CHECK((height + 0.5) * (width + 0.5) > 0.1 * h * w);
    CHECK(y[0] >= 0);
    CHECK(y[5] <= static_cast<double>(w));
  }
  CHECK(smallest < 0.2);
  CHECK(largest > 0.8);
  // No crop fits: the middle, with the nearest proportions.
  const auto square = data::random_resized_crop(2, 2, {.min_area = 1, .min_ratio = 1, .max_ratio = 1});
  CHECK(largest_difference(of_one(square, image), data::resize(core::slice(image, 2, 10, 70), 2, 2)) < 1e-12);
  Generator g;
  CHECK(crop(data::Batch{Array::empty({0, 3, 5, 5}, f32)}, g)[0].shape() == Shape{0, 3, 2, 2});
  CHECK_THROWS_AS(data::random_resized_crop(2, 2, {.min_area = 0}), ValueError);
  CHECK_THROWS_AS(data::random_resized_crop(2, 2, {.min_ratio = 2, .max_ratio = 1}), ValueError);
  CHECK_THROWS_AS(data::random_resized_crop(2, 0), ValueError);
}

TEST_CASE("affine agrees with PyTorch's grid_sample, and with flips and shifts") {
  const Array image = stored("image");
  for (const auto mode : {Resampling::nearest, Resampling::bilinear}) {
    const auto check = [&](const std::string& name, data::AffineOptions options) {
      INFO(name << (mode == Resampling::nearest ? " nearest" : " bilinear"));
      options.mode = mode;
      const Array wanted = stored("affine_" + name + (mode == Resampling::nearest ? "_nearest" : "_bilinear"));
      CHECK(largest_difference(data::affine(image, options), wanted) < f64_bound);
      CHECK(largest_difference(data::affine(core::cast(image, f32), options), wanted) < f32_bound);
    };
    check("rotate", {.degrees = 33});
    check("move", {.translate_y = -3, .translate_x = 2.25});
    check("all", {.degrees = -20, .translate_y = 2, .translate_x = 1, .scale = 1.3, .shear_y = 5, .shear_x = 10});
    check("shrink", {.degrees = 100, .scale = 0.6, .shear_x = -25});
  }
  CHECK(largest_difference(data::rotate(image, 180), mirrored(mirrored(image, 1), 2)) < f64_bound);
  // Counter-clockwise: the right column becomes the top row.
  const Array square = core::reshape(core::arange(9, f64), {3, 3});
  const Array turned(data::rotate(square, 90));
  CHECK(largest_difference(turned, mirrored(core::transpose(square, 0, 1), 0)) < 1e-12);
  const Array moved = data::affine(square, {.translate_x = 1, .fill = -1});
  CHECK(values<double>(moved) == std::vector<double>{-1, 0, 1, -1, 3, 4, -1, 6, 7});
  CHECK(largest_difference(data::affine(image, {.translate_x = 1e18}), core::zeros({3, 11, 17}, f64)) == 0);
  CHECK_THROWS_AS(data::affine(image, {.scale = 0}), ValueError);
  CHECK_THROWS_AS(data::affine(image, {.shear_x = 90}), ValueError);
  CHECK_THROWS_AS(data::affine(image, {.mode = Resampling::bicubic}), ValueError);
  CHECK_THROWS_AS(data::rotate(core::ones({3}, f32), 1), ShapeError);
  CHECK_THROWS_AS(data::rotate(core::ones({3, 3}, i64), 1), DTypeError);
}

TEST_CASE("random_affine stays in its ranges, each example apart, its channels together") {
  // One bright pixel in the middle of each channel; translations move it.
  Array dots = core::zeros({400, 2, 21, 31}, f32);
  for (std::int64_t i = 0; i < 800; ++i) dots.data<float>()[(i * 21 + 10) * 31 + 15] = 1;
  Generator g(3);
  const auto t = data::random_affine({.translate_y = 0.2, .translate_x = 0.1, .mode = Resampling::nearest});
  const Array y = t(data::Batch{dots}, g)[0];
  std::vector<int> rows;
  std::vector<int> columns;
  for (std::int64_t i = 0; i < 400; ++i) {
    const float* const p = y.data<float>() + i * 2 * 21 * 31;
    const auto at = std::max_element(p, p + 21 * 31) - p;
    CHECK(p[at + 21 * 31] == 1);
    rows.push_back(static_cast<int>(at) / 31 - 10);
    columns.push_back(static_cast<int>(at) % 31 - 15);
  }
  CHECK(*std::min_element(rows.begin(), rows.end()) == -4);  // 0.2 * 21
  CHECK(*std::max_element(rows.begin(), rows.end()) == 4);
  CHECK(*std::min_element(columns.begin(), columns.end()) == -3);
  CHECK(*std::max_element(columns.begin(), columns.end()) == 3);
  const Array image = stored("image");
  CHECK(largest_difference(of_one(data::random_rotation(0), image), image) < f64_bound);
  CHECK(largest_difference(of_one(data::random_rotation(10), image), image) > 0.01);
  CHECK_THROWS_AS(data::random_rotation(-1), ValueError);
  CHECK_THROWS_AS(data::random_affine({.translate_y = 1.5}), ValueError);
  CHECK_THROWS_AS(data::random_affine({.min_scale = 2}), ValueError);
  CHECK_THROWS_AS(of_one(data::random_rotation(1), core::ones({3, 3}, i64)), DTypeError);
}

TEST_CASE("changes of colour agree with their definitions and with colorsys") {
  const Array image = stored("image");
  const auto check = [&](const std::string& name, const std::function<Array(const Array&)>& f) {
    INFO(name);
    CHECK(largest_difference(f(image), stored(name)) < f64_bound);
    CHECK(largest_difference(f(core::cast(image, f32)), stored(name)) < f32_bound);
    const Array many = core::stack(std::vector<Array>{mirrored(image, 2), image});
    CHECK(largest_difference(core::select(f(many), 0, 1), stored(name)) < f64_bound);
  };
  check("brightness", [](const Array& x) { return data::adjust_brightness(x, 1.4); });
  check("contrast", [](const Array& x) { return data::adjust_contrast(x, 0.5); });
  check("saturation", [](const Array& x) { return data::adjust_saturation(x, 1.7); });
  check("hue_up", [](const Array& x) { return data::adjust_hue(x, 0.2); });
  check("hue_down", [](const Array& x) { return data::adjust_hue(x, -0.45); });
  check("grey", [](const Array& x) { return data::rgb_to_grayscale(x); });
  // Primary colours turn into each other, greys stay.
  const Array red = core::reshape(data::read_npy(test_file("transforms/image.npy")), {3, 11, 17});
  const Array green = data::adjust_hue(data::adjust_hue(red, 1.0 / 3), -1.0 / 3);
  CHECK(largest_difference(green, red) < 1e-12);
  CHECK(values<float>(data::adjust_hue(core::full({3, 1, 1}, 0.3, f32), 0.4)) == std::vector<float>(3, 0.3F));
  CHECK(largest_difference(data::adjust_contrast(core::select(image, 0, 0), 0),
                           core::full({11, 17}, core::mean(core::select(image, 0, 0)).item(), f64)) < 1e-12);
  CHECK_THROWS_AS(data::adjust_hue(image, 0.6), ValueError);
  CHECK_THROWS_AS(data::adjust_brightness(image, -1), ValueError);
  CHECK_THROWS_AS(data::adjust_saturation(core::ones({2, 2}, f32), 1), ShapeError);
  CHECK_THROWS_AS(data::rgb_to_grayscale(core::ones({1, 2, 2}, f32)), ShapeError);
  CHECK_THROWS_AS(data::adjust_contrast(core::ones({2, 2}, i64), 1), DTypeError);
}

TEST_CASE("color_jitter draws factors of its ranges, in random order; grey batches have no hue") {
  const auto brighter = data::color_jitter({.brightness = 0.5});
  double low = 9;
  double high = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const double v = of_one(brighter, core::full({3, 1, 1}, 0.5, f64), seed).data<double>()[0] / 0.5;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  CHECK(low >= 0.5);
  CHECK(low < 0.55);
  CHECK(high <= 1.5);
  CHECK(high > 1.45);
  const Array image = stored("image");
  CHECK(largest_difference(of_one(data::color_jitter({}), image), image) == 0);
  // Clipping makes the order matter: both orders occur.
  const auto both = data::color_jitter({.brightness = 1, .contrast = 1, .saturation = 1, .hue = 0.5});
  CHECK(largest_difference(of_one(both, image, 1), of_one(both, image, 2)) > 0.01);
  CHECK(of_one(both, core::ones({4, 5}, f32)).shape() == Shape{4, 5});
  CHECK(of_one(both, core::ones({1, 4, 5}, f32)).shape() == Shape{1, 4, 5});
  CHECK_THROWS_AS(of_one(both, core::ones({2, 4, 5}, f32)), ShapeError);
  CHECK_THROWS_AS(of_one(both, core::ones({3, 4, 5}, i64)), DTypeError);
  CHECK_THROWS_AS(data::color_jitter({.hue = 0.6}), ValueError);
  CHECK_THROWS_AS(data::color_jitter({.contrast = -1}), ValueError);

  const Array colours = core::stack(std::vector<Array>(1000, core::slice(core::slice(image, 1, 0, 1), 2, 0, 1)));
  Generator g(2);
  const Array some = data::random_grayscale(0.3)(data::Batch{colours}, g)[0];
  int grey = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto* p = some.data<double>() + 3 * i;
    grey += std::abs(p[0] - p[1]) < 1e-12 && std::abs(p[1] - p[2]) < 1e-12 ? 1 : 0;
  }
  CHECK(std::abs(grey - 300) < 5 * std::sqrt(1000 * 0.21));
  CHECK_THROWS_AS(data::random_grayscale(2), ValueError);
}

TEST_CASE("transforms of bytes give the rounded bytes of those of floats") {
  // Multiples of 1 / 255, so that bytes hold the image exactly.
  const Array floats =
      core::div(core::round(core::mul(stored("image"), core::full({}, 255, f64))), core::full({}, 255, f64));
  const Array image = core::cast(core::round(core::mul(floats, core::full({}, 255, f64))), u8);
  const auto check = [&](const std::string& name, const std::function<Array(const Array&)>& f) {
    INFO(name);
    const Array y = f(image);
    REQUIRE(y.dtype() == u8);
    const Array wanted = core::clip(core::mul(core::cast(f(floats), f64), core::full({}, 255, f64)),
                                    core::zeros({}, f64), core::full({}, 255, f64));
    CHECK(largest_difference(y, wanted) < 0.5 + 1e-3);  // computed in f32
  };
  check("resize", [](const Array& x) { return data::resize(x, 5, 30, {.mode = Resampling::bicubic}); });
  check("shorter", [](const Array& x) { return data::resize(x, 5); });
  check("center_crop", [](const Array& x) { return data::center_crop(x, 5, 30); });
  check("rotate", [](const Array& x) { return data::rotate(x, 20); });
  check("brightness", [](const Array& x) { return data::adjust_brightness(x, 1.6); });
  check("contrast", [](const Array& x) { return data::adjust_contrast(x, 1.5); });
  check("saturation", [](const Array& x) { return data::adjust_saturation(x, 2); });
  check("hue", [](const Array& x) { return data::adjust_hue(x, 0.3); });
  check("grey", [](const Array& x) { return data::rgb_to_grayscale(x); });
  const auto transform = [&](const std::string& name, const data::Transform& t) {
    check(name, [&](const Array& x) { return of_one(t, x, 5); });
  };
  transform("random_crop", data::random_crop(5, 6, {.padding = 1}));
  transform("random_resized_crop", data::random_resized_crop(5, 6));
  transform("flips", data::compose({data::random_horizontal_flip(1), data::random_vertical_flip(1)}));
  transform("erasing", data::random_erasing({.p = 1}));
  transform("affine", data::random_affine({.degrees = 20, .translate_x = 0.1}));
  transform("jitter", data::color_jitter({.brightness = 0.5}));
  transform("grayscale", data::random_grayscale(1));
  check("grid", [](const Array& x) { return data::make_grid(x, {.columns = 2}); });

  const Array back = of_one(data::to_float({.dtype = f64}), image);
  CHECK(largest_difference(back, floats) <= epsilon(f64));  // times 1 / 255, and divided by 255
  CHECK(of_one(data::to_float(), image).dtype() == f32);
  CHECK(values<float>(of_one(data::to_float(), core::full({1}, 255, u8))) == std::vector<float>{1});
  CHECK(largest_difference(of_one(data::to_float(), floats), core::cast(floats, f32)) == 0);
  CHECK_THROWS_AS(data::to_float({.dtype = i64}), DTypeError);
}

TEST_CASE("make_grid places images row by row") {
  const Array images = core::reshape(core::arange(6, f32), {3, 1, 1, 2});
  const Array grid = data::make_grid(images, {.columns = 2, .padding = 1, .fill = 9});
  CHECK(grid.shape() == Shape{1, 3, 5});
  CHECK(values<float>(grid) == std::vector<float>{0, 1, 9, 2, 3, 9, 9, 9, 9, 9, 4, 5, 9, 9, 9});
  CHECK(data::make_grid(core::ones({3, 2, 2}, i64), {.padding = 0}).shape() == Shape{2, 6});
  const Array colours = data::make_grid(core::reshape(core::arange(4, f32), {2, 2, 1, 1}), {.padding = 0});
  CHECK(values<float>(colours) == std::vector<float>{0, 2, 1, 3});
  CHECK_THROWS_AS(data::make_grid(images, {.columns = 0}), ValueError);
  CHECK_THROWS_AS(data::make_grid(core::ones({2, 2}, f32)), ShapeError);
  CHECK_THROWS_AS(data::make_grid(Array::empty({0, 2, 2}, f32)), ShapeError);
}

TEST_CASE("augmented pictures do not depend on the number of workers") {
  const Array image = stored("image");
  const auto set = data::Dataset{core::stack(std::vector<Array>(40, image))}.map(
      data::compose({data::random_resized_crop(8, 8), data::random_horizontal_flip(), data::random_rotation(20),
                     data::color_jitter({.brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1}),
                     data::random_grayscale(), data::normalize({0.5, 0.5, 0.5}, {0.25, 0.25, 0.25})}));
  const auto run = [&](int workers) {
    std::vector<double> all;
    data::Loader loader(set, {.batch_size = 7, .workers = workers});
    for (const auto& batch : loader) {
      const auto part = values<double>(batch[0]);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  };
  const auto alone = run(0);
  CHECK(alone.size() == 40 * 3 * 64);
  CHECK(run(1) == alone);
  CHECK(run(4) == alone);
}
