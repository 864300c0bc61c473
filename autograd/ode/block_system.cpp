// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ode/block_system.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/creation.hpp>

#include <string>
#include <utility>

namespace newtape::detail {
namespace {

/// M v for stacks of matrices and vectors, [T, i, j] and [T, j].
Tensor by_vectors(const Tensor& m, const Tensor& v) { return squeeze(matmul(m, unsqueeze(v, -1)), -1); }
Tensor by_vectors_transposed(const Tensor& m, const Tensor& v) {
  return squeeze(matmul(transpose(m, -2, -1), unsqueeze(v, -1)), -1);
}
/// R^-1 v or R^-T v.
Tensor by_triangles(const Tensor& r, const Tensor& v, bool transposed) {
  const Array right = unsqueeze(v, -1).value();
  return squeeze(core::solve_triangular(r.value(), right, {.upper = true, .transposed = transposed}, "solve_bvp"), -1);
}

/// Every second of the first 2 T.
Tensor every_second(const Tensor& x, std::int64_t first, std::int64_t pairs) {
  return slice(x, 0, first, 2 * pairs, 2);
}
/// The one after the pairs, if there is one.
Tensor with_odd(Tensor of_pairs, const Tensor& all) {
  const auto n = all.shape(0);
  return n % 2 == 0 ? of_pairs : concatenate({of_pairs, slice(all, 0, n - 1, n)});
}
/// a_0, b_0, a_1, b_1, ..
Tensor interleaved(const Tensor& a, const Tensor& b) {
  Shape shape = a.shape();
  shape[0] *= 2;
  return reshape(stack({a, b}, 1), shape);
}

}  // namespace

Tensor BlockRows::times(const Tensor& z) const {
  const auto m = rows(), d = n();
  const Tensor u = reshape(slice(z, 0, 0, (m + 1) * d), {m + 1, d, 1});
  const Tensor q = reshape(slice(z, 0, (m + 1) * d, z.size()), {k(), 1});
  const Tensor inside = matmul(a, slice(u, 0, 0, m)) + matmul(b, slice(u, 0, 1, m + 1)) + matmul(p, q);
  const Tensor ends = matmul(ends_a, select(u, 0, 0)) + matmul(ends_b, select(u, 0, m)) + matmul(ends_p, q);
  return concatenate({reshape(inside, {m * d}), reshape(ends, {d + k()})});
}

BlockSystem::BlockSystem(const BlockRows& matrix) : rows_(matrix.rows()), n_(matrix.n()), k_(matrix.k()) {
  const NoGrad off;
  Tensor a = matrix.a, b = matrix.b, p = matrix.p;
  while (a.shape(0) > 1) {
    const auto pairs = a.shape(0) / 2;
    const Tensor a0 = every_second(a, 0, pairs), b1 = every_second(b, 1, pairs);
    const auto [q, r] =
        core::qr(core::contiguous(concatenate({every_second(b, 0, pairs), every_second(a, 1, pairs)}, 1).value()), true,
                 "solve_bvp");
    const Tensor qt = transpose(Tensor(q), -2, -1);
    const Tensor left = slice(qt, 2, 0, n_), right = slice(qt, 2, n_, 2 * n_);
    const Tensor of_a = matmul(left, a0), of_b = matmul(right, b1);
    const Tensor of_p = matmul(left, every_second(p, 0, pairs)) + matmul(right, every_second(p, 1, pairs));
    const auto upper = [&](const Tensor& x) { return slice(x, 1, 0, n_); };
    const auto lower = [&](const Tensor& x) { return slice(x, 1, n_, 2 * n_); };
    levels_.push_back({Tensor(q), upper(Tensor(r)), upper(of_a), upper(of_b), upper(of_p)});
    a = with_odd(lower(of_a), a);
    b = with_odd(lower(of_b), b);
    p = with_odd(lower(of_p), p);
  }
  const Tensor last = concatenate({concatenate({select(a, 0, 0), select(b, 0, 0), select(p, 0, 0)}, 1),
                                   concatenate({matrix.ends_a, matrix.ends_b, matrix.ends_p}, 1)});
  core::LU lu = core::lu_factor(core::contiguous(last.value()), "solve_bvp");
  core::expect_regular(lu, "solve_bvp");
  // Orthogonal factors have left blocks of size one, so that small pivots are those of the problem itself.
  const Tensor pivot_sizes = abs(diagonal(Tensor(lu.factors)));
  const double smallest = min(pivot_sizes).item(), largest = max(pivot_sizes).item();
  if (!(smallest > static_cast<double>(pivot_sizes.size()) * epsilon(f64) * largest)) {
    raise<NumericalError>("solve_bvp: the linear system is singular",
                          "boundary conditions that determine the solution near the guess",
                          "pivots from " + std::to_string(largest) + " down to rounding");
  }
  last_ = Tensor(std::move(lu.factors));
  pivots_ = Tensor(std::move(lu.pivots));
}

Tensor BlockSystem::of_last(const Tensor& right, bool transposed) const {
  return squeeze(core::lu_solve({last_.value(), pivots_.value()}, unsqueeze(right, -1).value(), transposed), -1);
}

Tensor BlockSystem::solve(const Tensor& r) const {
  const NoGrad off;
  Tensor right = reshape(slice(r, 0, 0, rows_ * n_), {rows_, n_});
  std::vector<Tensor> tops;
  for (const Level& level : levels_) {
    const auto pairs = level.r.shape(0);
    const Tensor both =
        by_vectors_transposed(level.q, concatenate({every_second(right, 0, pairs), every_second(right, 1, pairs)}, 1));
    tops.push_back(slice(both, 1, 0, n_));
    right = with_odd(slice(both, 1, n_, 2 * n_), right);
  }
  const Tensor ends = of_last(concatenate({select(right, 0, 0), slice(r, 0, rows_ * n_, r.size())}), false);
  Tensor u = reshape(slice(ends, 0, 0, 2 * n_), {2, n_});
  const Tensor p = slice(ends, 0, 2 * n_, 2 * n_ + k_);
  for (std::size_t i = levels_.size(); i-- > 0;) {
    const Level& level = levels_[i];
    const auto pairs = level.r.shape(0);
    const Tensor before = slice(u, 0, 0, pairs), after = slice(u, 0, 1, pairs + 1);
    const Tensor known = by_vectors(level.e, before) + by_vectors(level.h, after) + matmul(level.g, p);
    const Tensor between = by_triangles(level.r, tops[i] - known, false);
    u = concatenate({interleaved(before, between), slice(u, 0, pairs, u.shape(0))});
  }
  return concatenate({reshape(u, {(rows_ + 1) * n_}), p});
}

// The matrix is Q T, where T has the rows of the levels and the last ones: T^T w = r from the first level on, then z = Q w.
Tensor BlockSystem::solve_transposed(const Tensor& r) const {
  const NoGrad off;
  Tensor u = reshape(slice(r, 0, 0, (rows_ + 1) * n_), {rows_ + 1, n_});
  Tensor p = slice(r, 0, (rows_ + 1) * n_, r.size());
  std::vector<Tensor> tops;
  for (const Level& level : levels_) {
    const auto pairs = level.r.shape(0);
    const auto nodes = u.shape(0);
    const Tensor w = by_triangles(level.r, every_second(u, 1, pairs), true);
    // The kept unknowns: 0, 2, .., 2 T, and the one after an odd row.
    Tensor kept = concatenate({slice(u, 0, 0, 2 * pairs + 1, 2), slice(u, 0, 2 * pairs + 1, nodes)});
    const auto rest = kept.shape(0) - pairs;
    const Tensor none = zeros({1, n_}, f64);
    const auto fill = [&](const Tensor& x, bool shifted) {
      std::vector<Tensor> parts;
      if (shifted) parts.push_back(none);
      parts.push_back(x);
      for (auto k = rest - (shifted ? 1 : 0); k > 0; --k) parts.push_back(none);
      return concatenate(parts);
    };
    u = kept - fill(by_vectors_transposed(level.e, w), false) - fill(by_vectors_transposed(level.h, w), true);
    p = p - sum(by_vectors_transposed(level.g, w), 0);
    tops.push_back(w);
  }
  const Tensor w = of_last(concatenate({reshape(u, {2 * n_}), p}), true);
  Tensor z = reshape(slice(w, 0, 0, n_), {1, n_});
  for (std::size_t i = levels_.size(); i-- > 0;) {
    const Level& level = levels_[i];
    const auto pairs = level.r.shape(0);
    const Tensor both = by_vectors(level.q, concatenate({tops[i], slice(z, 0, 0, pairs)}, 1));
    z = concatenate({interleaved(slice(both, 1, 0, n_), slice(both, 1, n_, 2 * n_)), slice(z, 0, pairs, z.shape(0))});
  }
  return concatenate({reshape(z, {rows_ * n_}), slice(w, 0, n_, w.size())});
}

}  // namespace newtape::detail
