// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>

#include <utility>
#include <vector>

namespace newtape::linalg {

static const Op lu_factor_op{"lu_factor"};
static const Op det_op{"det"};
static const Op slogdet_op{"slogdet"};

namespace {

constexpr SolveTriangularOptions unit_lower{.unitriangular = true};
constexpr SolveTriangularOptions unit_lower_transposed{.transposed = true, .unitriangular = true};
constexpr SolveTriangularOptions upper_from_right_transposed{.upper = true, .left = false, .transposed = true};

Tensor top(const Tensor& x, std::int64_t rows) { return slice(x, -2, 0, rows); }
Tensor bottom(const Tensor& x, std::int64_t rows) { return slice(x, -2, rows, x.shape(-2)); }
Tensor left_part(const Tensor& x, std::int64_t columns) { return slice(x, -1, 0, columns); }
Tensor right_part(const Tensor& x, std::int64_t columns) { return slice(x, -1, columns, x.shape(-1)); }

/// The gradient with respect to p^T a for the cotangent `g` of `y`, l and u in one matrix. For square a it is
/// l^-T (tril(l^T l', -1) + triu(u' u^T)) u^-T; the remaining columns (rows) contribute through u (l).
Tensor lu_pullback(const Tensor& g, const Tensor& y) {
  const auto m = y.shape(-2);
  const auto n = y.shape(-1);
  const auto k = std::min(m, n);
  const Tensor square = left_part(top(y, k), k);
  const Tensor g_square = left_part(top(g, k), k);
  const Tensor l = tril(square, -1) + eye(k, y.dtype());
  const Tensor u = triu(square);
  Tensor lower = matmul(transpose(l), tril(g_square, -1));
  Tensor upper = matmul(triu(g_square), transpose(u));
  if (n > k) lower = lower - matmul(right_part(g, k), transpose(right_part(y, k)));
  if (m > k) upper = upper - matmul(transpose(bottom(y, k)), bottom(g, k));
  const Tensor inner = solve_triangular(square, tril(lower, -1) + triu(upper), unit_lower_transposed);
  Tensor result = solve_triangular(square, inner, upper_from_right_transposed);
  if (n > k) result = concatenate({result, solve_triangular(square, right_part(g, k), unit_lower_transposed)}, -1);
  if (m > k) {
    result = concatenate({result, solve_triangular(square, bottom(g, k), upper_from_right_transposed)}, -2);
  }
  return result;
}

/// The inverse of the permutation `rows`.
Array inverse_of(const Array& rows) {
  if (core::recorder() != nullptr) {
    return core::record_call(
        "inverse_of", [](const Array& x) { return inverse_of(x); }, rows);
  }
  const Array from = core::contiguous(rows);
  Array to = Array::empty(rows.shape(), i64);
  const auto n = rows.shape().back();
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    to.data<std::int64_t>()[i / n * n + from.data<std::int64_t>()[i]] = i % n;
  }
  return to;
}

}  // namespace

LUFactor lu_factor(In a) {
  if (newtape::detail::is_traced()) {
    const auto [lu, pivots] = newtape::detail::trace_call(
        "lu_factor", {a}, {},
        [&] {
          const LUFactor f = lu_factor(a);
          return std::pair{f.lu, f.pivots};
        },
        a.location());
    return {lu, pivots};
  }
  expect_matrices("lu_factor", a, false);
  const core::LU lu = core::lu_factor(a.value());
  return {lu_factor_op(lu.factors,
                       wrt(a, [back = inverse_of(core::lu_permutation(lu))](
                                  const Tensor& g, const Tensor& y) { return permute_rows(lu_pullback(g, y), back); })),
          lu.pivots};
}

LU lu(In a) {
  expect_matrices("lu", a, false);
  return lu_unpack(lu_factor(std::move(a)));
}

LU lu_unpack(const LUFactor& factor) {
  if (newtape::detail::is_traced()) {
    const auto parts = newtape::detail::trace_call("lu_unpack", {factor.lu, factor.pivots}, {}, [&] {
      const LU f = lu_unpack(factor);
      return std::vector<Tensor>{f.p, f.l, f.u};
    });
    return {parts[0], parts[1], parts[2]};
  }
  const auto& [packed, pivots] = factor;
  expect_matrices("lu_unpack", In(packed), false);
  const auto m = packed.shape(-2);
  const auto n = packed.shape(-1);
  const auto k = std::min(m, n);
  const Array rows = core::lu_permutation({packed.value(), pivots.value()});
  const Tensor identity = eye(m, packed.dtype());
  Shape shape = rows.shape();
  shape.push_back(m);
  Tensor l = tril(left_part(packed, k), -1);
  l = l + left_part(identity, k);
  return {permute_rows(expand(identity, shape), inverse_of(rows)).detach(), std::move(l), triu(top(packed, k))};
}

namespace {

/// x with a x = b or, `adjoint`, a^T x = b for p a = l u: u^-1 l^-1 p b or p^T l^-T u^-T b.
Tensor solve_packed(const LUFactor& factor, const In& b, bool adjoint) {
  const Tensor& f = factor.lu;
  Shape shape = broadcast_shapes("lu_solve", Shape(f.shape().begin(), f.shape().end() - 2),
                                 Shape(b.shape().begin(), b.shape().end() - 2));
  shape.push_back(b.tensor().shape(-2));
  const Array rows = core::lu_permutation({f.value(), factor.pivots.value()});
  const Array of_all = core::expand(adjoint ? inverse_of(rows) : rows, shape);
  shape.push_back(b.tensor().shape(-1));
  const Tensor stretched = expand(b, shape);
  if (!adjoint) {
    return solve_triangular(f, solve_triangular(f, permute_rows(stretched, of_all), unit_lower), {.upper = true});
  }
  const Tensor inner = solve_triangular(f, stretched, {.upper = true, .transposed = true});
  return permute_rows(solve_triangular(f, inner, unit_lower_transposed), of_all);
}

}  // namespace

Tensor lu_solve(const LUFactor& factor, In b, const LuSolveOptions& options) {
  const In f(factor.lu);
  expect_matrices("lu_solve", f, true);
  expect_system("lu_solve", f, b, options.left);
  // x a = b is a^T x^T = b^T.
  if (!options.left) return transpose(solve_packed(factor, In(transpose(b), b.location()), !options.adjoint));
  return by_columns(b, [&](const In& columns) { return solve_packed(factor, columns, options.adjoint); });
}

// --- determinants ---

namespace {

/// a^-T; from a's LU factors when the gradient is not recorded.
Tensor inverse_transposed(const Tensor& a, const core::LU& lu, const Tensor& g, const char* op) {
  if (recorded(g, a)) return transpose(inv(a));
  core::expect_regular(lu, op);
  return transpose(Tensor(core::lu_inverse(lu)));
}

/// Whether some matrix has a ratio of pivots below eps^(1/3): its inverse would lose more than a third of the digits.
bool near_singular(const core::LU& lu) {
  const Tensor u = core::abs(core::contiguous(diagonal(lu.factors, 0, -2, -1).value()));
  if (u.size() == 0) return false;
  const Tensor smallest = min(u, -1);
  return any(smallest <= max(u, -1) * std::cbrt(epsilon(u.dtype()))).item<bool>();
}

/// The determinant by products and sums alone, so that derivatives are also correct for singular a (Bird 2011).
Tensor det_without_division(const Tensor& a) {
  const auto n = a.shape(-1);
  const Tensor after = triu(ones({n, n}, a.dtype()), 1);
  Tensor f = a;
  for (std::int64_t k = 1; k < n; ++k) {
    const Tensor sums = matmul(after, diagonal(f, 0, -2, -1));  // of the diagonal's elements after each
    f = matmul(triu(f, 1) - diag_embed(sums), a);
  }
  const Tensor corner = select(select(f, 0, 0), 0, 0);
  return n % 2 == 0 ? -corner : corner;
}

Tensor det_regular(const In& a, const core::LU& lu) {
  return det_op(core::lu_det(lu), wrt(a, [a = a.tensor(), lu](const Tensor& g, const Tensor& y) {
                  return column(column(g * y)) * inverse_transposed(a, lu, g, "det");  // Giles 2008, 2.2.4
                }));
}

/// In the basis of its singular vectors (constants), a has a well-conditioned block b11, and
/// det(a) = +-det(b11) det(b22 - b21 b11^-1 b12), with a division-free second factor.
Tensor det_of_any_rank(const Tensor& a) {
  if (a.ndim() > 2) {
    const auto n = a.shape(-1);
    const Tensor flat = reshape(a, {-1, n, n});
    std::vector<Tensor> all;
    for (std::int64_t i = 0; i < flat.shape(0); ++i) all.push_back(det(select(flat, 0, i)));
    return reshape(stack(all), Shape(a.shape().begin(), a.shape().end() - 2));
  }
  const auto n = a.shape(-1);
  const core::SVD d = core::svd(a.value(), core::SVDPart::reduced, "det");
  const Tensor s = d.s;
  const auto rank = sum((s > max(s) * std::cbrt(epsilon(a.dtype()))).to(a.dtype())).item<std::int64_t>();
  const Array signs =
      core::mul(core::lu_slogdet(core::lu_factor(d.u)).sign, core::lu_slogdet(core::lu_factor(d.vh)).sign);
  const Tensor b = matmul(matmul(transpose(d.u), a), transpose(d.vh));
  if (rank == 0) return det_without_division(b) * signs;
  const Tensor b11 = left_part(top(b, rank), rank);
  Tensor result = det_regular(b11, core::lu_factor(b11.value(), "det")) * signs;
  if (rank < n) {
    const Tensor b12 = right_part(top(b, rank), rank);
    const Tensor below = bottom(b, rank);
    result = result * det_without_division(right_part(below, rank) - matmul(left_part(below, rank), solve(b11, b12)));
  }
  return result;
}

}  // namespace

Tensor det(In a) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "det", {a}, {}, [&] { return det(a); }, a.location());
  }
  expect_matrices("det", a, true);
  const core::LU lu = core::lu_factor(a.value(), "det");
  return near_singular(lu) ? det_of_any_rank(a) : det_regular(a, lu);
}

SLogDet slogdet(In a) {
  if (newtape::detail::is_traced()) {
    const auto [sign, logabsdet] = newtape::detail::trace_call(
        "slogdet", {a}, {},
        [&] {
          const SLogDet d = slogdet(a);
          return std::pair{d.sign, d.logabsdet};
        },
        a.location());
    return {sign, logabsdet};
  }
  expect_matrices("slogdet", a, true);
  const core::LU lu = core::lu_factor(a.value(), "slogdet");
  core::SignLog value = core::lu_slogdet(lu);
  return {value.sign, slogdet_op(std::move(value.logabs), wrt(a, [a = a.tensor(), lu](const Tensor& g) {
                                   return column(column(g)) * inverse_transposed(a, lu, g, "slogdet");
                                 }))};
}

Tensor logdet(In a) {
  const auto [sign, logabs] = slogdet(std::move(a));
  return where(sign < 0, std::numeric_limits<double>::quiet_NaN(), logabs);
}

}  // namespace newtape::linalg
