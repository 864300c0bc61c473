// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/reduce.hpp>

namespace newtape::linalg {

static const Op eigh_op{"eigh"};
static const Op eigvalsh_op{"eigvalsh"};
static const Op svd_op{"svd"};
static const Op svdvals_op{"svdvals"};

namespace {

/// x[.., i, j] = b[.., j] - b[.., i] and b[.., j] + b[.., i].
Tensor differences(const Tensor& b) { return row(b) - column(b); }
Tensor sums(const Tensor& b) { return row(b) + column(b); }

/// p / d, and 0 where `zero` (a boolean constant) holds. NumericalError unless p is negligible there.
Tensor divided(const Tensor& p, const Tensor& d, const Tensor& zero, const Tensor& scale, const char* op) {
  core::expect_no_coupling(p.value(), zero.value(), scale.value(), op);
  return where(zero, 0.0, p / where(zero, 1.0, d));
}

/// Giles 2008, 3.1: v (diag(w') + F * (v^T v')) v^T, F_ij = 1 / (w_j - w_i), symmetrised.
Tensor eigh_pullback(Tensors g, Tensors y) {
  const Tensor& w = y[0];
  const Tensor& v = y[1];
  const Tensor vt = transpose(v);
  if (!g[1].defined()) return matmul(v * row(g[0]), vt);
  const Tensor p = matmul(vt, g[1]);
  Tensor inner;
  if (!recorded(g[0], g[1], v)) {
    inner = core::eigh_inner_grad(p.value(), w.value(), g[0].value(), "eigh");
  } else {
    const Tensor zero = core::no_gap(w.value());
    inner = divided(p - transpose(p), differences(w) * 2.0, zero, p, "eigh");
    if (g[0].defined()) inner = inner + diag_embed(g[0]);
  }
  return matmul(matmul(v, inner), vt);
}

/// Mask of the elements of s that are negligible relative to `largest`.
Tensor negligible(const Tensor& s, const Tensor& largest) {
  const double tolerance = 4 * static_cast<double>(s.shape(-1)) * epsilon(s.dtype());
  return s.detach() <= largest * tolerance;
}

/// With j = u^T u' and k = vh vh'^T, and p and q half the sum and difference of their antisymmetric parts, the inner
/// matrix is p_ij / (s_j - s_i) + q_ij / (s_j + s_i) + diag(s'): Townsend 2016, with 1 / (s_j^2 - s_i^2) split in two,
/// so that functions independent of the choice of vectors (p = 0) have correct derivatives at equal singular values.
Tensor svd_pullback(Tensors g, Tensors y) {
  const Tensor& u = y[0];
  const Tensor& s = y[1];
  const Tensor& vh = y[2];
  if (!g[0].defined() && !g[2].defined()) return matmul(u * row(g[1]), vh);
  Tensor j;
  Tensor k;
  if (g[0].defined()) j = matmul(transpose(u), g[0]);
  if (g[2].defined()) k = matmul(vh, transpose(g[2]));
  const bool wide = vh.shape(-1) > s.shape(-1);
  const bool tall = u.shape(-2) > s.shape(-1);

  Tensor inner;
  if (!recorded(g[0], g[1], g[2], s)) {
    inner = core::svd_inner_grad(j.value(), k.value(), s.value(), g[1].value(), "svd");
  } else {
    const auto twice_antisymmetric = [](const Tensor& x) { return x - transpose(x); };
    Tensor p;
    Tensor q;
    Tensor scale;
    if (j.defined() && k.defined()) {
      p = twice_antisymmetric(j + k) * 0.5;
      q = twice_antisymmetric(j - k) * 0.5;
      scale = core::maximum(core::abs(j.value()), core::abs(k.value()));
    } else {
      p = twice_antisymmetric(j.defined() ? j : k) * 0.5;
      q = j.defined() ? p : -p;
      scale = j.defined() ? j : k;
    }
    const Tensor largest = s.shape(-1) == 0 ? s.detach() : max(s.detach(), -1, true);
    const Tensor no_sum = negligible(sums(s.detach()), column(largest));
    inner =
        divided(p, differences(s), core::no_gap(s.value()), scale, "svd") + divided(q, sums(s), no_sum, scale, "svd");
    if (g[1].defined()) inner = inner + diag_embed(g[1]);
  }
  const Tensor zero = negligible(s, s.shape(-1) == 0 ? s.detach() : max(s.detach(), -1, true));
  if (tall && g[0].defined()) {
    const Tensor outside = g[0] - matmul(u, j);  // of the span of u
    return matmul(matmul(u, inner) + divided(outside, row(s), row(zero), g[0], "svd"), vh);
  }
  if (wide && g[2].defined()) {
    const Tensor outside = g[2] - matmul(transpose(k), vh);
    return matmul(u, matmul(inner, vh) + divided(outside, column(s), column(zero), g[2], "svd"));
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

Eigh eigh(In a) {
  expect_matrices("eigh", a, true);
  const core::Eigh value = core::eigh(a.value());
  const auto [w, v] = eigh_op(std::array{value.w, value.v}, wrt(a, eigh_pullback));
  return {w, v};
}

Tensor eigvalsh(In a) {
  expect_matrices("eigvalsh", a, true);
  return eigvalsh_op(core::eigh(a.value(), false, "eigvalsh").w, wrt(a, [a = a.tensor()](const Tensor& g) {
                       const Tensor v = eigh(a).v;
                       return matmul(v * row(g), transpose(v));
                     }));
}

SVD svd(In a, bool full_matrices) {
  expect_matrices("svd", a, false);
  const auto k = std::min(a.tensor().shape(-2), a.tensor().shape(-1));
  const core::SVD value = core::svd(a.value(), full_matrices ? core::SVDPart::full : core::SVDPart::reduced);
  const auto [u, s, vh] =
      svd_op(std::array{value.u, value.s, value.vh}, wrt(a, [full_matrices, k](Tensors g, Tensors y) {
               if (!full_matrices) return svd_pullback(g, y);
               const std::array<Tensor, 3> cotangents{first_vectors(g[0], -1, k), g[1], first_vectors(g[2], -2, k)};
               const std::array<Tensor, 3> results{slice(y[0], -1, 0, k), y[1], slice(y[2], -2, 0, k)};
               return svd_pullback(cotangents, results);
             }));
  return {u, s, vh};
}

Tensor svdvals(In a) {
  expect_matrices("svdvals", a, false);
  return svdvals_op(core::svd(a.value(), core::SVDPart::values, "svdvals").s, wrt(a, [a = a.tensor()](const Tensor& g) {
                      const auto [u, s, vh] = svd(a);
                      return matmul(u * row(g), vh);
                    }));
}

}  // namespace newtape::linalg
