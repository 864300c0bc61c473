// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Factorisations of matrices, and of stacks of them along leading axes, by LAPACK. f32 and f64. Errors name `op`:
/// ShapeError and DTypeError before any work; NumericalError, with the matrix's index in the stack, for elements that
/// are not finite and where the factorisation does not exist or does not converge.
namespace newtape::core {

/// P a = L U. `factors` [.., m, n] holds U above and L (whose diagonal is ones) below the diagonal; row i was exchanged
/// with row pivots[i] (i64), one after the other.
struct Lu {
  Array factors;
  Array pivots;
};
/// A singular matrix is no error here.
Lu lu_factor(const Array& a, const char* op = "lu_factor");
/// NumericalError names the pivot that is zero.
void expect_regular(const Lu& lu, const char* op);
/// x with a x = b, or a^T x = b, b [.., n, k]; leading axes broadcast. Expects a regular `lu`.
Array lu_solve(const Lu& lu, const Array& b, bool transposed = false);
/// The inverse, from a regular `lu`; in its memory when that is free.
Array lu_inverse(Lu lu);
/// The sign of the determinant (-1, 0, 1) and the logarithm of its absolute value (-inf when 0), [..].
struct SignLog {
  Array sign, logabs;
};
SignLog lu_slogdet(const Lu& lu);
/// The product of the pivots, with the permutation's sign.
Array lu_det(const Lu& lu);
/// The rows' permutation as an index (i64): row i of P a is row permutation[i] of a [.., m, n].
Array lu_permutation(const Lu& lu);

/// Which triangular system: `left` a x = b, else x a = b.
struct Triangle {
  bool upper = false;
  bool transposed = false;
  bool unit = false;  ///< the diagonal is taken as ones
  bool left = true;
};
/// Only the one triangle of a [.., n, n] is read; leading axes broadcast. NumericalError for a zero on the diagonal.
Array solve_triangular(const Array& a, const Array& b, const Triangle& which, const char* op = "solve_triangular");
/// L with L L^T = a, of which the lower triangle is read. NumericalError names the order at which it is not positive
/// definite.
Array cholesky(const Array& a, const char* op = "cholesky");
/// x with l l^T x = b; leading axes broadcast.
Array cholesky_solve(const Array& l, const Array& b, const char* op = "cholesky_solve");
/// The symmetric gradient in a of a cotangent `g` of l; leading axes of `g` broadcast (Murray 2016).
Array cholesky_grad(const Array& l, const Array& g);

/// a = q r with k = min(m, n) columns in q, or all m of them.
struct Qr {
  Array q, r;
};
Qr qr(const Array& a, bool complete = false, const char* op = "qr");

/// Eigenvalues in ascending order and, unless left out, the eigenvectors as columns; the lower triangle of a is read.
struct Eigh {
  Array w, v;
};
Eigh eigh(const Array& a, bool vectors = true, const char* op = "eigh");

/// a = u diag(s) vh, s descending; k = min(m, n) vectors or, `full`, all of them; or only s.
enum class SvdPart { values, reduced, full };
struct Svd {
  Array u, s, vh;
};
Svd svd(const Array& a, SvdPart part = SvdPart::reduced, const char* op = "svd");

/// Eigenvalues and, unless left out, eigenvectors (columns, of length 1) of any matrix, real and imaginary parts.
struct Eig {
  Array w_real, w_imag, v_real, v_imag;
};
Eig eig(const Array& a, bool vectors = true, const char* op = "eig");

/// Differences of numbers that are equal but for rounding, d[.., i, j] = w[.., j] - w[.., i]: true on the diagonal, and
/// where |d| <= 4 n eps max|w|.
Array no_gap(const Array& w);
/// The first-order inner pullback of eigh in one pass, for p = v^T g_v and g_w (or undefined): the diagonal is g_w,
/// else (p_ij - p_ji) / (2 (w_j - w_i)); see `expect_no_coupling` for equal eigenvalues.
Array eigh_inner_grad(const Array& p, const Array& w, const Array& g_w, const char* op);
/// That of svd for j = u^T g_u, k = vh g_vh^T and g_s (undefined where there is none): the diagonal is g_s, else
/// p_ij / (s_j - s_i) + q_ij / (s_j + s_i), where p and q are half the sum and the difference of j - j^T and k - k^T.
Array svd_inner_grad(const Array& j, const Array& k, const Array& s, const Array& g_s, const char* op);
/// Where there is no gap (boolean, broadcast to p) a derivative that does not depend on the choice of basis has p = 0,
/// but for rounding, which is in proportion to the elements of `scale`. NumericalError otherwise.
void expect_no_coupling(const Array& p, const Array& no_gap, const Array& scale, const char* op);

/// The matrix exponential, by scaling and squaring (Higham 2005).
Array matrix_exp(const Array& a, const char* op = "matrix_exp");

}  // namespace newtape::core
