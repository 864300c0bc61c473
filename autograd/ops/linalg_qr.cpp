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
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <utility>

namespace newtape::linalg {

static const Op qr_op{"qr"};
static const Op lstsq_op{"lstsq"};
static const Op pinv_op{"pinv"};

namespace {

/// For square r: with M = r r'^T - q'^T q and copyltu(M), the symmetric matrix with the lower triangle of M,
/// a' = (q' + q copyltu(M)) r^-T (Walter & Lehmann 2010).
Tensor qr_pullback(Tensors g, Tensors y) {
  const Tensor& q = y[0];
  const Tensor& r = y[1];
  Tensor m;
  if (g[1].defined()) m = matmul(r, transpose(triu(g[1])));
  if (g[0].defined()) {
    const Tensor from_q = matmul(transpose(g[0]), q);
    m = m.defined() ? m - from_q : -from_q;
  }
  Tensor inner = matmul(q, tril(m) + transpose(tril(m, -1)));
  if (g[0].defined()) inner = g[0] + inner;
  return solve_triangular(r, inner, {.upper = true, .left = false, .transposed = true});
}

/// The first k columns of a cotangent. ValueError (`what`) unless the others, which have no derivative, are 0.
Tensor first_columns(const Tensor& g, std::int64_t k, const char* what) {
  const Tensor beyond = slice(g, -1, k, g.shape(-1));
  if (any(beyond.detach() != 0.0).item<bool>()) {
    raise<ValueError>(what, "a cotangent that is 0 for them", "a nonzero cotangent");
  }
  return slice(g, -1, 0, k);
}

}  // namespace

QR qr(In a, QRMode mode) {
  if (newtape::detail::is_traced()) {
    const auto [q, r] = newtape::detail::trace_call(
        "qr", {a}, {{"complete", mode == QRMode::complete}},
        [&] {
          const QR f = qr(a, mode);
          return std::pair{f.q, f.r};
        },
        a.location());
    return {q, r};
  }
  expect_matrices("qr", a, false);
  const auto m = a.tensor().shape(-2);
  const auto n = a.tensor().shape(-1);
  if (m < n) {
    // a = [x y]: x = q u is square, and r = [u, q^T y].
    const auto [q, u] = qr(In(slice(a, -1, 0, m), a.location()));
    return {q, concatenate({u, matmul(transpose(q), slice(a, -1, m, n))}, -1)};
  }
  const bool complete = mode == QRMode::complete && m > n;
  const core::QR value = core::qr(a.value(), complete);
  const auto [q, r] = qr_op(
      std::array{value.q, value.r}, wrt(a, [complete, n](Tensors g, Tensors y) {
        if (!complete) return qr_pullback(g, y);
        const std::array<Tensor, 2> cotangents{
            g[0].defined() ? first_columns(g[0], n, "qr: columns of q beyond those of a have no derivative") : Tensor(),
            g[1].defined() ? slice(g[1], -2, 0, n) : Tensor()};
        const std::array<Tensor, 2> results{slice(y[0], -1, 0, n), slice(y[1], -2, 0, n)};
        return qr_pullback(cotangents, results);
      }));
  return {q, r};
}

namespace {

/// Singular values up to the larger of these, rtol times the largest, count as zero.
struct Tolerance {
  double rtol = 0;
  double atol = 0;

  Tensor kept(const Tensor& s) const {
    if (s.shape(-1) == 0) return s > 0.0;
    return s > maximum(max(s, -1, true) * rtol, atol);
  }
  /// The rank of each matrix (i64).
  Tensor rank(const Tensor& s) const { return sum(kept(s), -1); }
};

Tolerance tolerance_of(const Tensor& a, const PinvOptions& o) {
  return {o.rtol.value_or(o.atol > 0 ? 0 : cutoff(a)), o.atol};
}

/// The symmetric matrix with the lower triangle of a, as a function with symmetric gradients.
Tensor symmetric_from_lower(const Tensor& a) {
  const Tensor mean = symmetrized(a);
  const Tensor x = a.detach();
  return mean + (tril(x) + transpose(tril(x, -1)) - mean.detach());
}

/// a = u diag(s) vh; of a symmetric matrix by its eigenvalues, whose signs go to u.
core::SVD decomposed(const Array& a, bool hermitian, const char* op) {
  if (!hermitian) return core::svd(a, core::SVDPart::reduced, op);
  const core::Eigh e = core::eigh(a, true, op);
  return {core::mul(e.v, core::unsqueeze(core::sign(e.w), -2)), core::abs(e.w), core::transpose(e.v, -2, -1)};
}

/// A factorised pseudoinverse: QR of a, or of a^T where a is wide; SVD when some matrix of the stack is rank deficient.
struct Factors {
  bool wide = false;
  bool full_rank = true;
  Array q, r;
  Array u, inverse_s, vh;

  Factors(const Tensor& a, const Tolerance& tolerance, const char* op) : wide(a.shape(-2) < a.shape(-1)) {
    const core::SVD d = core::svd(a.value(), core::SVDPart::values, op);
    full_rank =
        core::all(core::equal(tolerance.rank(d.s).value(), core::full({}, double(d.s.shape(-1)), i64))).item<bool>();
    if (full_rank) {
      core::QR f = core::qr(wide ? core::transpose(a.value(), -2, -1) : a.value(), false, op);
      q = std::move(f.q);
      r = std::move(f.r);
      return;
    }
    core::SVD f = core::svd(a.value(), core::SVDPart::reduced, op);
    const Tensor s(f.s);
    const Tensor kept = tolerance.kept(s);
    inverse_s = where(kept, 1.0 / where(kept, s, 1.0), 0.0).value();
    u = std::move(f.u);
    vh = std::move(f.vh);
  }

  /// a^+ b or, `transposed`, (a^+)^T b.
  Array apply(const Array& b, bool transposed) const {
    if (!full_rank) {
      const Array left = transposed ? core::transpose(vh, -2, -1) : u;
      const Array right = transposed ? u : core::transpose(vh, -2, -1);
      const Array inner = core::matmul(core::transpose(left, -2, -1), b);
      return core::matmul(right, core::mul(inner, core::unsqueeze(inverse_s, -1)));
    }
    if (wide == transposed) {
      return core::solve_triangular(r, core::matmul(core::transpose(q, -2, -1), b), {.upper = true}, "lstsq");
    }
    return core::matmul(q, core::solve_triangular(r, b, {.upper = true, .transposed = true}, "lstsq"));
  }
};

/// x = m^+ b for m = a or a^T. At constant rank, with z = (m^+)^T g and the residual b - m x (Golub & Pereyra 1973):
/// b' = z, m' = -z x^T + (b - m x) (m^+ z)^T + ((m^+)^T x) (g - m^+ m g)^T.
Tensor apply_inverse(const Factors& f, const In& a, const In& b, bool transposed) {
  const auto adjoint = [f, a = a.tensor(), transposed](const Tensor& g) { return apply_inverse(f, a, g, !transposed); };
  return lstsq_op(f.apply(b.value(), transposed),
                  wrt(a,
                      [f, adjoint, a = a.tensor(), b = b.tensor(), transposed](const Tensor& g, const Tensor& x) {
                        const Tensor m = transposed ? transpose(a) : a;
                        const auto again = [&](const Tensor& y) { return apply_inverse(f, a, y, transposed); };
                        const Tensor z = adjoint(g);
                        const auto rows = m.shape(-2);
                        const auto columns = m.shape(-1);
                        Tensor result = matmul(-z, transpose(x));
                        if (!f.full_rank || rows > columns) {
                          result = result + matmul(b - matmul(m, x), transpose(again(z)));
                        }
                        if (!f.full_rank || rows < columns) {
                          result = result + matmul(adjoint(x), transpose(g - again(matmul(m, g))));
                        }
                        return transposed ? transpose(result) : result;
                      }),
                  wrt(b, adjoint));
}

}  // namespace

Lstsq lstsq(In a, In b, std::optional<double> rcond) {
  match(lstsq_op, a, b);
  expect_matrices("lstsq", a, false);
  expect_system("lstsq", a, b);
  const Tolerance tolerance{rcond.value_or(cutoff(a)), 0};
  const Factors f(a, tolerance, "lstsq");
  const auto m = a.tensor().shape(-2);
  const auto n = a.tensor().shape(-1);
  const bool vector = b.ndim() == 1;
  const In columns = vector ? In(column(b), b.location()) : b;
  const Tensor x = apply_inverse(f, a, columns, false);
  Lstsq result;
  result.singular_values = svdvals(a);
  result.rank = tolerance.rank(result.singular_values);
  if (m > n && f.full_rank) {
    result.residuals = sum(square(columns.tensor() - matmul(a, x)), -2);
  } else {
    result.residuals = zeros({0}, a.dtype());
  }
  result.solution = vector ? squeeze(x, -1) : x;
  if (vector && m > n && f.full_rank) result.residuals = squeeze(result.residuals, -1);
  return result;
}

Tensor pinv(In x, const PinvOptions& options) {
  expect_matrices("pinv", x, options.hermitian);
  const In a = options.hermitian ? In(symmetric_from_lower(x), x.location()) : std::move(x);
  const core::SVD d = decomposed(a.value(), options.hermitian, "pinv");
  const Tensor s(d.s);
  const Tensor kept = tolerance_of(a, options).kept(s);
  const bool full_rank = all(kept).item<bool>();
  const Tensor inverse = where(kept, 1.0 / where(kept, s, 1.0), 0.0);
  Array value =
      core::matmul(core::mul(core::transpose(d.vh, -2, -1), row(inverse).value()), core::transpose(d.u, -2, -1));
  return pinv_op(std::move(value), wrt(a, [a = a.tensor(), full_rank](const Tensor& g, const Tensor& y) {
                   // Golub & Pereyra 1973: -y^T g y^T + (1 - a y) g^T y y^T + y^T y g^T (1 - y a)
                   const Tensor yt = transpose(y);
                   const Tensor gt = transpose(g);
                   Tensor result = -matmul(matmul(yt, g), yt);
                   if (!full_rank || a.shape(-2) > a.shape(-1)) {
                     const Tensor t = matmul(matmul(gt, y), yt);
                     result = result + t - matmul(a, matmul(y, t));
                   }
                   if (!full_rank || a.shape(-2) < a.shape(-1)) {
                     const Tensor t = matmul(yt, matmul(y, gt));
                     result = result + t - matmul(matmul(t, y), a);
                   }
                   return result;
                 }));
}

Tensor matrix_rank(In a, const MatrixRankOptions& options) {
  expect_matrices("matrix_rank", a, options.hermitian);
  const Tensor s = options.hermitian ? abs(Tensor(core::eigh(a.value(), false, "matrix_rank").w))
                                     : Tensor(core::svd(a.value(), core::SVDPart::values, "matrix_rank").s);
  return tolerance_of(a, options).rank(s);
}

}  // namespace newtape::linalg
