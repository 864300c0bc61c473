// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/optim/least_squares/blocks/manifold.hpp>
#include <newtape/optim/least_squares/blocks/rotation.hpp>
#include <newtape/optim/least_squares/blocks/rotation_coordinates.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace newtape::optim {

namespace {

using coordinates::Vec3;

Tensor columns(const Tensor& x, std::int64_t from, std::int64_t count) { return slice(x, -1, from, from + count); }

/// V(w) v of the exponential of a twist: the integral of the rotations from 0 to w, times v.
Tensor carried(const Tensor& omega, const Tensor& v) {
  const auto w = unbind(omega, -1);
  const auto u = unbind(v, -1);
  const Vec3 r{w[0], w[1], w[2]};
  const Vec3 once = cross(r, Vec3{u[0], u[1], u[2]});
  const Vec3 twice = cross(r, once);
  // (1 - cos t) / t^2 and (t - sin t) / t^3; the latter by its series where it would cancel.
  const Tensor angle = coordinates::angle_of(r);
  const auto [a, b] = coordinates::rotation_coefficients(angle);
  const Tensor s = angle * angle;
  Tensor series = zeros_like(s);
  for (double n = 17; n >= 3; n -= 2) series = (1 - s * series) / (n * (n - 1));
  const Tensor c = where(s < 1., series, (1 - a) / s);
  return stack({u[0] + b * once.x + c * twice.x, u[1] + b * once.y + c * twice.y, u[2] + b * once.z + c * twice.z}, -1);
}

/// An orthonormal basis of the vectors orthogonal to x, times delta: the first columns of the Householder reflection
/// that maps x to the last axis.
Tensor tangent_to(const Tensor& direction, const Tensor& delta) {
  const std::int64_t d = direction.shape(-1);
  const Tensor last = columns(direction, d - 1, 1);
  const Tensor sign = where(last < 0, -1., 1.).to(direction.dtype());
  const Tensor w = concatenate({columns(direction, 0, d - 1), last + sign}, -1);
  const Tensor along = sum(columns(w, 0, d - 1) * delta, {-1}, true) * 2 / sum(square(w), {-1}, true);
  return concatenate({delta, zeros_like(last)}, -1) - w * along;
}

/// Of each row.
Tensor from_unit_length(const Tensor& x) { return abs(sqrt(sum(square(x), {-1})) - 1.); }

}  // namespace

Manifold Manifold::euclidean(std::int64_t d) { return {.name = "euclidean", .size = d, .tangent = d}; }

Manifold Manifold::subset(std::int64_t d, const std::vector<std::int64_t>& held) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < d; ++i) {
    if (std::find(held.begin(), held.end(), i) == held.end()) rows.push_back(i);
  }
  for (const std::int64_t h : held) {
    if (h < 0 || h >= d) {
      raise<ValueError>("Manifold::subset: a coordinate does not exist", fmt::format("0 to {}", d - 1),
                        fmt::format("{}", h));
    }
  }
  const auto free = static_cast<std::int64_t>(rows.size());
  Array embed = Array::empty({free, d}, f64);
  std::fill_n(embed.data<double>(), embed.size(), 0.);
  for (std::int64_t i = 0; i < free; ++i) embed.data<double>()[i * d + rows[static_cast<std::size_t>(i)]] = 1;
  return {.name = "subset",
          .size = d,
          .tangent = free,
          .plus = [e = Tensor(std::move(embed))](const Tensor& x, const Tensor& delta) {
            return x + matmul(delta, e.to(x.dtype()));
          }};
}

Manifold Manifold::quaternion() {
  return {
      .name = "quaternion",
      .size = 4,
      .tangent = 3,
      .plus = [](const Tensor& x, const Tensor& delta) { return quaternion_product(x, quaternion_from_vector(delta)); },
      .distance = from_unit_length};
}

Manifold Manifold::so3() {
  return {.name = "so3",
          .size = 9,
          .tangent = 3,
          .plus =
              [](const Tensor& x, const Tensor& delta) {
                const std::int64_t m = x.shape(0);
                return reshape(matmul(reshape(x, {m, 3, 3}), rotation_matrix(delta)), {m, 9});
              },
          .distance =
              [](const Tensor& x) {
                // Columns of length 1 at right angles; the third is the product of the others, and not its negative.
                const auto r = unbind(x, -1);
                const Vec3 a{r[0], r[3], r[6]}, b{r[1], r[4], r[7]}, c = cross(a, b);
                const Tensor third = maximum(maximum(abs(c.x - r[2]), abs(c.y - r[5])), abs(c.z - r[8]));
                const auto from_unit = [](const Vec3& v) { return abs(v.x * v.x + v.y * v.y + v.z * v.z - 1.); };
                const Tensor angle = abs(a.x * b.x + a.y * b.y + a.z * b.z);
                return maximum(maximum(third, angle), maximum(from_unit(a), from_unit(b)));
              }};
}

Manifold Manifold::se3() {
  return {
      .name = "se3",
      .size = 7,
      .tangent = 6,
      .plus =
          [](const Tensor& x, const Tensor& delta) {
            const Tensor q = columns(x, 0, 4);
            const Tensor omega = columns(delta, 0, 3);
            const Tensor moved = rotate_by_quaternion(q, carried(omega, columns(delta, 3, 3)));
            return concatenate({quaternion_product(q, quaternion_from_vector(omega)), columns(x, 4, 3) + moved}, -1);
          },
      .distance = [](const Tensor& x) { return from_unit_length(columns(x, 0, 4)); }};
}

Manifold Manifold::sphere(std::int64_t d) {
  if (d < 2) raise<ValueError>("Manifold::sphere: too few coordinates", "2 or more", fmt::format("{}", d));
  return {.name = "sphere",
          .size = d,
          .tangent = d - 1,
          .plus =
              [](const Tensor& x, const Tensor& delta) {
                const Tensor length = sqrt(sum(square(x), {-1}, true));
                const Tensor angle = sqrt(sum(square(delta), {-1}, true) + 1e-30);  // as coordinates::angle_of
                return cos(angle) * x + length * (sin(angle) / angle) * tangent_to(x / length, delta);
              },
          // Of any length but 0, where there is no direction.
          .distance = [](const Tensor& x) { return where(sum(abs(x), {-1}) == 0.0, 1.0, 0.0).to(x.dtype()); }};
}

Manifold Manifold::product(std::vector<Manifold> parts) {
  Manifold all{.name = "product of"};
  for (const auto& p : parts) {
    all.name += " " + p.name;
    all.size += p.size;
    all.tangent += p.tangent;
  }
  all.distance = [parts](const Tensor& x) {
    Tensor farthest = zeros({x.shape(0)}, x.dtype());
    std::int64_t at = 0;
    for (const auto& p : parts) {
      if (p.distance) farthest = maximum(farthest, p.distance(columns(x, at, p.size)));
      at += p.size;
    }
    return farthest;
  };
  all.plus = [parts = std::move(parts)](const Tensor& x, const Tensor& delta) {
    std::vector<Tensor> moved;
    std::int64_t at = 0, step = 0;
    for (const auto& p : parts) {
      const Tensor from = columns(x, at, p.size), along = columns(delta, step, p.tangent);
      moved.push_back(p.plus ? p.plus(from, along) : from + along);
      at += p.size;
      step += p.tangent;
    }
    return concatenate(moved, -1);
  };
  return all;
}

}  // namespace newtape::optim
