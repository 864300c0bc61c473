// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/linalg.hpp>

/// Linear algebra with Kronecker products, which are never formed. See kron for the product itself and solve_sylvester for
/// systems with A kron I + I kron B.
namespace newtape::linalg {

/// x with (a kron b) x = c, for a [.., m, m], b [.., n, n] and c [m n] or [.., m n, k], by one system with a and one with
/// b: O(m^3 + n^3) instead of O(m^3 n^3). Leading axes broadcast. NumericalError when a or b is singular; ShapeError,
/// DTypeError.
Tensor kron_solve(In a, In b, In c);
/// Sign of det(a kron b) = det(a)^n det(b)^m, and the logarithm of its absolute value: [..] each.
SLogDet kron_slogdet(In a, In b);

}  // namespace newtape::linalg
