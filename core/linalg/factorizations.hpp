// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <string>

/// Factorizations of matrices, and of stacks of them along leading axes, by LAPACK; f32 and f64. Errors name `op`:
/// ShapeError and DTypeError before any work; NumericalError, with the matrix's index in the stack, for non-finite
/// elements and if the factorization does not exist or does not converge.
namespace newtape::core {

/// P a = L U. `factors` [.., m, n] holds U in the upper triangle and L (unit diagonal) below it; row i was swapped with
/// row pivots[i] (i64), in sequence.
struct LU {
  Array factors;
  Array pivots;
};
/// No error for a singular matrix.
LU lu_factor(const Array& a, const char* op = "lu_factor");
/// NumericalError naming the zero pivot if the matrix is singular.
void expect_regular(const LU& lu, const char* op);
/// x with a x = b or a^T x = b, b [.., n, k]; leading axes broadcast. Requires a regular `lu`.
Array lu_solve(const LU& lu, const Array& b, bool transposed = false);
/// The inverse, from a regular `lu`; computed in its memory if reusable.
Array lu_inverse(LU lu);
/// Sign of the determinant (-1, 0, 1) and log of its absolute value (-inf if 0), [..].
struct SignLog {
  Array sign, logabs;
};
SignLog lu_slogdet(const LU& lu);
/// Determinant: the product of the pivots times the sign of the permutation.
Array lu_det(const LU& lu);
/// Row permutation as indices (i64): row i of P a is row permutation[i] of a [.., m, n].
Array lu_permutation(const LU& lu);

/// Kind of triangular system: `left`: a x = b, else x a = b.
struct Triangle {
  bool upper = false;
  bool transposed = false;
  bool unit = false;  ///< unit diagonal, not read
  bool left = true;
};
/// Reads only one triangle of a [.., n, n]; leading axes broadcast. NumericalError for a zero on the diagonal.
Array solve_triangular(const Array& a, const Array& b, const Triangle& which, const char* op = "solve_triangular");
/// L with L L^T = a; reads the lower triangle of a. NumericalError naming the order of the first leading minor that is
/// not positive.
Array cholesky(const Array& a, const char* op = "cholesky");
/// x with l l^T x = b; leading axes broadcast.
Array cholesky_solve(const Array& l, const Array& b, const char* op = "cholesky_solve");
/// Symmetric gradient with respect to a for a cotangent `g` of l; leading axes of `g` broadcast (Murray 2016).
Array cholesky_grad(const Array& l, const Array& g);

/// a = q r; q has k = min(m, n) columns, or m if `complete`.
struct QR {
  Array q, r;
};
QR qr(const Array& a, bool complete = false, const char* op = "qr");

/// For tests: makes LAPACK's divide and conquer (syevd, gesdd) fail while it exists.
struct DivideAndConquerFails {
  DivideAndConquerFails();
  ~DivideAndConquerFails();
};

/// Where LAPACK's divide and conquer does not converge, eigh and svd use the QR algorithm.

/// Eigenvalues in ascending order and, optionally, eigenvectors as columns; reads the lower triangle of a.
struct Eigh {
  Array w, v;
};
Eigh eigh(const Array& a, bool vectors = true, const char* op = "eigh");

/// a = u diag(s) vh, s descending; k = min(m, n) singular vectors (reduced), all of them (full), or only s (values).
enum class SVDPart { values, reduced, full };
struct SVD {
  Array u, s, vh;
};
SVD svd(const Array& a, SVDPart part = SVDPart::reduced, const char* op = "svd");

/// Eigenvalues and, optionally, eigenvectors (columns of norm 1) of a general matrix; real and imaginary parts.
struct Eig {
  Array w_real, w_imag, v_real, v_imag;
};
Eig eig(const Array& a, bool vectors = true, const char* op = "eig");

// --- derivatives of eigh and svd: sorted values in blocks, where neighbours differ by at most 4 n eps max|w| ---

/// An operation, and the function that is right where its derivative is not determined; both for messages.
struct SpectralOp {
  const char* name;
  const char* alternative;
};
/// NumericalError: at equal values, the cotangents of values and vectors do not determine the derivative.
[[noreturn]] void raise_undetermined(const SpectralOp& op, const std::string& where = "");

/// Whether i and j are in one block, boolean [.., i, j]; the means over blocks as a matrix, of w's dtype.
Array equal_values(const Array& w);
Array equal_means(const Array& w);
/// Whether there is a block of two or more values; whether the last, of singular values, counts as zero.
bool any_equal(const Array& w);
bool any_zero(const Array& s);
/// Inner first-order pullback of eigh in one pass, for p = v^T g_v and g_w (or undefined): g_w on the diagonal, (p_ij -
/// p_ji) / (2 (w_j - w_i)) elsewhere, 0 inside blocks. NumericalError where the vectors of a block are coupled (see
/// `expect_no_coupling`), where both values and vectors of a block are used, and where rounding of p would be a
/// noticeable part (eps^(3/8)) of the result. Pairs whose element is `known` (boolean) are not checked, nor computed.
Array eigh_inner_grad(const Array& p, const Array& w, const Array& g_w, const SpectralOp& op, const Array& known = {});
/// The same for svd, with j = u^T g_u, k = vh g_vh^T and g_s (undefined if absent): g_s on the diagonal, p_ij / (s_j -
/// s_i) + q_ij / (s_j + s_i) elsewhere, where p and q are half the sum and difference of j - j^T and k - k^T.
Array svd_inner_grad(const Array& j, const Array& k, const Array& s, const Array& g_s, bool square,
                     const SpectralOp& op, const Array& known_by_gaps = {}, const Array& known_by_sums = {});
/// d_ij / (w_j - w_i), 0 inside blocks.
Array divide_by_gaps(const Array& d, const Array& w);
/// NumericalError where g is not negligible for a pair of values so near that eps / gap^power is noticeable, or, unless
/// `blocks_determined`, for a pair inside a block.
void expect_gaps(const Array& g, const Array& w, const SpectralOp& op, int power, bool blocks_determined);
/// NumericalError unless p is zero, up to rounding relative to `scale`, where `no_gap` (boolean, broadcast to p) is
/// true; only then is the derivative independent of the choice of basis for equal eigenvalues.
void expect_no_coupling(const Array& p, const Array& no_gap, const Array& scale, const SpectralOp& op);

/// The matrix exponential, by scaling and squaring (Al-Mohy & Higham 2009).
Array matrix_exp(const Array& a, const char* op = "matrix_exp");

}  // namespace newtape::core
