// SPDX-License-Identifier: BSD-3-Clause
// Equations of Sylvester's kind, and roots and logarithms of matrices, whose derivatives solve such equations.
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/linalg/schur.hpp>

namespace newtape::linalg {

static const Op solve_sylvester_op{"solve_sylvester"};
static const Op sqrtm_op{"sqrtm"};
static const Op logm_op{"logm"};

namespace {

/// The Schur forms of a and b; `transposed`: those of a^T and b^T, by the same factors.
struct SylvesterForms {
  core::Schur a, b;
  bool transposed = false;

  Array solve(const Array& q) const {
    const Array inner = core::matmul(core::matmul(core::transpose(a.z, -2, -1), q), b.z);
    const Array y = core::solve_sylvester(a.t, b.t, inner, transposed, "solve_sylvester");
    return core::matmul(core::matmul(a.z, y), core::transpose(b.z, -2, -1));
  }
  SylvesterForms other() const { return {a, b, !transposed}; }
};

/// x with a x + x b = q; the derivatives reuse the forms.
Tensor sylvester_with(const SylvesterForms& forms, const In& a, const In& b, const In& q) {
  // With a^T z + z b^T = g: a' = -z x^T, b' = -x^T z, q' = z.
  const auto adjoint = [forms, a = a.tensor(), b = b.tensor()](const Tensor& g) {
    return sylvester_with(forms.other(), transpose(a), transpose(b), g);
  };
  return solve_sylvester_op(
      forms.solve(q.value()),
      wrt(a, [adjoint](const Tensor& g, const Tensor& x) { return -matmul(adjoint(g), transpose(x)); }),
      wrt(b, [adjoint](const Tensor& g, const Tensor& x) { return -matmul(transpose(x), adjoint(g)); }),
      wrt(q, adjoint));
}

}  // namespace

Tensor solve_sylvester(In a, In b, In q) {
  match(solve_sylvester_op, a, q);
  match(solve_sylvester_op, b, q);
  expect_matrices("solve_sylvester", a, true);
  expect_matrices("solve_sylvester", b, true);
  if (q.ndim() < 2 || q.tensor().shape(-2) != a.tensor().shape(-1) || q.tensor().shape(-1) != b.tensor().shape(-1)) {
    raise<ShapeError>("solve_sylvester: q must have the rows of a and the columns of b",
                      "a [.., m, m], b [.., n, n], q [.., m, n]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()) + ", q " + to_string(q.shape()));
  }
  const SylvesterForms forms{core::schur(a.value(), "solve_sylvester"), core::schur(b.value(), "solve_sylvester")};
  return sylvester_with(forms, a, b, q);
}

Tensor solve_continuous_lyapunov(In a, In q) {
  const CallSite here(a.location());
  expect_matrices("solve_continuous_lyapunov", a, true);
  return solve_sylvester(a, transpose(a), q);
}

Tensor solve_discrete_lyapunov(In a, In q) {
  const CallSite here(a.location());
  expect_matrices("solve_discrete_lyapunov", a, true);
  if (q.ndim() < 2 || q.tensor().shape(-1) != a.tensor().shape(-1) || q.tensor().shape(-2) != a.tensor().shape(-1)) {
    raise<ShapeError>("solve_discrete_lyapunov: q must have the size of a", "a [.., n, n], q [.., n, n]",
                      "a " + to_string(a.shape()) + ", q " + to_string(q.shape()));
  }
  // With c = (a + 1)^-1 (a - 1): c x + x c^T = -2 (a + 1)^-1 q (a + 1)^-T.
  const Tensor one = eye(a.tensor().shape(-1), a.dtype());
  const Tensor inverse = inv(a + one);
  const Tensor c = matmul(inverse, a - one);
  const Tensor right = -2.0 * matmul(matmul(inverse, q), transpose(inverse));
  return solve_sylvester(c, transpose(c), right);
}

Tensor sqrtm(In a) {
  expect_matrices("sqrtm", a, true);
  return sqrtm_op(core::sqrtm(a.value()), wrt(a, [](const Tensor& g, const Tensor& y) {
                    const Tensor yt = transpose(y);  // y y' + y' y = a'
                    return solve_sylvester(yt, yt, g);
                  }));
}

Tensor logm(In a) {
  expect_matrices("logm", a, true);
  return logm_op(core::logm(a.value()), wrt(a, [at = transpose(a)](const Tensor& g) {
                   // The upper right block of log([[a^T, g], [0, a^T]]) is the derivative of log at a^T along g.
                   const auto n = at.shape(-1);
                   const Tensor block = expand(at, g.shape());
                   const Tensor above = concatenate({block, g}, -1);
                   const Tensor below = concatenate({zeros_like(g), block}, -1);
                   const Tensor y = logm(concatenate({above, below}, -2));
                   return slice(slice(y, -2, 0, n), -1, n, 2 * n);
                 }));
}

}  // namespace newtape::linalg
