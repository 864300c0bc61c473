// SPDX-License-Identifier: BSD-3-Clause
// Rules of vmap for linear algebra: stacks of matrices.
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>

#include <algorithm>
#include <vector>

namespace newtape::detail {
namespace {
namespace linalg_batching {

using Results = std::vector<Tensor>;

template <Tensor (*f)(In)>
Results of_stack(const BatchedCall& c) {
  return {f(c[0])};
}

/// Systems a x = b; with f(a, b) for matrices b.
template <class F>
Results of_system(const BatchedCall& c, std::size_t a, std::size_t b, const F& f) {
  const bool vector = c.ndim(b) == 1;
  const std::size_t most = std::max(c.ndim(a), vector ? 2 : c.ndim(b));
  const Tensor matrix = c.aligned(a, most);
  if (!vector) return {f(matrix, c.aligned(b, most))};
  // The vectors of a stack of matrices are columns, for each example.
  if (c.ndim(a) != 2) return {};
  return {squeeze(f(matrix, unsqueeze(c[b], -1)), -1)};
}
Results solve_rule(const BatchedCall& c) {
  return of_system(c, 0, 1,
                   [&](const Tensor& a, const Tensor& b) { return linalg::solve(a, b, {.left = c.flag("left")}); });
}
Results solve_triangular_rule(const BatchedCall& c) {
  return of_system(c, 0, 1, [&](const Tensor& a, const Tensor& b) {
    return linalg::solve_triangular(a, b,
                                    {.upper = c.flag("upper"),
                                     .left = c.flag("left"),
                                     .transposed = c.flag("transposed"),
                                     .unitriangular = c.flag("unitriangular")});
  });
}
Results cholesky_solve_rule(const BatchedCall& c) {
  return of_system(c, 1, 0,
                   [&](const Tensor& l, const Tensor& b) { return linalg::cholesky_solve(b, l, c.flag("upper")); });
}
// Of matrices whose upper triangle is asked for the transposed ones are traced.
Results cholesky_rule(const BatchedCall& c) { return {linalg::cholesky(c[0])}; }
Results slogdet_rule(const BatchedCall& c) {
  const auto d = linalg::slogdet(c[0]);
  return {d.sign, d.logabsdet};
}

Results eigh_rule(const BatchedCall& c) {
  const auto e = linalg::eigh(c[0], c.flag("upper"));
  return {e.w, e.v};
}
Results eigvalsh_rule(const BatchedCall& c) { return {linalg::eigvalsh(c[0], c.flag("upper"))}; }
Results svd_rule(const BatchedCall& c) {
  const auto f = linalg::svd(c[0], c.flag("full_matrices"));
  return {f.u, f.s, f.vh};
}
Results qr_rule(const BatchedCall& c) {
  const auto f = linalg::qr(c[0], c.flag("complete") ? linalg::QRMode::complete : linalg::QRMode::reduced);
  return {f.q, f.r};
}
Results lu_factor_rule(const BatchedCall& c) {
  const auto f = linalg::lu_factor(c[0]);
  return {f.lu, f.pivots};
}
Results lu_unpack_rule(const BatchedCall& c) {
  const auto f = linalg::lu_unpack({c.whole(0), c.whole(1)});
  return {f.p, f.l, f.u};
}

constexpr NamedRule rules[] = {
    {"cholesky", cholesky_rule},
    {"cholesky_solve", cholesky_solve_rule},
    {"det", of_stack<linalg::det>},
    {"eigh", eigh_rule},
    {"eigvalsh", eigvalsh_rule},
    {"inv", of_stack<linalg::inv>},
    {"logm", of_stack<linalg::logm>},
    {"lu_factor", lu_factor_rule},
    {"lu_unpack", lu_unpack_rule},
    {"matrix_exp", of_stack<linalg::matrix_exp>},
    {"qr", qr_rule},
    {"slogdet", slogdet_rule},
    {"solve", solve_rule},
    {"solve_triangular", solve_triangular_rule},
    {"sqrtm", of_stack<linalg::sqrtm>},
    {"svd", svd_rule},
    {"svdvals", of_stack<linalg::svdvals>},
};

}  // namespace linalg_batching
}  // namespace

std::span<const NamedRule> linalg_rules() { return linalg_batching::rules; }

}  // namespace newtape::detail
