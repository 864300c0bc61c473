// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace newtape::optim {

/// A set in which the rows of a parameter stay, such as the quaternions of length 1, and how one moves in it: rows x [m,
/// size] are moved along steps delta [m, tangent]. One's own: its two numbers and `plus`, a function of tensors that treats
/// rows independently, whose derivatives the tape takes.
///
///     problem.set_manifold(poses, optim::Manifold::product({optim::Manifold::quaternion(), optim::Manifold::euclidean(3)}));
struct Manifold {
  std::string name = "euclidean";
  std::int64_t size = 0;     ///< numbers of a point
  std::int64_t tangent = 0;  ///< numbers of a step, at most `size`
  /// The points [m, size] reached from x along delta [m, tangent]: x itself for delta = 0, in all directions of the set
  /// nearby. Undefined: x + delta.
  std::function<Tensor(const Tensor& x, const Tensor& delta)> plus = {};
  /// How far the rows x [m, size] are from the set, [m], for numbers of size 1: least_squares refuses to start from rows
  /// further than 1e-3. Undefined: it takes all.
  std::function<Tensor(const Tensor& x)> distance = {};

  /// All of R^d.
  static Manifold euclidean(std::int64_t d);
  /// R^d with some coordinates held where they are.
  static Manifold subset(std::int64_t d, const std::vector<std::int64_t>& held);
  /// Quaternions (w, x, y, z) of length 1: q exp(delta / 2), the rotation by the vector delta before that of q.
  static Manifold quaternion();
  /// Rotation matrices, by rows, 9 numbers: R exp([delta]x).
  static Manifold so3();
  /// Poses (w, x, y, z, t): a quaternion and a translation, T exp(delta^) with delta = (omega, v) in the body's frame.
  static Manifold se3();
  /// Vectors of R^d whose length stays as it is, d >= 2: along great circles.
  static Manifold sphere(std::int64_t d);
  /// Points side by side, each on a manifold of its own.
  static Manifold product(std::vector<Manifold> parts);
};

}  // namespace newtape::optim
