// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/reduce.hpp>

namespace newtape::linalg {

static const Op inv_op{"inv"};
static const Op solve_op{"solve"};
static const Op solve_triangular_op{"solve_triangular"};
static const Op cholesky_op{"cholesky"};
static const Op cholesky_solve_op{"cholesky_solve"};

void expect_matrices(const char* op, const In& a, bool square) {
  const std::string name(op);
  const bool fits = a.ndim() >= 2 && (!square || a.tensor().shape(-1) == a.tensor().shape(-2));
  if (!fits) {
    raise<ShapeError>(name + (square ? ": a must be square" : ": a must have at least two axes"),
                      square ? "a [.., n, n]" : "a [.., m, n]", "a " + to_string(a.shape()));
  }
  expect_floating(name, a.value());
}

void expect_system(const char* op, const In& a, const In& b, bool left) {
  const std::string name(op);
  const bool vector = b.ndim() == 1 && left;
  const std::int64_t axis = left && !vector ? -2 : -1;
  if (b.ndim() == 0 || (b.ndim() == 1 && !left) || b.tensor().shape(axis) != a.tensor().shape(left ? -2 : -1)) {
    raise<ShapeError>(name + (left ? ": b must have as many rows as a" : ": b must have as many columns as a"),
                      left ? "a [.., m, n], b [m] or [.., m, k]" : "a [.., n, n], b [.., k, n]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
}

Tensor permute_rows(const Tensor& x, const Array& rows) {
  Shape shape = x.shape();
  const auto width = shape.back();
  shape.resize(0);
  for (const auto length : rows.shape()) shape.push_back(length);
  shape.push_back(width);
  return gather(x, -2, core::expand(core::unsqueeze(rows, -1), shape));
}

// --- by LU ---

Tensor inv(In a) {
  expect_matrices("inv", a, true);
  core::LU lu = core::lu_factor(a.value(), "inv");
  core::expect_regular(lu, "inv");
  return inv_op(core::lu_inverse(std::move(lu)), wrt(a, [](const Tensor& g, const Tensor& y) {
                  // Giles 2008, 2.2.3: -y^T g y^T
                  const Tensor yt = transpose(y);
                  return -matmul(matmul(yt, g), yt);
                }));
}

namespace {

/// x with a x = b or, `transposed`, a^T x = b, by a's LU factors, which derivatives of all orders reuse.
Tensor solve_with(const core::LU& lu, const In& a, const In& b, bool transposed) {
  const auto adjoint = [lu, a = a.tensor(), transposed](const Tensor& g) { return solve_with(lu, a, g, !transposed); };
  return solve_op(core::lu_solve(lu, b.value(), transposed),
                  // Giles 2008, 2.3.1: with z = a^-T g, b' = z and a' = -z x^T
                  wrt(a,
                      [adjoint, transposed](const Tensor& g, const Tensor& x) {
                        const Tensor z = adjoint(g);
                        return transposed ? matmul(x, transpose(-z)) : matmul(-z, transpose(x));
                      }),
                  wrt(b, adjoint));
}

}  // namespace

Tensor solve(In a, In b, const SolveOptions& options) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "solve", {a, b}, {{"left", options.left}}, [&] { return solve(a, b, options); }, a.location());
  }
  match(solve_op, a, b);
  expect_matrices("solve", a, true);
  expect_system("solve", a, b, options.left);
  const core::LU lu = core::lu_factor(a.value(), "solve");
  core::expect_regular(lu, "solve");
  // x a = b is a^T x^T = b^T.
  if (!options.left) return transpose(solve_with(lu, a, In(transpose(b), b.location()), true));
  return by_columns(b, [&](const In& columns) { return solve_with(lu, a, columns, false); });
}

// --- triangles ---

namespace {

Tensor triangle_of(const Tensor& x, const SolveTriangularOptions& o) {
  return o.upper ? triu(x, o.unitriangular ? 1 : 0) : tril(x, o.unitriangular ? -1 : 0);
}

Tensor solve_triangle(const In& a, const In& b, const SolveTriangularOptions& o) {
  const core::Triangle which{.upper = o.upper, .transposed = o.transposed, .unit = o.unitriangular, .left = o.left};
  SolveTriangularOptions back = o;
  back.transposed = !o.transposed;
  const auto adjoint = [a = a.tensor(), back](const Tensor& g) { return solve_triangle(a, g, back); };
  return solve_triangular_op(
      core::solve_triangular(a.value(), b.value(), which),
      wrt(a,
          [adjoint, o](const Tensor& g, const Tensor& x) {
            const Tensor z = -adjoint(g);
            if (o.left) return triangle_of(o.transposed ? matmul(x, transpose(z)) : matmul(z, transpose(x)), o);
            return triangle_of(o.transposed ? matmul(transpose(z), x) : matmul(transpose(x), z), o);
          }),
      wrt(b, adjoint));
}

}  // namespace

Tensor solve_triangular(In a, In b, const SolveTriangularOptions& options) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "solve_triangular", {a, b},
        {{"upper", options.upper},
         {"left", options.left},
         {"transposed", options.transposed},
         {"unitriangular", options.unitriangular}},
        [&] { return solve_triangular(a, b, options); }, a.location());
  }
  match(solve_triangular_op, a, b);
  expect_matrices("solve_triangular", a, true);
  expect_system("solve_triangular", a, b, options.left);
  return by_columns(b, [&](const In& columns) { return solve_triangle(a, columns, options); });
}

Tensor cholesky(In a, bool upper) {
  expect_matrices("cholesky", a, true);
  if (upper) return transpose(cholesky(transpose(a)));
  return cholesky_op(core::cholesky(a.value()), wrt(a, [](const Tensor& g, const Tensor& l) {
                       if (!recorded(g, l)) return Tensor(core::cholesky_grad(l.value(), g.value()));
                       // Murray 2016: l^-T (Phi + Phi^T) l^-1 / 2, where Phi is the lower triangle of l^T g with its
                       // diagonal halved.
                       const Tensor p = tril(matmul(transpose(l), tril(g)));
                       const Tensor s = (p + transpose(tril(p, -1))) * 0.5;
                       return solve_triangular(l, solve_triangular(l, s, {.transposed = true}), {.left = false});
                     }));
}

namespace {

Tensor solve_by_cholesky(const In& b, const In& l) {
  const auto adjoint = [l = l.tensor()](const Tensor& g) { return solve_by_cholesky(g, l); };
  return cholesky_solve_op(core::cholesky_solve(l.value(), b.value()), wrt(b, adjoint),
                           wrt(l, [adjoint, l = l.tensor()](const Tensor& g, const Tensor& x) {
                             // a' = -z x^T for a = l l^T and z = a^-1 g, so l' = (a' + a'^T) l; narrow products first.
                             const Tensor z = -adjoint(g);
                             const Tensor xt = transpose(x);
                             const Tensor zt = transpose(z);
                             const Tensor t = tril(l);
                             if (x.shape(-1) <= x.shape(-2)) {
                               return tril(matmul(z, matmul(xt, t)) + matmul(x, matmul(zt, t)));
                             }
                             const Tensor a = matmul(z, xt);
                             return tril(matmul(a + transpose(a), t));
                           }));
}

}  // namespace

Tensor cholesky_solve(In b, In l, bool upper) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "cholesky_solve", {b, l}, {{"upper", upper}}, [&] { return cholesky_solve(b, l, upper); }, b.location());
  }
  match(cholesky_solve_op, b, l);
  expect_matrices("cholesky_solve", l, true);
  expect_system("cholesky_solve", l, b);
  const In lower = upper ? In(transpose(l), l.location()) : std::move(l);
  return by_columns(b, [&](const In& columns) { return solve_by_cholesky(columns, lower); });
}

}  // namespace newtape::linalg
