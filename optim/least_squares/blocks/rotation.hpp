// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Rotations in space, for residuals: functions of tensors whose last axis holds three coordinates or a quaternion (w, x,
/// y, z); leading axes broadcast. Derivatives are right at the rotation by nothing, too. ShapeError for another last axis.
namespace newtape::optim {

/// The points v [.., 3] rotated about the axis r [.., 3] by the angle |r|, in radians (Rodrigues' formula).
Tensor rotate_by_vector(In r, In v);
/// The points v [.., 3] rotated by q [.., 4]; q need not have length 1, which only makes q / |q| count.
Tensor rotate_by_quaternion(In q, In v);
/// The Hamilton product [.., 4]: the rotation by b, then by a.
Tensor quaternion_product(In a, In b);
/// The conjugate (w, -x, -y, -z) [.., 4]: the inverse rotation, for length 1.
Tensor quaternion_conjugate(In q);
/// The quaternion [.., 4] of the rotation by a vector r [.., 3], as in `rotate_by_vector`.
Tensor quaternion_from_vector(In r);
/// The rotation vector r [.., 3] of a quaternion [.., 4] of length 1, with |r| <= pi; the inverse of the above.
Tensor vector_from_quaternion(In q);
/// The matrix [.., 3, 3] of the rotation by a vector r [.., 3].
Tensor rotation_matrix(In r);

}  // namespace newtape::optim
