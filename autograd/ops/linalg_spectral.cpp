// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/detail/values_gradient.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>

namespace newtape::linalg {

static const Op eigh_op{"eigh"};
static const Op eigvalsh_op{"eigvalsh"};
static const Op svd_op{"svd"};
static const Op svdvals_op{"svdvals"};
static const Op divided_by_gaps_op{"divided_by_gaps"};
static const Op undetermined_op{"undetermined"};

namespace {

using core::SpectralOp;
constexpr SpectralOp of_eigh{"eigh", "linalg::matrix_function"};
constexpr SpectralOp of_svd{"svd", "linalg::singular_value_function, linalg::polar"};

/// What divided_by_gaps checks: `power` is that of the gaps by which rounding errors have been divided.
struct GapChecks {
  SpectralOp op;
  bool blocks_determined = true;
  int power = 1;
};

/// y_ij = d_ij / (w_j - w_i), and 0 for equal values. A cotangent that asks for what equal values or rounding hide is a
/// NumericalError.
Tensor divided_by_gaps(const In& d, const In& w, const GapChecks& checks) {
  const auto quotient = [w = w.tensor(), checks](const Tensor& g, const Tensor& by, int power) {
    core::expect_gaps(g.value(), w.value(), checks.op, power, checks.blocks_determined);
    return divided_by_gaps(by, w, {checks.op, checks.blocks_determined, power});
  };
  return divided_by_gaps_op(core::divide_by_gaps(d.value(), w.value()),
                            wrt(d, [=](const Tensor& g) { return quotient(g, g, checks.power); }),
                            wrt(w, [=](const Tensor& g, const Tensor& y) {
                              // dy_ij = -y_ij (dw_j - dw_i) / (w_j - w_i)
                              const Tensor t = quotient(g, g * y, checks.power + 1);
                              return sum(t, -1) - sum(t, -2);
                            }));
}

/// x, whose further derivative is not determined: NumericalError for any cotangent but 0.
Tensor undetermined(const In& x, const SpectralOp& op) {
  return undetermined_op(x.value(), wrt(x, [op](const Tensor& g) {
                           if (any(g.detach() != 0.0).item<bool>()) core::raise_undetermined(op);
                           return zeros_like(g);
                         }));
}

/// Giles 2008, 3.1: v (diag(w') + F * (v^T v')) v^T, F_ij = 1 / (w_j - w_i), symmetrised. Inside blocks of equal values
/// it is 0 for functions of the vectors alone that do not depend on their choice.
Tensor eigh_pullback(const Tensor& a, Tensors g, Tensors y) {
  const Tensor& w = y[0];
  const Tensor& v = y[1];
  const Tensor vt = transpose(v);
  if (!g[1].defined()) return gradient_of_values(g[0], {of_eigh, a, w, v, vt});
  const Tensor p = matmul(vt, g[1]);
  Tensor inner = core::eigh_inner_grad(p.value(), w.value(), g[0].value(), of_eigh);
  if (recorded(g[0], g[1], v)) {
    inner = divided_by_gaps((p - transpose(p)) * 0.5, w, {of_eigh, !g[0].defined()});
    if (g[0].defined()) inner = inner + diag_embed(g[0]);
  }
  return matmul(matmul(v, inner), vt);
}

/// Mask of the elements of s that are negligible relative to `largest`.
Tensor negligible(const Tensor& s, const Tensor& largest) {
  const double tolerance = 4 * static_cast<double>(s.shape(-1)) * epsilon(s.dtype());
  return s.detach() <= largest * tolerance;
}

/// p / d, and 0 where `zero` (a boolean constant) holds. NumericalError unless p is negligible there.
Tensor divided(const Tensor& p, const Tensor& d, const Tensor& zero, const Tensor& scale) {
  core::expect_no_coupling(p.value(), zero.value(), scale.value(), of_svd);
  return where(zero, 0.0, p / where(zero, 1.0, d));
}

/// The inner matrix of svd's pullback in Tensor operations, for derivatives of the gradient.
Tensor svd_inner(const Tensor& j, const Tensor& k, const Tensor& s, const Tensor& g_s) {
  const auto antisymmetric = [](const Tensor& x) { return (x - transpose(x)) * 0.5; };
  Tensor p;
  Tensor q;
  if (j.defined() && k.defined()) {
    p = antisymmetric(j + k);
    q = antisymmetric(j - k);
  } else {
    p = antisymmetric(j.defined() ? j : k);
    q = j.defined() ? p : -p;
  }
  const Tensor sums = row(s) + column(s);
  const Tensor no_sum = negligible(sums, column(max(s.detach(), -1, true)));
  const Tensor by_sums = where(no_sum, 0.0, q / where(no_sum, 1.0, sums));
  const Tensor inner = divided_by_gaps(p, s, {of_svd, !g_s.defined()}) + by_sums;
  return g_s.defined() ? inner + diag_embed(g_s) : inner;
}

/// With j = u^T u' and k = vh vh'^T, and p and q half the sum and difference of their antisymmetric parts, the inner
/// matrix is p_ij / (s_j - s_i) + q_ij / (s_j + s_i) + diag(s'): Townsend 2016, with 1 / (s_j^2 - s_i^2) split in two,
/// so that functions of the vectors that do not depend on their choice (p = 0) have correct derivatives at equal
/// singular values.
Tensor svd_pullback(const Tensor& a, Tensors g, Tensors y) {
  const Tensor& u = y[0];
  const Tensor& s = y[1];
  const Tensor& vh = y[2];
  if (!g[0].defined() && !g[2].defined()) return gradient_of_values(g[1], {of_svd, a, s, u, vh, true});
  Tensor j;
  Tensor k;
  if (g[0].defined()) j = matmul(transpose(u), g[0]);
  if (g[2].defined()) k = matmul(vh, transpose(g[2]));
  const bool wide = vh.shape(-1) > s.shape(-1);
  const bool tall = u.shape(-2) > s.shape(-1);
  Tensor inner = core::svd_inner_grad(j.value(), k.value(), s.value(), g[1].value(), !wide && !tall, of_svd);
  if (recorded(g[0], g[1], g[2], s) && s.size() > 0) {
    inner = svd_inner(j, k, s, g[1]);
    // As for values alone: what the null space adds is not known.
    if (g[1].defined() && (wide || tall) && core::any_zero(s.value())) inner = undetermined(inner, of_svd);
  }
  const Tensor zero = negligible(s, s.shape(-1) == 0 ? s.detach() : max(s.detach(), -1, true));
  if (tall && g[0].defined()) {
    const Tensor outside = g[0] - matmul(u, j);  // of the span of u
    return matmul(matmul(u, inner) + divided(outside, row(s), row(zero), g[0]), vh);
  }
  if (wide && g[2].defined()) {
    const Tensor outside = g[2] - matmul(transpose(k), vh);
    return matmul(u, matmul(inner, vh) + divided(outside, column(s), column(zero), g[2]));
  }
  return matmul(matmul(u, inner), vh);
}

/// The first k vectors of a cotangent along `axis`. ValueError unless the others, which have no derivative, are 0.
Tensor first_vectors(const Tensor& g, std::int64_t axis, std::int64_t k) {
  if (!g.defined()) return g;
  const Tensor beyond = slice(g, axis, k, g.shape(axis));
  if (any(beyond.detach() != 0.0).item<bool>()) {
    raise<ValueError>("svd: the vectors beyond min(m, n) have no derivative", "a cotangent that is 0 for them",
                      "a nonzero cotangent");
  }
  return slice(g, axis, 0, k);
}

}  // namespace

Eigh eigh(In a, bool upper) {
  expect_matrices("eigh", a, true);
  if (upper) return eigh(In(transpose(a), a.location()));
  const core::Eigh value = core::eigh(a.value());
  const auto [w, v] = eigh_op(std::array{value.w, value.v},
                              wrt(a, [a = a.tensor()](Tensors g, Tensors y) { return eigh_pullback(a, g, y); }));
  return {w, v};
}

namespace {

/// LAPACK's values without vectors, in the graph in the place of those with vectors: their pullback sees all uses.
Tensor in_place_of(const Op& op, Array values, const Tensor& with_vectors) {
  return op(std::move(values), wrt(with_vectors, [](const Tensor& g) { return g; }));
}

}  // namespace

Tensor eigvalsh(In a, bool upper) {
  expect_matrices("eigvalsh", a, true);
  if (upper) return eigvalsh(In(transpose(a), a.location()));
  Array values = core::eigh(a.value(), false, "eigvalsh").w;
  if (!recorded(a)) return eigvalsh_op(std::move(values));
  return in_place_of(eigvalsh_op, std::move(values), eigh(a).w);
}

SVD svd(In a, bool full_matrices) {
  expect_matrices("svd", a, false);
  const auto k = std::min(a.tensor().shape(-2), a.tensor().shape(-1));
  const core::SVD value = core::svd(a.value(), full_matrices ? core::SVDPart::full : core::SVDPart::reduced);
  const auto [u, s, vh] =
      svd_op(std::array{value.u, value.s, value.vh}, wrt(a, [a = a.tensor(), full_matrices, k](Tensors g, Tensors y) {
               if (!full_matrices) return svd_pullback(a, g, y);
               const std::array<Tensor, 3> cotangents{first_vectors(g[0], -1, k), g[1], first_vectors(g[2], -2, k)};
               const std::array<Tensor, 3> results{slice(y[0], -1, 0, k), y[1], slice(y[2], -2, 0, k)};
               return svd_pullback(a, cotangents, results);
             }));
  return {u, s, vh};
}

Tensor svdvals(In a) {
  expect_matrices("svdvals", a, false);
  Array values = core::svd(a.value(), core::SVDPart::values, "svdvals").s;
  if (!recorded(a)) return svdvals_op(std::move(values));
  return in_place_of(svdvals_op, std::move(values), svd(a).s);
}

}  // namespace newtape::linalg
