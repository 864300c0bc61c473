// SPDX-License-Identifier: BSD-3-Clause
// resize_axes against interpolate, which the table of operations compares with PyTorch, and against linear ramps. ONNX's own tests
// of Resize, which the importer runs, compare the other rules.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/interpolate.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/resize.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/random.hpp>

#include <array>
#include <cmath>

using namespace newtape;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return max(abs(a - b)).item();
}

}  // namespace

TEST_CASE("resize_axes gives interpolate's results") {
  manual_seed(1);
  const Tensor x = variable(randn({2, 3, 5, 6}, f64).value());
  const auto check = [&](ResizeAxesOptions o, const InterpolateOptions& same) {
    const std::array axes{ResizedAxis{2, 8}, ResizedAxis{-1, 4}};
    const Tensor y = resize_axes(x, axes, o), z = interpolate(x, same);
    CHECK(difference(y, z) < 1e-14);
    const Tensor g = randn(y.shape(), f64);
    CHECK(difference(grad(sum(y * g), x), grad(sum(z * g), x)) < 1e-14);
  };
  using C = ResizeCoordinates;
  using M = InterpolateMode;
  check({.mode = ResizeMode::linear}, {.size = {8, 4}, .mode = M::bilinear});
  check({.mode = ResizeMode::linear, .coordinates = C::align_corners},
        {.size = {8, 4}, .mode = M::bilinear, .align_corners = true});
  check({.mode = ResizeMode::cubic}, {.size = {8, 4}, .mode = M::bicubic});
  check({.mode = ResizeMode::cubic, .cubic_a = -0.5, .antialias = true},
        {.size = {8, 4}, .mode = M::bicubic, .antialias = true});
  check({.coordinates = C::asymmetric, .rounding = ResizeRounding::floor}, {.size = {8, 4}});
  check({.rounding = ResizeRounding::round_prefer_ceil}, {.size = {8, 4}, .mode = M::nearest_exact});
}

TEST_CASE("resize_axes crops") {
  // A ramp, whose linear interpolation is the place itself.
  const Tensor ramp = arange(11).to(f64);
  const ResizeAxesOptions crop{
      .mode = ResizeMode::linear, .coordinates = ResizeCoordinates::tf_crop_and_resize, .extrapolation = -7};
  const std::array inside{ResizedAxis{.axis = 0, .size = 5, .begin = 0.2, .end = 0.8}};
  CHECK(difference(resize_axes(ramp, inside, crop), linspace(2, 8, 5, f64)) < 1e-14);
  const std::array beyond{ResizedAxis{.axis = 0, .size = 3, .begin = 0.5, .end = 1.5}};
  CHECK(difference(resize_axes(ramp, beyond, crop), tensor(std::vector<double>{5, 10, -7})) < 1e-14);
  const std::array one{ResizedAxis{.axis = 0, .size = 1, .begin = 0.2, .end = 0.6}};
  CHECK(resize_axes(ramp, one, crop).item() == Approx(4));
}

TEST_CASE("resize_axes refuses what has no meaning") {
  const auto refused = [](const Tensor& x, ResizedAxis axis) {
    const std::array axes{axis};
    CHECK_THROWS_AS(resize_axes(x, axes), ValueError);
  };
  refused(zeros({3, 0}), {1, 2});
  refused(zeros({3, 2}), {1, -1});
  refused(zeros({3, 2}), {1, 3, -1.0});
  refused(zeros({3, 2}), {1, 3, NAN});
  const std::array far{ResizedAxis{2, 3}};
  CHECK_THROWS_AS(resize_axes(zeros({3, 2}), far), ShapeError);
  const std::array to_nothing{ResizedAxis{1, 0}};
  CHECK(resize_axes(zeros({3, 2}), to_nothing).shape() == Shape{3, 0});
  // Integers stay integers.
  const std::array twice{ResizedAxis{0, 4}};
  const Tensor y = resize_axes(tensor(std::vector<std::int64_t>{0, 9}), twice, {.mode = ResizeMode::linear});
  CHECK(y.dtype() == i64);
  CHECK(difference(y.to(f64), tensor(std::vector<double>{0, 2, 7, 9})) == 0);
}
