// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <array>
#include <optional>
#include <span>
#include <vector>

/// Linear algebra over the last two axes; leading axes are stacks of matrices, those of two operands broadcast. Every
/// function is differentiable to any order where it is smooth. NumericalError, with the index in the stack, for
/// non-finite elements, singular or indefinite matrices where regular or definite ones are required, and derivatives
/// that do not exist. Functions of symmetric matrices read the lower triangle, and their gradients are symmetric.
namespace newtape::linalg {

// --- equations ---

Tensor inv(In a);
/// x with a x = b, b [n] or [.., n, k] (as in NumPy 2, b is a vector only when it has one axis).
Tensor solve(In a, In b);
struct SolveTriangularOptions {
  bool upper = false;          ///< the triangle of a that is read
  bool left = true;            ///< a x = b, else x a = b
  bool transposed = false;     ///< solve with a^T instead of a
  bool unitriangular = false;  ///< assume ones on the diagonal
};
/// x with a x = b for triangular a; b [n] (left only) or a matrix. NumericalError for a zero on the diagonal.
Tensor solve_triangular(In a, In b, const SolveTriangularOptions& options = {});
/// l with l l^T = a, or with `upper` u with u^T u = a (reading a's upper triangle). Gradient: Murray 2016.
Tensor cholesky(In a, bool upper = false);
/// x with a x = b, from cholesky(a); b [n] or [.., n, k].
Tensor cholesky_solve(In b, In l, bool upper = false);
/// a = p l u. p [.., m, m] is a constant; l [.., m, k] has ones on its diagonal; u [.., k, n]; k = min(m, n).
struct LU {
  Tensor p, l, u;
};
LU lu(In a);
/// l (below the diagonal) and u in one matrix; row i was exchanged with row pivots[i] (i64, from 0), in order.
struct LUFactor {
  Tensor lu, pivots;
};
LUFactor lu_factor(In a);
/// x with a x = b, from lu_factor(a); b [n] or [.., n, k].
Tensor lu_solve(const LUFactor& factor, In b);
/// [.., n, n] -> [..]. The derivatives, of any order, are also correct for singular matrices of any rank.
Tensor det(In a);
/// Sign of the determinant (a constant) and logarithm of its absolute value, -inf for singular matrices.
struct SLogDet {
  Tensor sign, logabsdet;
};
SLogDet slogdet(In a);
/// log(det(a)); NaN where det(a) < 0.
Tensor logdet(In a);

// --- orthogonal factors, least squares ---

enum class QRMode { reduced, complete };
/// a [.., m, n] = q r, k = min(m, n): q [.., m, k], r [.., k, n], or `complete`: q [.., m, m], r [.., m, n], where the
/// columns of q beyond k have no derivative (ValueError). Gradient: Walter & Lehmann 2010, Roberts & Roberts 2020.
struct QR {
  Tensor q, r;
};
QR qr(In a, QRMode mode = QRMode::reduced);
/// The x of minimum norm that minimises |a x - b|; b [m] or [.., m, k]. By QR if all matrices have full rank, else SVD.
struct Lstsq {
  Tensor solution;         ///< [n] or [.., n, k]
  Tensor residuals;        ///< sums of squares [.., k] ([..] for a vector b) for m > n and rank n, else empty
  Tensor rank;             ///< i64 [..]
  Tensor singular_values;  ///< of a, [.., min(m, n)]
};
/// Singular values up to rcond (default eps max(m, n)) times the largest count as zero. The derivative is that at
/// constant rank (Golub & Pereyra 1973).
Lstsq lstsq(In a, In b, std::optional<double> rcond = {});
/// Moore-Penrose pseudoinverse; `rtol` as rcond above. Derivative at constant rank (Golub & Pereyra 1973).
Tensor pinv(In a, std::optional<double> rtol = {});

// --- eigenvalues, singular values ---

/// a v = v diag(w) for symmetric a, w ascending. At equal eigenvalues derivatives exist only for functions that do not
/// depend on the choice of v; NumericalError for others. Gradient: Giles 2008.
struct Eigh {
  Tensor w, v;
};
Eigh eigh(In a);
Tensor eigvalsh(In a);
/// a v = v diag(w) for any square a: real and imaginary parts, the columns of v of norm 1. Derivatives exist only for
/// functions that do not depend on the columns' phases; NumericalError for others.
struct Eig {
  Tensor w_real, w_imag, v_real, v_imag;
};
Eig eig(In a);
/// Real and imaginary parts of the eigenvalues.
std::array<Tensor, 2> eigvals(In a);
/// a [.., m, n] = u diag(s) vh, s descending; k = min(m, n) columns in u and rows in vh, or with `full_matrices` m and
/// n, those beyond k without a derivative (ValueError). Equal singular values: as for eigh. Gradient: Townsend 2016.
struct SVD {
  Tensor u, s, vh;
};
SVD svd(In a, bool full_matrices = false);
Tensor svdvals(In a);
/// The number of singular values above rtol (default eps max(m, n)) times the largest: i64 [..].
Tensor matrix_rank(In a, std::optional<double> rtol = {});

// --- functions of matrices ---

/// exp(a) by scaling and squaring (Higham 2005); derivative by a block triangular exponential (Najfeld & Havel 1995).
Tensor matrix_exp(In a);
/// a^n by repeated squaring; for n < 0 of the inverse.
Tensor matrix_power(In a, std::int64_t n);
/// The symmetric positive semidefinite y with y y = a, for such a; differentiable where a is positive definite.
Tensor matrix_sqrt(In a);
/// x with a x + x a = q for symmetric positive definite a.
Tensor solve_lyapunov(In a, In q);

// --- norms, products, special matrices ---

/// (sum |x|^p)^(1/p) over `axes`, p > 0 or infinite (either sign); p = 0: the number of nonzero elements. At x = 0 the
/// derivative is 0.
Tensor vector_norm(In x, double p = 2, const Axes& axes = {}, bool keepdims = false);
/// The Frobenius norm and the nuclear norm (the sum of the singular values).
enum class MatrixNorm { fro, nuc };
/// Matrix norm fro, nuc, or 1, -1, inf, -inf (extreme sums over columns, rows), 2, -2 (extreme singular values).
Tensor matrix_norm(In a, MatrixNorm order = MatrixNorm::fro, bool keepdims = false);
Tensor matrix_norm(In a, double order, bool keepdims = false);
/// As in NumPy: the 2-norm of all elements or, with an order, the norm of the vector or of the last two axes.
Tensor norm(In x);
Tensor norm(In x, double order);
Tensor norm(In x, MatrixNorm order);
/// norm(a, order) norm(inv(a), order); order 2, -2: the ratio of extreme singular values, inf for singular a.
Tensor cond(In a, double order = 2);
Tensor cond(In a, MatrixNorm order);
Tensor trace(In a);
/// x [.., n] -> [.., n, columns] (default n): powers of x, decreasing to x^0 unless `increasing`.
Tensor vander(In x, std::optional<std::int64_t> columns = {}, bool increasing = false);
/// The product of all, in the order with the fewest multiplications; the first and the last may be vectors.
Tensor multi_dot(std::span<const Tensor> factors, SourceLocation location = SourceLocation::current());
inline Tensor multi_dot(const std::vector<Tensor>& factors, SourceLocation location = SourceLocation::current()) {
  return multi_dot(std::span<const Tensor>(factors), location);
}
/// The block diagonal matrix of the given matrices; vectors are rows, scalars 1 x 1.
Tensor block_diag(std::span<const Tensor> blocks, SourceLocation location = SourceLocation::current());
inline Tensor block_diag(const std::vector<Tensor>& blocks, SourceLocation location = SourceLocation::current()) {
  return block_diag(std::span<const Tensor>(blocks), location);
}

}  // namespace newtape::linalg
