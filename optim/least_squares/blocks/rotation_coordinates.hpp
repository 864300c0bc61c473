// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/tensor.hpp>

/// Shared by the rotations and the manifolds.
namespace newtape::optim::coordinates {

/// One tensor a coordinate.
struct Vec3 {
  Tensor x, y, z;
};
inline Tensor dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/// |r|, with the derivative 0 at 0.
Tensor angle_of(const Vec3& r);
/// exp([r]x) = 1 + a [r]x + b [r]x^2: a = sin(t) / t and b = (1 - cos t) / t^2, without cancellation.
struct RotationCoefficients {
  Tensor a, b;
};
RotationCoefficients rotation_coefficients(const Tensor& angle);
/// v rotated by the vector r.
Vec3 rotated(const Vec3& r, const Vec3& v);

}  // namespace newtape::optim::coordinates
