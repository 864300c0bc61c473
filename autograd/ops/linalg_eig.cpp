// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <limits>

namespace newtape::linalg {

static const Op eig_op{"eig"};

namespace {

/// Complex numbers as pairs of tensors.
struct Complex {
  Tensor re, im;
};
Complex operator+(const Complex& a, const Complex& b) { return {a.re + b.re, a.im + b.im}; }
Complex adjoint(const Complex& a) { return {transpose(a.re), -transpose(a.im)}; }
Complex product(const Complex& a, const Complex& b) {
  return {matmul(a.re, b.re) - matmul(a.im, b.im), matmul(a.re, b.im) + matmul(a.im, b.re)};
}
/// x with a x = b, as a real system with twice as many unknowns.
Complex solution(const Complex& a, const Complex& b) {
  const auto n = a.re.shape(-1);
  const Tensor matrix = concatenate({concatenate({a.re, -a.im}, -1), concatenate({a.im, a.re}, -1)}, -2);
  const Tensor x = solve(matrix, concatenate({b.re, b.im}, -2));
  return {slice(x, -2, 0, n), slice(x, -2, n, 2 * n)};
}

/// The cotangent with zero for an undefined part.
Complex cotangent(const Tensor& re, const Tensor& im) {
  return {re.defined() ? re : zeros_like(im), im.defined() ? im : zeros_like(re)};
}

/// What is known of a pullback before its quotients by e_ij = w_j - w_i are formed; constants.
struct Gaps {
  Tensor none;   ///< i and j have numerically equal values (also i = j)
  bool equal;    ///< some i and j do, i != j
  double least;  ///< the smallest distance of others, relative to the largest |w|; infinite without others

  explicit Gaps(const Complex& w) {
    const auto n = w.re.shape(-1);
    const Tensor re = w.re.detach();
    const Tensor im = w.im.detach();
    const Tensor sizes = square(re) + square(im);
    const Tensor largest = n == 0 ? sizes : max(sizes, -1, true);
    const Tensor squares = square(row(re) - column(re)) + square(row(im) - column(im));
    none = squares <= column(largest) * std::pow(4 * static_cast<double>(n) * epsilon(re.dtype()), 2);
    equal = any(logical_and(none, eye(n, re.dtype()) == 0.0)).item<bool>();
    const double far = std::numeric_limits<double>::infinity();
    const Tensor relative = where(none, far, squares / where(none, 1.0, column(largest)));
    least = relative.size() == 0 ? far : std::sqrt(min(relative).item());
  }
  /// The means of g over equal values, a generalized derivative of functions that are not differentiable there.
  Tensor mean(const Tensor& g) const {
    if (!equal) return g;
    const Tensor weights = none.to(g.dtype());
    return squeeze(matmul(row(g), weights / sum(weights, -2, true)), -2);
  }
};

constexpr core::SpectralOp of_eig{"eig", "linalg::matrix_function for a symmetric matrix"};

[[noreturn]] void raise_ill_conditioned(const char* what, double size) {
  raise<NumericalError>(std::string("eig: ") + what + ", and the derivative loses its digits",
                        std::string("distinct values, or ") + of_eig.alternative, std::to_string(size));
}

/// Unit eigenvectors are unique up to a phase: a function that depends on the phase has no derivative.
/// Next to equal values, rounding can look like it.
void expect_no_phase(const Tensor& phases, const Tensor& scale, const Gaps& gaps) {
  if (phases.size() == 0) return;
  const Tensor largest = max(abs(phases.detach()));
  const Tensor size = max(abs(scale.detach()));
  if (largest.item() <= std::sqrt(epsilon(phases.dtype())) * size.item()) return;
  if (gaps.equal) core::raise_undetermined(of_eig);
  if (gaps.least < std::pow(epsilon(phases.dtype()), 0.375))
    raise_ill_conditioned("values are nearly equal", gaps.least);
  raise<NumericalError>("eig: the derivative depends on the phases of the eigenvectors, which are arbitrary",
                        "a function of v invariant to the phases of its columns", "a function that depends on them");
}

/// NumericalError where the cotangents of values (undefined if unused) and vectors, p = v^H v', do not determine the
/// derivative, or rounding of p divided by the gaps would be noticeable.
void expect_determined(const Gaps& gaps, const Complex& p, const Complex& inner, bool values, bool further) {
  const double eps = epsilon(p.re.dtype());
  if (values && gaps.equal) core::raise_undetermined(of_eig);
  const auto size = [](const Complex& x) { return max(square(x.re.detach()) + square(x.im.detach())).item(); };
  // Of second derivatives, rounding is divided by squares of the gaps.
  const double error = further ? eps / (gaps.least * gaps.least) : 0;
  const double first = eps / gaps.least * std::sqrt(size(p));
  if (error > std::pow(eps, 0.375) || first > std::pow(eps, 0.375) * std::sqrt(std::max(size(p), size(inner)))) {
    raise_ill_conditioned("values are nearly equal", gaps.least);
  }
}

/// The cotangent of v with respect to its quotients: with e_ij = w_j - w_i and x = v^H v' it is
/// (x - v^H v diag(Re x_ii)) / conj(e).
Complex inner_of_vectors(const Complex& w, const Complex& v, const Complex& g, const Gaps& gaps, bool values) {
  const Complex vh = adjoint(v);
  const Complex x = product(vh, g);
  expect_no_phase(diagonal(x.im, 0, -2, -1), x.re, gaps);
  const Complex lengths = product(vh, v);
  const Tensor along = row(diagonal(x.re, 0, -2, -1));
  const Tensor identity = eye(w.re.shape(-1), w.re.dtype());
  // The numerator is zero on the diagonal; elsewhere it must be zero where the denominator is.
  const Complex p{where(identity == 1.0, 0.0, x.re - lengths.re * along),
                  where(identity == 1.0, 0.0, x.im - lengths.im * along)};
  core::expect_no_coupling(p.re.value(), gaps.none.value(), x.re.value(), of_eig);
  core::expect_no_coupling(p.im.value(), gaps.none.value(), x.re.value(), of_eig);
  const Complex e{row(w.re) - column(w.re), row(w.im) - column(w.im)};
  const Tensor by = where(gaps.none, 1.0, square(e.re) + square(e.im));
  const Complex inner{where(gaps.none, 0.0, (p.re * e.re - p.im * e.im) / by),
                      where(gaps.none, 0.0, (p.re * e.im + p.im * e.re) / by)};
  if (x.re.size() > 0) expect_determined(gaps, x, inner, values, recorded(x.re, x.im));
  return inner;
}

/// v^-H. NumericalError where the rounding of v, times its condition, would be noticeable: near defective matrices.
Complex inverse_adjoint(const Complex& v) {
  const auto n = v.re.shape(-1);
  const Tensor identity = expand(eye(n, v.re.dtype()), v.re.shape());
  const Complex inverse = solution(adjoint(v), {identity, zeros_like(identity)});
  if (n > 0 && v.re.size() > 0) {
    const auto squares = [](const Complex& x) {
      return sum(square(x.re.detach()) + square(x.im.detach()), Axes{-2, -1});
    };
    const double condition = std::sqrt(max(squares(v) * squares(inverse)).item());
    const double eps = epsilon(v.re.dtype());
    if (!(eps * condition <= std::pow(eps, 0.375)))
      raise_ill_conditioned("the vectors are nearly dependent", condition);
  }
  return inverse;
}

/// Boeddeker et al. 2017, eq. 4.77, with PyTorch's normalisation of the columns:
/// a' = Re(v^-H (diag(w') + inner_of_vectors) v^H).
Tensor eig_pullback(Tensors g, Tensors y) {
  const Complex w{y[0], y[1]};
  const Complex v{y[2], y[3]};
  const Gaps gaps(w);
  const bool values = g[0].defined() || g[1].defined();
  Complex inner;
  if (g[2].defined() || g[3].defined()) inner = inner_of_vectors(w, v, cotangent(g[2], g[3]), gaps, values);
  if (values) {
    const Complex of_values = cotangent(g[0], g[1]);
    // The second derivative depends on how these depend on the values, which is not known here.
    const bool near = gaps.equal || gaps.least < std::pow(epsilon(w.re.dtype()), 0.3125);
    if (near && recorded(of_values.re, of_values.im)) core::raise_undetermined(of_eig);
    const Complex on_diagonal{diag_embed(gaps.mean(of_values.re)), diag_embed(gaps.mean(of_values.im))};
    inner = inner.re.defined() ? inner + on_diagonal : on_diagonal;
  }
  const Complex left = product(inverse_adjoint(v), inner);
  return matmul(left.re, transpose(v.re)) + matmul(left.im, transpose(v.im));
}

}  // namespace

Eig eig(In a) {
  expect_matrices("eig", a, true);
  const core::Eig e = core::eig(a.value());
  const auto [w_real, w_imag, v_real, v_imag] =
      eig_op(std::array{e.w_real, e.w_imag, e.v_real, e.v_imag}, wrt(a, eig_pullback));
  return {w_real, w_imag, v_real, v_imag};
}

// Without eigenvectors LAPACK may return the eigenvalues in another order than the derivative assumes.
std::array<Tensor, 2> eigvals(In a) {
  expect_matrices("eigvals", a, true);
  const Eig e = eig(std::move(a));
  return {e.w_real, e.w_imag};
}

}  // namespace newtape::linalg
