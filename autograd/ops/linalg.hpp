// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace newtape {
class Generator;
}

/// Linear algebra over the last two axes; leading axes are stacks of matrices, those of two operands broadcast. Every
/// function is differentiable to any order where it is smooth. NumericalError, with the index in the stack, for
/// non-finite elements, singular or indefinite matrices where regular or definite ones are required, and derivatives
/// that do not exist. Functions of symmetric matrices read the lower triangle, and their gradients are symmetric.
namespace newtape::linalg {

// --- equations ---

/// The inverse of a [.., n, n]. ShapeError unless a is square, NumericalError for a singular matrix. Gradient: Giles
/// 2008, 2.2.3.
Tensor inv(In a);
struct SolveOptions {
  bool left = true;  ///< a x = b, else x a = b
};
/// x with a x = b, b [n] or [.., n, k] (as in NumPy 2, b is a vector only when it has one axis), or with x a = b, b
/// [.., k, n].
Tensor solve(In a, In b, const SolveOptions& options = {});
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
/// The inverse of l l^T, from l = cholesky(a), or with `upper` of u^T u.
Tensor cholesky_inverse(In l, bool upper = false);
/// a = p l d l^T p^T for symmetric a, definite or not: p a constant permutation, l unit lower triangular, d with blocks of 1 x
/// 1 and 2 x 2 on its diagonal (Bunch & Kaufman 1977). The derivative keeps p and the blocks; NumericalError where d is singular.
struct LDL {
  Tensor p, l, d;
};
LDL ldl(In a);
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
/// p, l and u from lu_factor(a).
LU lu_unpack(const LUFactor& factor);
struct LuSolveOptions {
  bool left = true;      ///< a x = b, else x a = b
  bool adjoint = false;  ///< solve with a^T instead of a
};
/// x with a x = b, from lu_factor(a); b [n] (left only) or a matrix.
Tensor lu_solve(const LUFactor& factor, In b, const LuSolveOptions& options = {});
/// x with tensordot(a, x, x.ndim()) = b: a has the axes of b, then those of x, with as many elements (NumPy).
Tensor tensorsolve(In a, In b);
/// The inverse of a with respect to tensordot(.., n): a has n axes, then others with as many elements; the result has those
/// first (NumPy).
Tensor tensorinv(In a, std::int64_t n = 2);
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

/// The sizes of the factors: min(m, n) columns in q, or all m.
enum class QRMode { reduced, complete };
/// a [.., m, n] = q r, k = min(m, n): q [.., m, k], r [.., k, n], or `complete`: q [.., m, m], r [.., m, n], where the
/// columns of q beyond k have no derivative (ValueError). Gradient: Walter & Lehmann 2010, Roberts & Roberts 2020.
struct QR {
  Tensor q, r;
};
QR qr(In a, QRMode mode = QRMode::reduced);
/// The first n columns of the product of reflections 1 - tau_i v_i v_i^T, for a [.., m, n] and tau [.., k], k <= n <= m: v_i is
/// column i of a below the diagonal, with 1 on it and 0 above (LAPACK's orgqr).
Tensor householder_product(In a, In tau);
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
/// Singular values up to the larger of `atol` and `rtol` times the largest count as zero.
struct PinvOptions {
  std::optional<double> rtol = {};  ///< default: eps max(m, n), or 0 with atol > 0
  double atol = 0;
  bool hermitian = false;  ///< a is symmetric: by eigenvalues, from the lower triangle
};
/// Moore-Penrose pseudoinverse. Derivative at constant rank (Golub & Pereyra 1973).
Tensor pinv(In a, const PinvOptions& options = {});
inline Tensor pinv(In a, std::optional<double> rtol) { return pinv(std::move(a), PinvOptions{.rtol = rtol}); }
using MatrixRankOptions = PinvOptions;
/// The number of singular values that do not count as zero: i64 [..].
Tensor matrix_rank(In a, const MatrixRankOptions& options = {});
inline Tensor matrix_rank(In a, std::optional<double> rtol) {
  return matrix_rank(std::move(a), MatrixRankOptions{.rtol = rtol});
}

// --- eigenvalues, singular values ---

/// Derivatives of functions of the results, where values are equal, zero or nearly equal:
/// - of the values alone: right in first order for functions that are differentiable there; others (the largest value)
///   have the mean over the block, a generalized derivative. Right in second order for functions that are twice
///   differentiable (Lewis & Sendov 2001); NumericalError for others, and where the function cannot be told from its
///   cotangents, as sum(w * w) of two calls. Third derivatives: NumericalError.
/// - of the vectors alone: right in first order for functions that do not depend on the choice of the vectors;
///   NumericalError for others and for second derivatives.
/// - of both, such as v f(w) v^T or u f(s) vh: right in first order, in reverse, forward and batched mode (l'Hopital's
///   rule, for which a sweep records the cotangents on the way to such a factorization).
///   NumericalError for second derivatives: use `matrix_function`, `singular_value_function`.
/// Nearly equal values give NumericalError where rounding would be more than eps^(3/8) of the result (2e-6 for f64).

/// a v = v diag(w) for symmetric a, w ascending; reads the lower triangle of a, or the `upper`. Gradient: Giles 2008.
struct Eigh {
  Tensor w, v;
};
Eigh eigh(In a, bool upper = false);
/// a v = b v diag(w) and v^T b v = 1 for symmetric a and symmetric positive definite b, by cholesky(b).
Eigh eigh(In a, In b);
/// The eigenvalues [.., n] alone, ascending.
Tensor eigvalsh(In a, bool upper = false);
/// a v = v diag(w) for any square a: real and imaginary parts, the columns of v of norm 1. NumericalError for functions
/// that depend on the columns' phases, and near defective matrices. Gradient: Boeddeker et al. 2017.
struct Eig {
  Tensor w_real, w_imag, v_real, v_imag;
};
Eig eig(In a);
/// Real and imaginary parts of the eigenvalues.
std::array<Tensor, 2> eigvals(In a);
/// a [.., m, n] = u diag(s) vh, s descending; k = min(m, n) columns in u and rows in vh, or with `full_matrices` m and
/// n, those beyond k without a derivative (ValueError). Gradient: Townsend 2016.
struct SVD {
  Tensor u, s, vh;
};
SVD svd(In a, bool full_matrices = false);
/// The singular values [.., min(m, n)] alone, descending.
Tensor svdvals(In a);
/// Options of svd_lowrank and pca_lowrank.
struct LowRankOptions {
  std::int64_t iterations = 2;     ///< of the power method
  Generator* generator = nullptr;  ///< of the random start; default: default_generator()
};
/// About the q largest singular values and their vectors, by random projections (Halko, Martinsson & Tropp 2009, algorithm
/// 5.1): exact for a matrix of rank up to q, derivatives included. ValueError unless 0 <= q <= min(m, n).
SVD svd_lowrank(In a, std::int64_t q, const LowRankOptions& options = {});
/// svd_lowrank of the columns less their means: the principal components of m observations are the rows of vh.
SVD pca_lowrank(In a, std::int64_t q, const LowRankOptions& options = {});

// --- functions of symmetric matrices and of singular values: derivatives of any order at any values, equal or not ---

/// v f(w) v^T for symmetric a = v diag(w) v^T: the function f, elementwise and differentiable to the order asked for,
/// of a matrix. trace(matrix_function(f, a)) is the sum of f over the eigenvalues. Derivatives by divided differences
/// (Daleckii & Krein 1965); order k costs n^(k + 2). ValueError when f depends on variables; NumericalError where f, or
/// a derivative that is asked for, is not finite.
Tensor matrix_function(const std::function<Tensor(const Tensor&)>& f, In a);
/// log(a) and a^(-1/2) for symmetric positive definite a: matmul(x - mean, matrix_rsqrt(cov)) has unit covariance.
Tensor matrix_log(In a);
Tensor matrix_rsqrt(In a);
/// The symmetric positive semidefinite y with y y = a, for such a; differentiable where a is positive definite.
Tensor matrix_sqrt(In a);
/// u f(s) vh for a [.., m, n] = u diag(s) vh and an odd f (else ValueError), as matrix_function of [[0, a], [a^T, 0]].
Tensor singular_value_function(const std::function<Tensor(const Tensor&)>& f, In a);
/// a = u p, or with `left` a = p u: u [.., m, n] with orthonormal columns (rows if m < n), the nearest such matrix to a,
/// and p symmetric positive semidefinite. NumericalError for derivatives where a has not full rank. Gradient: Higham
/// 2008, section 8.
struct Polar {
  Tensor u, p;
};
Polar polar(In a, bool left = false);

// --- functions of matrices ---

/// exp(a) by scaling and squaring (Al-Mohy & Higham 2009); derivative by a block triangular exponential (Najfeld & Havel 1995).
Tensor matrix_exp(In a);
/// a^n by repeated squaring; for n < 0 of the inverse.
Tensor matrix_power(In a, std::int64_t n);
/// The square root and the logarithm of any matrix without eigenvalues on the closed negative real axis (NumericalError), whose
/// eigenvalues have positive real parts, and imaginary parts within (-pi, pi) (Higham 2008).
Tensor sqrtm(In a);
Tensor logm(In a);
/// x with a x + x a = q for symmetric positive definite a.
Tensor solve_lyapunov(In a, In q);
/// x with a x + x b = q, for a [.., m, m], b [.., n, n], q [.., m, n] (Bartels & Stewart 1972). NumericalError where an
/// eigenvalue of a is minus one of b.
Tensor solve_sylvester(In a, In b, In q);
/// x with a x + x a^T = q, for any a.
Tensor solve_continuous_lyapunov(In a, In q);
/// x with x - a x a^T = q, for any a without the eigenvalue -1, by a bilinear transform to the continuous equation.
Tensor solve_discrete_lyapunov(In a, In q);

// --- norms, products, special matrices ---

/// (sum |x|^p)^(1/p) over `axes`, p > 0 or infinite (either sign); p = 0: the number of nonzero elements. At x = 0 the
/// derivative is 0.
Tensor vector_norm(In x, double p = 2, const Axes& axes = {}, bool keepdims = false);
/// The Frobenius norm and the nuclear norm (the sum of the singular values).
enum class MatrixNorm { fro, nuc };
struct MatrixNormOptions {
  std::array<std::int64_t, 2> axes{-2, -1};  ///< of the rows and of the columns
  bool keepdims = false;
};
/// Matrix norm fro, nuc, or 1, -1, inf, -inf (extreme sums over columns, rows), 2, -2 (extreme singular values).
Tensor matrix_norm(In a, MatrixNorm order = MatrixNorm::fro, const MatrixNormOptions& options = {});
Tensor matrix_norm(In a, double order, const MatrixNormOptions& options = {});
inline Tensor matrix_norm(In a, MatrixNorm order, bool keepdims) {
  return matrix_norm(std::move(a), order, MatrixNormOptions{.keepdims = keepdims});
}
inline Tensor matrix_norm(In a, double order, bool keepdims) {
  return matrix_norm(std::move(a), order, MatrixNormOptions{.keepdims = keepdims});
}
/// As in NumPy: the 2-norm of all elements or, with an order, the norm of the vector or of the last two axes.
Tensor norm(In x);
Tensor norm(In x, double order);
Tensor norm(In x, MatrixNorm order);
/// norm(a, order) norm(inv(a), order); order 2, -2: the ratio of extreme singular values, inf for singular a.
Tensor cond(In a, double order = 2);
Tensor cond(In a, MatrixNorm order);
/// The sum of the diagonal: [.., m, n] -> [..].
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
