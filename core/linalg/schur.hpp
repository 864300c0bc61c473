// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// The real Schur form by LAPACK, and what follows from it; f32 and f64. Errors name `op`, as those of factorizations.hpp.
namespace newtape::core {

/// a = z t z^T: z orthogonal, t upper triangular but for blocks of 2 x 2 with complex pairs of eigenvalues.
struct Schur {
  Array t, z;
};
Schur schur(const Array& a, const char* op = "schur");

/// The x [.., m, n] with t x + x s = q, or t^T x + x s^T = q if `transposed`, for t and s of the form that schur gives; leading
/// axes broadcast. NumericalError where an eigenvalue of t is, up to rounding, minus one of s.
Array solve_sylvester(const Array& t, const Array& s, const Array& q, bool transposed, const char* op);

/// The principal square root and logarithm of a [.., n, n], computed in f64: y y = a with eigenvalues of positive real part,
/// and exp(y) = a with eigenvalues of imaginary part within (-pi, pi). NumericalError for an eigenvalue on the closed
/// negative real axis. By blocks (Deadman, Higham & Ralha 2013), and by roots and a Pade approximant (Higham 2008, ch. 11).
Array sqrtm(const Array& a, const char* op = "sqrtm");
Array logm(const Array& a, const char* op = "logm");

/// p^T a p = l d l^T for symmetric a (the lower triangle is read): l unit lower triangular, d with blocks of 1 x 1 and 2 x 2 on
/// its diagonal (Bunch & Kaufman 1977). `permutation` [.., n] (i64): row i of p^T a p is row permutation[i] of a; `inside`
/// [.., n, n] (boolean): the blocks.
struct LDL {
  Array l, d, permutation, inside;
};
LDL ldl(const Array& a, const char* op = "ldl");

}  // namespace newtape::core
