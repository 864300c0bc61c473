// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/optim/least_squares/blocks/rotation.hpp>

/// The camera of "Bundle Adjustment in the Large", for tests and benchmarks: cameras [n, 9], points [n, 3], pixels [n, 2]
/// -> [n, 2]. By coordinates, which is faster than by slices.
inline newtape::Tensor reprojection(const newtape::Tensor& camera, const newtape::Tensor& point,
                                    const newtape::Tensor& pixel) {
  const auto c = newtape::unbind(camera, -1);
  const auto p = newtape::unbind(newtape::optim::rotate_by_vector(newtape::stack({c[0], c[1], c[2]}, -1), point), -1);
  const newtape::Tensor z = -1 / (p[2] + c[5]);
  const newtape::Tensor x = (p[0] + c[3]) * z, y = (p[1] + c[4]) * z;
  const newtape::Tensor square = x * x + y * y;
  const newtape::Tensor f = c[6] * (1 + square * (c[7] + c[8] * square));
  return newtape::stack({f * x, f * y}, -1) - pixel;
}
