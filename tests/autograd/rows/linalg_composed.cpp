// SPDX-License-Identifier: BSD-3-Clause
// Rows of linear algebra against SciPy and PyTorch. The operands are those of dense.hpp, which make_functions.py forms, too.
#include "autograd/rows/linalg.hpp"
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/runtime/random.hpp>

namespace newtape::table {
namespace {

using namespace linalg;

/// regular(x), with complex eigenvalues.
Tensor turned_regular(const Tensor& x) {
  const Tensor twos = full({x.shape(-2), x.shape(-1)}, 2, x.dtype());
  return regular(x) + triu(twos, 1) - tril(twos, -1);
}
/// (x + x^T) / 8 and blocks [[0, 2], [2, 0]] on the diagonal: no pivots of 1 x 1, but for the last of an odd number.
Tensor indefinite(const Tensor& x) {
  const auto n = x.shape(-1);
  std::vector<double> k(static_cast<std::size_t>(n * n), 0);
  const auto at = [n](std::int64_t i, std::int64_t j) { return static_cast<std::size_t>(i * n + j); };
  for (std::int64_t i = 0; i + 1 < n; i += 2) k[at(i, i + 1)] = k[at(i + 1, i)] = 2;
  if (n % 2 == 1) k[at(n - 1, n - 1)] = 3;
  return (x + transpose(x)) * 0.125 + tensor(k, Shape{n, n}, x.dtype());
}
/// A matrix of rank 2.
Tensor thin(const Tensor& x, const Tensor& y) {
  const auto shifted = [](const Tensor& of) { return 0.5 * of + eye(of.shape(-2), of.shape(-1), of.dtype()); };
  return matmul(shifted(x), shifted(y));
}
SVD truncated(const Tensor& a, std::int64_t q) {
  Generator generator(7);
  return svd_lowrank(a, q, {.generator = &generator});
}
SVD components(const Tensor& a, std::int64_t q) {
  Generator generator(7);
  return pca_lowrank(a, q, {.generator = &generator});
}
Tensor product_of(const SVD& d) { return matmul(d.u * unsqueeze(d.s, -2), d.vh); }

/// regular(x) of n x n elements, in another shape.
Tensor in_shape(const Tensor& x, const Shape& shape) { return reshape(regular(x), shape); }

const Rows composed_rows{{
    {.name = "cholesky_inverse",
     .domains = small,
     .samples = stored("cholesky_inverse", {{"lower", [](Args& x) { return cholesky_inverse(tril(regular(x[0]))); }},
                                            {"upper", [](Args& x) { return cholesky_inverse(triu(regular(x[0])), true); }},
                                            {"empty", [](Args& x) { return cholesky_inverse(x[0]); }}}),
     .rejects = {{Error::shape, "cholesky_inverse", [] { cholesky_inverse(of({2, 3})); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "tensorsolve",
     .domains = small,
     .samples = stored("tensorsolve",
                       {{"vector", [](Args& x) { return tensorsolve(in_shape(x[0], {2, 3, 6}), x[1]); }},
                        {"matrix", [](Args& x) { return tensorsolve(in_shape(x[0], {2, 3, 3, 2}), x[1]); }},
                        {"empty", [](Args& x) { return tensorsolve(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "the axes of b", [] { tensorsolve(of({2, 3, 6}), of({3, 2})); }},
                 {Error::shape, "two groups", [] { tensorsolve(of({2, 3, 5}), of({2, 3})); }}},
     .composite = true,
     .tolerance_scale = 8},
    {.name = "tensorinv",
     .domains = small,
     .samples = stored("tensorinv", {{"two", [](Args& x) { return tensorinv(in_shape(x[0], {2, 3, 6})); }},
                                     {"one", [](Args& x) { return tensorinv(in_shape(x[0], {6, 3, 2}), 1); }},
                                     {"empty", [](Args& x) { return tensorinv(x[0], 1); }}}),
     .rejects = {{Error::shape, "two groups", [] { tensorinv(of({2, 3, 5})); }},
                 {Error::value, "1 to 2", [] { tensorinv(of({2, 2}), 3); }}},
     .composite = true,
     .tolerance_scale = 8},
    {.name = "householder_product",
     .domains = small,
     .samples = stored("householder_product",
                       {{"square", [](Args& x) { return householder_product(x[0], x[1]); }},
                        {"tall", [](Args& x) { return householder_product(x[0], x[1]); }},
                        {"stack", [](Args& x) { return householder_product(x[0], x[1]); }},
                        {"empty", [](Args& x) { return householder_product(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "k <= n <= m", [] { householder_product(of({2, 3}), of({2})); }},
                 {Error::shape, "k <= n <= m", [] { householder_product(of({3, 2}), of({3})); }},
                 {Error::shape, "a factor", [] { householder_product(of({3, 2}), tensor(1.0)); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "lu_unpack",
     .domains = small,
     .samples = stored("lu_unpack", {{"square",
                                      [](Args& x) {
                                        const LU f = lu_unpack(lu_factor(turned_regular(x[0])));
                                        return matmul(f.p, f.l) + f.u;
                                      }},
                                     {"empty", [](Args& x) { return lu_unpack(lu_factor(x[0])).u; }}}),
     .composite = true,
     .tolerance_scale = 4},
    {.name = "eigh of a pencil",
     .domains = small,
     .samples = stored("eigh of a pencil",
                       {{"values", [](Args& x) { return eigh(symmetric(x[0]), positive(x[1])).w; }},
                        {"vectors",
                         [](Args& x) {
                           const Eigh e = eigh(symmetric(x[0]), positive(x[1]));
                           return matmul(e.v * unsqueeze(e.w, -2), transpose(e.v));  // b^-1 a b^-1
                         }},
                        {"empty", [](Args& x) { return eigh(x[0], x[1]).w; }}}),
     .rejects = {{Error::shape, "same size", [] { eigh(of({2, 2}), of({3, 3})); }},
                 {Error::numerical, "positive", [] { eigh(of({2, 2}), of({2, 2})); }}},
     .composite = true,
     .order = 1,
     .reason = "second derivatives of functions of eigenvectors are refused",
     .tolerance_scale = 16},
    {.name = "svd_lowrank",
     .domains = small,
     .samples = stored("svd_lowrank", {{"values", [](Args& x) { return truncated(thin(x[0], x[1]), 2).s; }},
                                       {"product", [](Args& x) { return product_of(truncated(thin(x[0], x[1]), 2)); }},
                                       {"empty", [](Args& x) { return truncated(x[0], 0).s; }}}),
     .rejects = {{Error::value, "q from 0 to 2", [] { svd_lowrank(of({2, 3}), 3); }},
                 {Error::value, "iterations",
                  [] {
                    svd_lowrank(of({2, 3}), 1, {.iterations = -1});
                  }}},
     .composite = true,
     .order = 1,
     .reason = "second derivatives of functions of singular vectors are refused",
     .tolerance_scale = 32},
    {.name = "pca_lowrank",
     .domains = small,
     .samples = stored("pca_lowrank", {{"values", [](Args& x) { return components(regular(x[0]), 2).s; }},
                                       {"empty", [](Args& x) { return components(x[0], 0).s; }}}),
     .composite = true,
     .order = 1,
     .reason = "second derivatives of functions of singular vectors are refused",
     .tolerance_scale = 32},
    {.name = "ldl",
     .domains = small,
     .samples = stored("ldl", {{"l",
                                [](Args& x) {
                                  const LDL f = ldl(indefinite(x[0]));
                                  return matmul(f.p, f.l);
                                }},
                               {"d", [](Args& x) { return ldl(indefinite(x[0])).d; }},
                               {"definite", [](Args& x) { return ldl(positive(x[0])).d; }},
                               {"empty", [](Args& x) { return ldl(x[0]).d; }}}),
     .rejects = {{Error::shape, "ldl", [] { ldl(of({2, 3})); }}, {Error::numerical, "ldl", [] { ldl(not_a_number()); }}},
     .tolerance_scale = 8},
    {.name = "solve_sylvester",
     .domains = small,
     .samples = stored("solve_sylvester",
                       {{"plain", [](Args& x) { return solve_sylvester(regular(x[0]), regular(x[1]), x[2]); }},
                        {"complex", [](Args& x) { return solve_sylvester(turned_regular(x[0]), turned_regular(x[1]), x[2]); }},
                        {"stack", [](Args& x) { return solve_sylvester(regular(x[0]), turned_regular(x[1]), x[2]); }},
                        {"empty", [](Args& x) { return solve_sylvester(x[0], x[1], x[2]); }}}),
     .rejects = {{Error::shape, "q [.., m, n]", [] { solve_sylvester(of({2, 2}), of({3, 3}), of({3, 2})); }},
                 {Error::shape, "solve_sylvester", [] { solve_sylvester(of({2, 3}), of({3, 3}), of({3, 2})); }},
                 {Error::dtype, "solve_sylvester", [] { solve_sylvester(of({2, 2}), of({2, 2}), of({2, 2}, f64)); }},
                 {Error::numerical, "singular", [] { solve_sylvester(of({2, 2}), of({2, 2}), of({2, 2})); }},
                 {Error::numerical, "solve_sylvester", [] { solve_sylvester(not_a_number(), of({2, 2}), of({2, 2})); }}},
     .tolerance_scale = 8},
    {.name = "solve_continuous_lyapunov",
     .domains = small,
     .samples = stored("solve_continuous_lyapunov",
                       {{"plain", [](Args& x) { return solve_continuous_lyapunov(turned_regular(x[0]), x[1]); }},
                        {"empty", [](Args& x) { return solve_continuous_lyapunov(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "solve_continuous_lyapunov", [] { solve_continuous_lyapunov(of({2, 3}), of({2, 2})); }}},
     .composite = true,
     .tolerance_scale = 8},
    {.name = "solve_discrete_lyapunov",
     .domains = small,
     .samples = stored("solve_discrete_lyapunov",
                       {{"plain", [](Args& x) { return solve_discrete_lyapunov(turned_regular(x[0]) * 0.25, x[1]); }},
                        {"empty", [](Args& x) { return solve_discrete_lyapunov(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "size of a", [] { solve_discrete_lyapunov(of({2, 2}), of({2, 3})); }}},
     .composite = true,
     .tolerance_scale = 32},
    {.name = "sqrtm",
     .domains = small,
     .samples = stored("sqrtm", {{"real", [](Args& x) { return sqrtm(regular(x[0])); }},
                                 {"complex", [](Args& x) { return sqrtm(turned_regular(x[0])); }},
                                 {"stack", [](Args& x) { return sqrtm(turned_regular(x[0])); }},
                                 {"empty", [](Args& x) { return sqrtm(x[0]); }}}),
     .rejects = {{Error::shape, "sqrtm", [] { sqrtm(of({2, 3})); }},
                 {Error::numerical, "negative real axis", [] { sqrtm(of({2, 2})); }},
                 {Error::numerical, "an eigenvalue of -1", [] { sqrtm(-1.0 * eye(2)); }},
                 {Error::numerical, "sqrtm", [] { sqrtm(not_a_number()); }}},
     .tolerance_scale = 4},
    {.name = "logm",
     .domains = small,
     .samples = stored("logm", {{"real", [](Args& x) { return logm(regular(x[0])); }},
                                {"complex", [](Args& x) { return logm(turned_regular(x[0])); }},
                                {"empty", [](Args& x) { return logm(x[0]); }}}),
     .rejects = {{Error::shape, "logm", [] { logm(of({2, 3})); }},
                 {Error::numerical, "negative real axis", [] { logm(of({2, 2})); }},
                 {Error::numerical, "an eigenvalue of -2", [] { logm(-2.0 * eye(2)); }}},
     .tolerance_scale = 8},
}};

}  // namespace
}  // namespace newtape::table
