// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/bal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace newtape::data {

namespace {

using Three = std::array<double, 3>;

constexpr double pi = 3.14159265358979323846;
constexpr double distance = 6;  // of the cameras from the scene's centre, whose radius is 1

/// The same numbers with every standard library, whose distributions differ.
class BalNumbers {
 public:
  explicit BalNumbers(std::uint64_t seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * pi * uniform());
  }

 private:
  std::mt19937_64 engine_;
};

/// v rotated by the vector r.
Three rotated(const double* r, const Three& v) {
  const double angle = std::sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
  if (angle == 0) return v;
  const Three k{r[0] / angle, r[1] / angle, r[2] / angle};
  const double c = std::cos(angle), s = std::sin(angle);
  const double along = (k[0] * v[0] + k[1] * v[1] + k[2] * v[2]) * (1 - c);
  return {v[0] * c + (k[1] * v[2] - k[2] * v[1]) * s + k[0] * along,
          v[1] * c + (k[2] * v[0] - k[0] * v[2]) * s + k[1] * along,
          v[2] * c + (k[0] * v[1] - k[1] * v[0]) * s + k[2] * along};
}

std::array<double, 2> seen(const double* camera, const double* point) {
  const Three p = rotated(camera, {point[0], point[1], point[2]});
  const double z = p[2] + camera[5];
  const double x = -(p[0] + camera[3]) / z, y = -(p[1] + camera[4]) / z;
  const double square = x * x + y * y;
  const double f = camera[6] * (1 + square * (camera[7] + camera[8] * square));
  return {f * x, f * y};
}

}  // namespace

BundleAdjustment bundle_adjustment_like(const BundleAdjustmentLikeOptions& o) {
  if (o.cameras < 1 || o.points < 1 || o.seen < 1) {
    raise<ValueError>("bundle_adjustment_like: there must be cameras and points that are seen", "1 or more",
                      fmt::format("{} cameras, {} points, seen by {}", o.cameras, o.points, o.seen));
  }
  BalNumbers random(o.seed);
  const std::int64_t each = std::min(o.seen, o.cameras), n = each * o.points;
  BundleAdjustment b{.cameras = Array::empty({o.cameras, 9}, f64),
                     .points = Array::empty({o.points, 3}, f64),
                     .pixels = Array::empty({n, 2}, f64),
                     .camera_index = Array::empty({n}, i64),
                     .point_index = Array::empty({n}, i64)};
  for (std::int64_t i = 0; i < o.cameras; ++i) {
    double* c = b.cameras.data<double>() + 9 * i;
    const double around = 2 * pi * static_cast<double>(i) / static_cast<double>(o.cameras) - pi + 0.1;
    // The scene is turned before the camera, which looks along its negative z axis.
    const double numbers[9] = {0.1 * random.normal(),
                               around,
                               0.1 * random.normal(),
                               0.2 * random.normal(),
                               0.2 * random.normal(),
                               -distance,
                               500 + 20 * random.normal(),
                               -0.05,
                               0.01};
    std::copy_n(numbers, 9, c);
  }
  for (std::int64_t i = 0; i < o.points; ++i) {
    double* p = b.points.data<double>() + 3 * i;
    do {
      for (int k = 0; k < 3; ++k) p[k] = 2 * random.uniform() - 1;
    } while (p[0] * p[0] + p[1] * p[1] + p[2] * p[2] > 1);
    const auto first = static_cast<std::int64_t>(random.uniform() * static_cast<double>(o.cameras));
    for (std::int64_t k = 0; k < each; ++k) {
      const std::int64_t row = i * each + k, camera = (first + k) % o.cameras;
      b.camera_index.data<std::int64_t>()[row] = camera;
      b.point_index.data<std::int64_t>()[row] = i;
      const auto at = seen(b.cameras.data<double>() + 9 * camera, p);
      const bool is_false = random.uniform() < o.false_matches;
      for (int c = 0; c < 2; ++c) {
        const double error = is_false ? 200 * random.uniform() - 100 : o.noise * random.normal();
        b.pixels.data<double>()[2 * row + c] = at[static_cast<std::size_t>(c)] + error;
      }
    }
  }
  for (std::int64_t i = 0; i < b.points.size(); ++i) b.points.data<double>()[i] += o.start_error * random.normal();
  for (std::int64_t i = 0; i < o.cameras; ++i) {
    double* c = b.cameras.data<double>() + 9 * i;
    for (int k = 0; k < 6; ++k) c[k] += (k < 3 ? 0.1 : 1) * o.start_error * random.normal();
    c[6] *= 1 + 0.1 * o.start_error * random.normal();
    c[7] = c[8] = 0;
  }
  return b;
}

}  // namespace newtape::data
