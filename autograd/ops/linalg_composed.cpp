// SPDX-License-Identifier: BSD-3-Clause
// Functions of linear algebra that are composed of others.
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/runtime/random.hpp>

namespace newtape::linalg {

Tensor cholesky_inverse(In l, bool upper) {
  const CallSite here(l.location());
  expect_matrices("cholesky_inverse", l, true);
  return cholesky_solve(expand(eye(l.tensor().shape(-1), l.dtype()), l.shape()), l, upper);
}

namespace {

/// a as a square matrix whose rows are the first `n` axes.
Tensor as_square(const char* op, const In& a, std::int64_t n) {
  std::int64_t rows = 1, columns = 1;
  for (std::size_t i = 0; i < a.ndim(); ++i) (static_cast<std::int64_t>(i) < n ? rows : columns) *= a.shape()[i];
  if (rows != columns) {
    raise<ShapeError>(std::string(op) + ": the axes must split into two groups with as many elements",
                      "equal products of the first " + std::to_string(n) + " lengths and of the others",
                      to_string(a.shape()));
  }
  return reshape(a, {rows, columns});
}

}  // namespace

Tensor tensorsolve(In a, In b) {
  const CallSite here(a.location());
  const std::size_t n = b.ndim();
  if (a.ndim() < n || Shape(a.shape().begin(), a.shape().begin() + n) != b.shape()) {
    raise<ShapeError>("tensorsolve: a must begin with the axes of b", to_string(b.shape()) + " and further axes",
                      to_string(a.shape()));
  }
  const Tensor x = solve(as_square("tensorsolve", a, static_cast<std::int64_t>(n)), ravel(b));
  return reshape(x, Shape(a.shape().begin() + n, a.shape().end()));
}

Tensor tensorinv(In a, std::int64_t n) {
  const CallSite here(a.location());
  if (n < 1 || n > static_cast<std::int64_t>(a.ndim())) {
    raise<ValueError>("tensorinv: the number of axes is out of range", "1 to " + std::to_string(a.ndim()),
                      std::to_string(n));
  }
  Shape shape(a.shape().begin() + n, a.shape().end());
  for (std::int64_t i = 0; i < n; ++i) shape.push_back(a.shape()[static_cast<std::size_t>(i)]);
  return reshape(inv(as_square("tensorinv", a, n)), shape);
}

Tensor householder_product(In a, In tau) {
  const CallSite here(a.location());
  expect_matrices("householder_product", a, false);
  const auto m = a.tensor().shape(-2), n = a.tensor().shape(-1);
  const auto k = tau.ndim() == 0 ? -1 : tau.tensor().shape(-1);
  Shape lead(a.shape().begin(), a.shape().end() - 2), wanted = lead;
  wanted.push_back(k);
  if (k < 0 || k > n || n > m || tau.shape() != wanted) {
    raise<ShapeError>("householder_product: each reflection needs a factor", "a [.., m, n], tau [.., k], k <= n <= m",
                      to_string(a.shape()) + " and " + to_string(tau.shape()));
  }
  const Tensor identity = eye(m, n, a.dtype());
  const Tensor v = tril(a, -1) + identity;
  Tensor q = expand(identity, a.shape());
  for (auto i = k - 1; i >= 0; --i) {
    const Tensor vi = slice(v, -1, i, i + 1);
    q = q - unsqueeze(slice(tau, -1, i, i + 1), -1) * matmul(vi, matmul(transpose(vi), q));
  }
  return q;
}

namespace {

/// The symmetric matrix with the lower triangle of a; its gradient passes to a as that of a symmetric matrix.
Tensor from_lower_triangle(const In& a) {
  const Tensor v = a.tensor().detach();
  const Tensor whole = tril(v) + transpose(tril(v, -1));
  return where(whole == v, a, a + (whole - v));
}

}  // namespace

Eigh eigh(In a, In b) {
  const CallSite here(a.location());
  expect_matrices("eigh", a, true);
  expect_matrices("eigh", b, true);
  if (a.tensor().shape(-1) != b.tensor().shape(-1)) {
    raise<ShapeError>("eigh: both matrices must have the same size", "a [.., n, n], b [.., n, n]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
  // With b = l l^T: (l^-1 a l^-T) y = y diag(w), v = l^-T y.
  const Tensor l = cholesky(b);
  const Tensor half = solve_triangular(l, from_lower_triangle(a));
  auto [w, y] = eigh(In(solve_triangular(l, transpose(half))));
  return {std::move(w), solve_triangular(l, y, {.transposed = true})};
}

SVD svd_lowrank(In a, std::int64_t q, const LowRankOptions& options) {
  const CallSite here(a.location());
  expect_matrices("svd_lowrank", a, false);
  const auto m = a.tensor().shape(-2), n = a.tensor().shape(-1);
  if (q < 0 || q > std::min(m, n) || options.iterations < 0) {
    raise<ValueError>("svd_lowrank: the rank or the number of iterations is out of range",
                      "q from 0 to " + std::to_string(std::min(m, n)) + ", iterations >= 0",
                      "q " + std::to_string(q) + ", iterations " + std::to_string(options.iterations));
  }
  Shape shape(a.shape());
  shape[shape.size() - 2] = n;
  shape[shape.size() - 1] = q;
  const Tensor start =
      random::normal(shape, 0, 1, a.dtype(), options.generator != nullptr ? *options.generator : default_generator());
  Tensor basis = qr(matmul(a, start)).q;
  for (std::int64_t i = 0; i < options.iterations; ++i) {
    basis = qr(matmul(a, qr(matmul(transpose(a), basis)).q)).q;
  }
  auto [u, s, vh] = svd(matmul(transpose(basis), a));
  return {matmul(basis, u), std::move(s), std::move(vh)};
}

SVD pca_lowrank(In a, std::int64_t q, const LowRankOptions& options) {
  const CallSite here(a.location());
  expect_matrices("pca_lowrank", a, false);
  return svd_lowrank(a - mean(a, -2, true), q, options);
}

}  // namespace newtape::linalg
