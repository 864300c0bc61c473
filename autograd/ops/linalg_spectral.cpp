// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/detail/path_limits.hpp>
#include <newtape/autograd/ops/detail/values_gradient.hpp>
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
#include <utility>
#include <vector>

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

Tensor antisymmetric(const Tensor& x) { return (x - transpose(x)) * 0.5; }

/// x_j - x_i, infinite on the diagonal, which has no quotient.
Tensor gaps_between(const Tensor& x) {
  const double far = std::numeric_limits<double>::infinity();
  return where(eye(x.shape(-1), x.dtype()) == 1.0, far, row(x) - column(x));
}
/// Pairs of different values that count as equal.
Tensor equal_pairs(const Tensor& w) {
  return logical_and(Tensor(core::equal_values(w.value())), eye(w.shape(-1), w.dtype()) == 0.0);
}

/// Whether all cotangents are 0: in forward mode, where they stand for any others.
bool all_zero(Tensors g) {
  return std::none_of(g.begin(), g.end(),
                      [](const Tensor& x) { return x.defined() && any(x.detach() != 0.0).item<bool>(); });
}

/// Different constants for the elements of a matrix.
Tensor weights_like(const Tensor& x) {
  return sin(reshape(arange(x.shape(-1) * x.shape(-2), x.dtype()), {x.shape(-2), x.shape(-1)}) + 1.0);
}

/// The known elements of eigh's inner matrix between equal and nearly equal values.
PathLimits eigh_limits(const Tensor& a, Tensors g, const Tensor& p, const Tensor& w, const Tensor& v,
                       const ValuePath& path) {
  if (!near_values(w.value(), false)) return {};
  PathQuotient q{.numerator = antisymmetric(p),
                 .denominator = gaps_between(w.detach()),
                 .scale = column(max(abs(w.detach()), -1, true)),
                 .equal = equal_pairs(w),
                 .terms = p,
                 .zero = all_zero(g),
                 .only_equal = !g[0].defined() || !g[1].defined()};
  for (const auto& z : value_paths(w.shape(-1), w.dtype())) {
    const Tensor along = path.along(z, 1);
    q.numerator_along.push_back(along.defined() ? antisymmetric(matmul(transpose(v), along)) : along);
    q.denominator_along.push_back(gaps_between(z));
  }
  // That another choice of the vectors of equal values makes no difference holds for all choices.
  const Tensor couplings = sum(where(q.equal, q.numerator * weights_like(p), 0.0), -1);
  const Tensor moved = ValuePath(couplings, w).along(ones({w.shape(-1)}, w.dtype()), 1);
  if (moved.defined()) {
    const Tensor turned = matmul(transpose(v), moved).detach();
    Tensor sizes = concatenate({turned, p.detach()}, -1);
    if (q.numerator_along[0].defined()) sizes = concatenate({sizes, q.numerator_along[0].detach() * q.scale}, -1);
    core::expect_no_coupling(antisymmetric(turned).value(), q.equal.value(), sizes.value(), of_eigh);
  }
  return path_limits(q, a, of_eigh);
}

/// Giles 2008, 3.1: v (diag(w') + F * (v^T v')) v^T, F_ij = 1 / (w_j - w_i), symmetrised. Between equal values, the limit
/// where w' is in the graph, and else 0, which is right for functions of the vectors alone.
Tensor eigh_pullback(const Tensor& a, Tensors g, Tensors y) {
  const Tensor& w = y[0];
  const Tensor& v = y[1];
  const Tensor vt = transpose(v);
  const bool records = recorded(g[0], g[1], v);
  const ValuePath path(records ? g[0] : Tensor(), w);
  if (!g[1].defined() && !path.has_vectors()) return gradient_of_values(g[0], {of_eigh, a, w, v, vt});
  const Tensor p = g[1].defined() ? matmul(vt, g[1]) : zeros(with_leading(g[0], w.ndim(), v.shape()), v.dtype());
  const PathLimits limits = records ? eigh_limits(a, g, p, w, v, path) : PathLimits{};
  Tensor inner = core::eigh_inner_grad(p.value(), w.value(), g[0].value(), of_eigh, limits.known.value());
  if (!limits.complete) core::raise_undetermined(of_eigh);
  if (records) {
    inner = divided_by_gaps(antisymmetric(p), w, {of_eigh, !g[0].defined()});
    if (limits.known.defined()) inner = where(limits.known, limits.value, inner);
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

/// Cotangents of u and vh, or their derivatives along a path of s, as svd's pullback uses them; undefined means 0.
struct SVDCotangents {
  Tensor j;        ///< u^T u'
  Tensor k;        ///< vh vh'^T
  Tensor outside;  ///< of the span of u (tall) or of vh (wide)
  Tensor terms;    ///< that `outside` is a difference of

  SVDCotangents(const Tensor& g_u, const Tensor& g_vh, const Tensor& u, const Tensor& vh) {
    if (g_u.defined()) j = matmul(transpose(u), g_u);
    if (g_vh.defined()) k = matmul(vh, transpose(g_vh));
    if (u.shape(-2) > u.shape(-1) && g_u.defined()) {
      outside = g_u - matmul(u, j);
      terms = g_u;
    }
    if (vh.shape(-1) > vh.shape(-2) && g_vh.defined()) {
      outside = g_vh - matmul(transpose(k), vh);
      terms = g_vh;
    }
  }
  /// Half the sum (sign 1) or difference (-1) of the antisymmetric parts.
  Tensor half(double sign) const {
    if (!j.defined() && !k.defined()) return {};
    if (!k.defined()) return antisymmetric(j);
    if (!j.defined()) return antisymmetric(k) * sign;
    return antisymmetric(j + k * sign);
  }
};

struct SVDLimits {
  PathLimits by_gaps, by_sums, outside;
};

/// What is known of svd's derivative between equal, nearly equal and zero values.
SVDLimits svd_limits(const Tensor& a, Tensors g, const SVDCotangents& c, const Tensor& s, const Tensor& u,
                     const Tensor& vh, const ValuePath& path) {
  SVDLimits limits;
  if (!near_values(s.value(), true)) return limits;
  const auto k = s.shape(-1);
  const Tensor at = s.detach();
  const Tensor largest = max(at, -1, true);
  const Tensor other = eye(k, s.dtype()) == 0.0;
  const Tensor terms = c.j.defined() && c.k.defined() ? concatenate({c.j, c.k}, -1) : c.j.defined() ? c.j : c.k;
  const Tensor sums = row(at) + column(at);
  const bool tall = u.shape(-2) > k;
  const Tensor zero = negligible(s, largest);
  const Tensor no_sum = logical_and(negligible(sums, column(largest)), other);
  const bool none = all_zero(g);
  const bool only_equal = !g[1].defined() || (!g[0].defined() && !g[2].defined());
  PathQuotient gaps{c.half(1), gaps_between(at), column(largest), equal_pairs(s), terms, none, only_equal};
  PathQuotient plus{c.half(-1), sums, column(largest), no_sum, terms, none, only_equal};
  PathQuotient beyond{
      c.outside, tall ? row(at) : column(at), column(largest), tall ? row(zero) : column(zero), c.terms, none,
      only_equal};
  for (const auto& z : value_paths(k, s.dtype())) {
    const Tensor by_u = path.along(z, 0);
    const Tensor by_vh = path.along(z, 2);
    const SVDCotangents along(by_u.defined() ? slice(by_u, -1, 0, k) : by_u,
                              by_vh.defined() ? slice(by_vh, -2, 0, k) : by_vh, u, vh);
    gaps.numerator_along.push_back(along.half(1));
    plus.numerator_along.push_back(along.half(-1));
    beyond.numerator_along.push_back(along.outside);
    gaps.denominator_along.push_back(gaps_between(z));
    plus.denominator_along.push_back(row(z) + column(z));
    beyond.denominator_along.push_back(tall ? row(z) : column(z));
  }
  const Tensor weights = weights_like(gaps.numerator);
  const Tensor couplings = sum(where(gaps.equal, gaps.numerator * weights, 0.0), -1) +
                           sum(where(plus.equal, plus.numerator * weights, 0.0), -2);
  const ValuePath turning(couplings, s);
  const auto one = ones({k}, s.dtype());
  const Tensor moved_u = turning.along(one, 0);
  const Tensor moved_vh = turning.along(one, 2);
  const SVDCotangents turned(moved_u.defined() ? slice(moved_u, -1, 0, k).detach() : moved_u,
                             moved_vh.defined() ? slice(moved_vh, -2, 0, k).detach() : moved_vh, u.detach(),
                             vh.detach());
  if (turned.j.defined() || turned.k.defined()) {
    std::vector<Tensor> sizes{terms.detach()};
    if (turned.j.defined()) sizes.push_back(turned.j);
    if (turned.k.defined()) sizes.push_back(turned.k);
    const Tensor size = concatenate(sizes, -1);
    core::expect_no_coupling(turned.half(1).value(), gaps.equal.value(), size.value(), of_svd);
    core::expect_no_coupling(turned.half(-1).value(), plus.equal.value(), size.value(), of_svd);
  }
  limits.by_gaps = path_limits(gaps, a, of_svd);
  limits.by_sums = path_limits(plus, a, of_svd);
  if (c.outside.defined()) limits.outside = path_limits(beyond, a, of_svd);
  return limits;
}

Tensor where_known(const PathLimits& limits, const Tensor& x) {
  return limits.known.defined() ? where(limits.known, limits.value, x) : x;
}

/// The inner matrix of svd's pullback in Tensor operations, for derivatives of the gradient.
Tensor svd_inner(const SVDCotangents& c, const Tensor& s, const Tensor& g_s, const SVDLimits& limits) {
  const Tensor sums = row(s) + column(s);
  const Tensor no_sum = negligible(sums, column(max(s.detach(), -1, true)));
  const Tensor by_sums = where(no_sum, 0.0, c.half(-1) / where(no_sum, 1.0, sums));
  const Tensor by_gaps = divided_by_gaps(c.half(1), s, {of_svd, !g_s.defined()});
  const Tensor inner = where_known(limits.by_gaps, by_gaps) + where_known(limits.by_sums, by_sums);
  return g_s.defined() ? inner + diag_embed(g_s) : inner;
}

/// With j = u^T u' and k = vh vh'^T, and p and q half the sum and difference of their antisymmetric parts, the inner
/// matrix is p_ij / (s_j - s_i) + q_ij / (s_j + s_i) + diag(s'): Townsend 2016, with 1 / (s_j^2 - s_i^2) split in two.
/// At equal and zero values the quotients are limits where s' is in the graph, and else 0, which is right for functions
/// of the vectors alone.
Tensor svd_pullback(const Tensor& a, Tensors g, Tensors y) {
  const Tensor& u = y[0];
  const Tensor& s = y[1];
  const Tensor& vh = y[2];
  const bool records = recorded(g[0], g[1], g[2], s) && s.size() > 0;
  const ValuePath path(records ? g[1] : Tensor(), s);
  const bool of_values = !g[0].defined() && !g[2].defined();
  if (of_values && !path.has_vectors()) return gradient_of_values(g[1], {of_svd, a, s, u, vh, true});
  const auto zero_of = [&](const Tensor& v) { return zeros(with_leading(g[1], s.ndim(), v.shape()), v.dtype()); };
  const SVDCotangents c(of_values ? zero_of(u) : g[0], of_values ? zero_of(vh) : g[2], u, vh);
  const SVDLimits limits = records ? svd_limits(a, g, c, s, u, vh, path) : SVDLimits{};
  const bool wide = vh.shape(-1) > s.shape(-1);
  const bool tall = u.shape(-2) > s.shape(-1);
  Tensor inner = core::svd_inner_grad(c.j.value(), c.k.value(), s.value(), g[1].value(), !wide && !tall, of_svd,
                                      limits.by_gaps.known.value(), limits.by_sums.known.value());
  if (!limits.by_gaps.complete || !limits.by_sums.complete || !limits.outside.complete)
    core::raise_undetermined(of_svd);
  if (records) {
    inner = svd_inner(c, s, g[1], limits);
    // As for values alone: what the null space adds is not known.
    if (g[1].defined() && !limits.by_gaps.known.defined() && (wide || tall) && core::any_zero(s.value())) {
      inner = undetermined(inner, of_svd);
    }
  }
  if (!c.outside.defined()) return matmul(matmul(u, inner), vh);
  const Tensor by = tall ? row(s) : column(s);
  Tensor zero = negligible(s, s.shape(-1) == 0 ? s.detach() : max(s.detach(), -1, true));
  zero = tall ? row(zero) : column(zero);
  const Tensor& known = limits.outside.known;
  const Tensor coupling = known.defined() ? where(known, 0.0, c.outside) : c.outside;
  const Tensor outside = where_known(limits.outside, divided(coupling, by, zero, c.terms));
  return tall ? matmul(matmul(u, inner) + outside, vh) : matmul(u, matmul(inner, vh) + outside);
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
  if (newtape::detail::is_traced()) {
    const auto [w, v] = newtape::detail::trace_call(
        "eigh", {a}, {{"upper", upper}},
        [&] {
          const Eigh e = eigh(a, upper);
          return std::pair{e.w, e.v};
        },
        a.location());
    return {w, v};
  }
  expect_matrices("eigh", a, true);
  if (upper) return eigh(In(transpose(a), a.location()));
  const core::Eigh value = core::eigh(a.value());
  const auto [w, v] = eigh_op(std::array{value.w, value.v},
                              wrt(a, [a = a.tensor()](Tensors g, Tensors y) { return eigh_pullback(a, g, y); }));
  if (v.requires_grad()) v.node()->differentiates_cotangents = near_values(value.w, false);
  return {w, v};
}

namespace {

/// LAPACK's values without vectors, in the graph in the place of those with vectors: their pullback sees all uses.
Tensor in_place_of(const Op& op, Array values, const Tensor& with_vectors) {
  return op(std::move(values), wrt(with_vectors, [](const Tensor& g) { return g; }));
}

}  // namespace

Tensor eigvalsh(In a, bool upper) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "eigvalsh", {a}, {{"upper", upper}}, [&] { return eigvalsh(a, upper); }, a.location());
  }
  expect_matrices("eigvalsh", a, true);
  if (upper) return eigvalsh(In(transpose(a), a.location()));
  Array values = core::eigh(a.value(), false, "eigvalsh").w;
  if (!recorded(a)) return eigvalsh_op(std::move(values));
  return in_place_of(eigvalsh_op, std::move(values), eigh(a).w);
}

SVD svd(In a, bool full_matrices) {
  if (newtape::detail::is_traced()) {
    const auto parts = newtape::detail::trace_call(
        "svd", {a}, {{"full_matrices", full_matrices}},
        [&] {
          const SVD f = svd(a, full_matrices);
          return std::vector<Tensor>{f.u, f.s, f.vh};
        },
        a.location());
    return {parts[0], parts[1], parts[2]};
  }
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
  if (s.requires_grad() && near_values(value.s, true)) {
    u.node()->differentiates_cotangents = true;
    vh.node()->differentiates_cotangents = true;
  }
  return {u, s, vh};
}

Tensor svdvals(In a) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "svdvals", {a}, {}, [&] { return svdvals(a); }, a.location());
  }
  expect_matrices("svdvals", a, false);
  Array values = core::svd(a.value(), core::SVDPart::values, "svdvals").s;
  if (!recorded(a)) return svdvals_op(std::move(values));
  return in_place_of(svdvals_op, std::move(values), svd(a).s);
}

}  // namespace newtape::linalg
