// SPDX-License-Identifier: BSD-3-Clause
// All by coordinates: arrays of one coordinate are contiguous, where [.., 3] would be loops over three elements.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/optim/least_squares/blocks/rotation.hpp>
#include <newtape/optim/least_squares/blocks/rotation_coordinates.hpp>

#include <fmt/format.h>

namespace newtape::optim {

using coordinates::Vec3;

namespace {

std::vector<Tensor> coordinates(const char* op, const char* name, const In& x, std::int64_t n) {
  if (x.ndim() == 0 || x.tensor().shape(-1) != n) {
    raise<ShapeError>(fmt::format("{}: {} must have {} coordinates along its last axis", op, name, n),
                      fmt::format("[.., {}]", n), describe(x.value()));
  }
  return unbind(x, -1);
}
Vec3 vector_of(const char* op, const char* name, const In& x) {
  auto c = coordinates(op, name, x, 3);
  return {std::move(c[0]), std::move(c[1]), std::move(c[2])};
}
Tensor joined(const Vec3& v) { return stack({v.x, v.y, v.z}, -1); }

struct Quaternion {
  Tensor w;
  Vec3 v;
};
Quaternion quaternion_of(const char* op, const char* name, const In& q) {
  auto c = coordinates(op, name, q, 4);
  return {std::move(c[0]), {std::move(c[1]), std::move(c[2]), std::move(c[3])}};
}

}  // namespace

namespace coordinates {

Tensor angle_of(const Vec3& r) {
  // The square root's derivative is infinite at 0. This shifts it by less than rounding.
  constexpr double tiny = 1e-30;
  return sqrt(dot(r, r) + tiny);
}

RotationCoefficients rotation_coefficients(const Tensor& angle) {
  const Tensor half = 0.5 * angle;
  const Tensor h = sin(half) / half;
  return {sin(angle) / angle, 0.5 * (h * h)};
}

Vec3 rotated(const Vec3& r, const Vec3& v) {
  // v + a (r x v) + b (r x (r x v))
  const RotationCoefficients c = rotation_coefficients(angle_of(r));
  const Vec3 once = cross(r, v);
  const Vec3 twice = cross(r, once);
  return {v.x + c.a * once.x + c.b * twice.x, v.y + c.a * once.y + c.b * twice.y, v.z + c.a * once.z + c.b * twice.z};
}

}  // namespace coordinates

Tensor rotate_by_vector(In r, In v) {
  return joined(coordinates::rotated(vector_of("rotate_by_vector", "r", r), vector_of("rotate_by_vector", "v", v)));
}

Tensor rotate_by_quaternion(In q, In v) {
  const auto [w, u] = quaternion_of("rotate_by_quaternion", "q", q);
  const Vec3 p = vector_of("rotate_by_quaternion", "v", v);
  // v + 2 / |q|^2 (w (u x v) + u x (u x v))
  const Tensor factor = 2 / (w * w + dot(u, u));
  const Vec3 once = cross(u, p);
  const Vec3 twice = cross(u, once);
  return joined({p.x + factor * (w * once.x + twice.x), p.y + factor * (w * once.y + twice.y),
                 p.z + factor * (w * once.z + twice.z)});
}

Tensor quaternion_product(In a, In b) {
  const auto [w, u] = quaternion_of("quaternion_product", "a", a);
  const auto [t, v] = quaternion_of("quaternion_product", "b", b);
  const Vec3 c = cross(u, v);
  return stack({w * t - dot(u, v), w * v.x + t * u.x + c.x, w * v.y + t * u.y + c.y, w * v.z + t * u.z + c.z}, -1);
}

Tensor quaternion_conjugate(In q) {
  const auto [w, u] = quaternion_of("quaternion_conjugate", "q", q);
  return stack({w, -u.x, -u.y, -u.z}, -1);
}

Tensor quaternion_from_vector(In r) {
  const Vec3 v = vector_of("quaternion_from_vector", "r", r);
  const Tensor half = 0.5 * coordinates::angle_of(v);
  const Tensor s = 0.5 * (sin(half) / half);
  return stack({cos(half), s * v.x, s * v.y, s * v.z}, -1);
}

Tensor vector_from_quaternion(In q) {
  const auto [w, u] = quaternion_of("vector_from_quaternion", "q", q);
  // q and -q are one rotation: the one with w >= 0 has the smaller angle.
  const Tensor length = coordinates::angle_of(u);
  const Tensor sign = where(w < 0, -1., 1.).to(w.dtype());
  const Tensor factor = 2 * sign * (atan2(length, sign * w) / length);
  return joined({factor * u.x, factor * u.y, factor * u.z});
}

Tensor rotation_matrix(In r) {
  const Vec3 v = vector_of("rotation_matrix", "r", r);
  const auto [a, b] = coordinates::rotation_coefficients(coordinates::angle_of(v));
  const Tensor xx = b * v.x * v.x, yy = b * v.y * v.y, zz = b * v.z * v.z;
  const Tensor xy = b * v.x * v.y, xz = b * v.x * v.z, yz = b * v.y * v.z;
  const Tensor ax = a * v.x, ay = a * v.y, az = a * v.z;
  const Tensor rows =
      stack({1 - yy - zz, xy - az, xz + ay, xy + az, 1 - xx - zz, yz - ax, xz - ay, yz + ax, 1 - xx - yy}, -1);
  Shape shape = rows.shape();
  shape[shape.size() - 1] = 3;
  shape.push_back(3);
  return reshape(rows, shape);
}

}  // namespace newtape::optim
