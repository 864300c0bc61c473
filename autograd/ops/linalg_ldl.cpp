// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/core/linalg/schur.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>

#include <array>

namespace newtape::linalg {

static const Op ldl_op{"ldl"};

namespace {

/// The permutation matrix p with (p x) row order[i] = x row i.
Array permutation_matrix(const Array& order, DType dtype) {
  const auto n = order.shape().back();
  Shape shape = order.shape();
  shape.push_back(n);
  return core::transpose(core::take(core::eye(n, dtype), order, 0), -2, -1);
}

}  // namespace

LDL ldl(In a) {
  expect_matrices("ldl", a, true);
  const core::LDL f = core::ldl(a.value());
  const Tensor p = permutation_matrix(f.permutation, a.dtype());
  // Strictly below the blocks.
  const auto n = a.tensor().shape(-1);
  const Array place = core::arange(n, i64);
  const Array beneath = core::greater(core::unsqueeze(place, 1), core::unsqueeze(place, 0));
  const Array below = core::logical_and(beneath, core::logical_not(f.inside));
  // With m = l^-1 (p^T a' p) l^-T: l' = l below(m) d^-1 and d' = inside(m).
  auto [l, d] = ldl_op(std::array{f.l, f.d}, wrt(a, [p, inside = f.inside, below](Tensors g, Tensors y) {
                         Tensor m;
                         if (g[1].defined()) m = where(inside, g[1], 0.0);
                         if (g[0].defined()) {
                           const Tensor q = solve(y[1], matmul(transpose(y[0]), g[0]), {.left = false});
                           const Tensor from_l = where(below, q, 0.0);
                           m = m.defined() ? m + from_l : from_l;
                         }
                         const Tensor right = solve_triangular(y[0], m, {.left = false, .unitriangular = true});
                         const Tensor both = solve_triangular(y[0], right, {.transposed = true, .unitriangular = true});
                         return symmetrized(matmul(matmul(p, both), transpose(p)));
                       }));
  return {p, std::move(l), std::move(d)};
}

}  // namespace newtape::linalg
