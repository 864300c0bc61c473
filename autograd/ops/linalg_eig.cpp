// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/reduce.hpp>

namespace newtape::linalg {

static const Op eig_op{"eig"};

namespace {

/// Complex numbers as pairs of tensors.
struct Complex {
  Tensor re, im;
};
Complex operator+(const Complex& a, const Complex& b) { return {a.re + b.re, a.im + b.im}; }
Complex operator-(const Complex& a, const Complex& b) { return {a.re - b.re, a.im - b.im}; }
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

/// Unit eigenvectors are unique up to a phase: a function that depends on the phase has no derivative.
void expect_no_phase(const Tensor& phases, const Tensor& scale) {
  if (phases.size() == 0) return;
  const Tensor largest = max(abs(phases.detach()));
  const Tensor size = max(abs(scale.detach()));
  if (largest.item() <= std::sqrt(epsilon(phases.dtype())) * size.item()) return;
  raise<NumericalError>("eig: the derivative depends on the phases of the eigenvectors, which are arbitrary",
                        "a function of v invariant to the phases of its columns", "a function that depends on them");
}

/// Boeddeker et al. 2017, eq. 4.77, with PyTorch's normalisation of the columns: with e_ij = w_j - w_i and x = v^H v',
/// a' = Re(v^-H (diag(w') + (x - v^H v diag(Re x_ii)) / conj(e)) v^H).
Tensor eig_pullback(Tensors g, Tensors y) {
  const Complex w{y[0], y[1]};
  const Complex v{y[2], y[3]};
  const Complex vh = adjoint(v);
  Complex inner;
  if (g[2].defined() || g[3].defined()) {
    const Complex x = product(vh, cotangent(g[2], g[3]));
    expect_no_phase(diagonal(x.im, 0, -2, -1), x.re);
    const Complex lengths = product(vh, v);
    const Tensor along = row(diagonal(x.re, 0, -2, -1));
    const Complex p = x - Complex{lengths.re * along, lengths.im * along};
    const Complex e{row(w.re) - column(w.re), row(w.im) - column(w.im)};
    const Tensor squares = square(e.re) + square(e.im);
    const double least = 4 * static_cast<double>(w.re.shape(-1)) * epsilon(w.re.dtype());
    const Tensor sizes = square(w.re) + square(w.im);
    const Tensor largest = sizes.size() == 0 ? sizes : max(sizes, -1, true);
    const Tensor zero = squares.detach() <= column(largest).detach() * (least * least);
    // The numerator is zero on the diagonal; elsewhere it must be zero where the denominator is.
    const Tensor others = where(eye(w.re.shape(-1)) == 1.0, 0.0, p.re);
    const Tensor others_im = where(eye(w.re.shape(-1)) == 1.0, 0.0, p.im);
    core::expect_no_coupling(others.value(), zero.value(), x.re.value(), "eig");
    core::expect_no_coupling(others_im.value(), zero.value(), x.re.value(), "eig");
    const Tensor by = where(zero, 1.0, squares);
    inner = {where(zero, 0.0, (others * e.re - others_im * e.im) / by),
             where(zero, 0.0, (others * e.im + others_im * e.re) / by)};
  }
  if (g[0].defined() || g[1].defined()) {
    const Complex of_values = cotangent(g[0], g[1]);
    const Complex on_diagonal{diag_embed(of_values.re), diag_embed(of_values.im)};
    inner = inner.re.defined() ? inner + on_diagonal : on_diagonal;
  }
  const Complex left = solution(vh, inner);
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
  const Eig e = eig(std::move(a));
  return {e.w_real, e.w_imag};
}

}  // namespace newtape::linalg
