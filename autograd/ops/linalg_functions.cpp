// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/reduce.hpp>

namespace newtape::linalg {

static const Op matrix_exp_op{"matrix_exp"};
static const Op matrix_sqrt_op{"matrix_sqrt"};
static const Op solve_lyapunov_op{"solve_lyapunov"};

Tensor matrix_exp(In a) {
  expect_matrices("matrix_exp", a, true);
  return matrix_exp_op(core::matrix_exp(a.value()), wrt(a, [at = transpose(a)](const Tensor& g) {
                         // The upper right block of exp([[a^T, g], [0, a^T]]) is the derivative of exp at a^T along g.
                         const auto n = at.shape(-1);
                         const Tensor block = expand(at, g.shape());
                         const Tensor above = concatenate({block, g}, -1);
                         const Tensor below = concatenate({zeros_like(g), block}, -1);
                         const Tensor y = matrix_exp(concatenate({above, below}, -2));
                         return slice(slice(y, -2, 0, n), -1, n, 2 * n);
                       }));
}

Tensor matrix_power(In a, std::int64_t n) {
  expect_matrices("matrix_power", a, true);
  if (n == 0) return expand(eye(a.tensor().shape(-1), a.dtype()), a.shape());
  Tensor base = n < 0 ? inv(a) : a.tensor();
  Tensor result;
  for (auto bits = static_cast<std::uint64_t>(n < 0 ? -n : n); bits > 0; bits /= 2) {
    if (bits % 2 == 1) result = result.defined() ? matmul(result, base) : base;
    if (bits > 1) base = matmul(base, base);
  }
  return result;
}

namespace {

/// Eigenvalues and eigenvectors of a symmetric matrix.
struct Spectrum {
  Array w, v;
};

/// x with a x + x a = q, by the spectral decomposition of a, which derivatives of all orders reuse.
Tensor lyapunov_with(const Spectrum& f, const In& a, const In& q) {
  const Array vt = core::transpose(f.v, -2, -1);
  const Array sums = core::add(core::unsqueeze(f.w, -2), core::unsqueeze(f.w, -1));
  const Array inner = core::div(core::matmul(core::matmul(vt, q.value()), f.v), sums);
  const auto adjoint = [f, a = a.tensor()](const Tensor& g) { return lyapunov_with(f, a, g); };
  return solve_lyapunov_op(core::matmul(core::matmul(f.v, inner), vt),
                           // With z the solution for q = g: a' = -(z x^T + x^T z), symmetrised, and q' = z.
                           wrt(a,
                               [adjoint](const Tensor& g, const Tensor& x) {
                                 const Tensor z = -adjoint(g);
                                 const Tensor xt = transpose(x);
                                 return symmetrized(matmul(z, xt) + matmul(xt, z));
                               }),
                           wrt(q, adjoint));
}

void expect_positive(const char* op, const Array& w, bool zero) {
  const Tensor eigenvalues(w);
  const bool fits = w.size() == 0 || all(zero ? eigenvalues >= 0.0 : eigenvalues > 0.0).item<bool>();
  if (fits) return;
  raise<NumericalError>(std::string(op) + ": a must be positive definite", "positive eigenvalues",
                        "an eigenvalue of " + std::to_string(core::min(w).item()));
}

/// 0 for negative eigenvalues that are rounding errors, up to 4 n eps max|w|, of a semidefinite matrix.
Array without_rounding(const Array& w) {
  if (w.size() == 0) return w;
  const Tensor x(w);
  const Tensor bound = max(abs(x), -1, true) * (-4 * static_cast<double>(w.shape(-1)) * epsilon(w.dtype()));
  return where(logical_and(x < 0.0, x >= bound), 0.0, x).value();
}

}  // namespace

Tensor matrix_sqrt(In a) {
  expect_matrices("matrix_sqrt", a, true);
  const core::Eigh e = core::eigh(a.value(), true, "matrix_sqrt");
  const Array w = without_rounding(e.w);
  expect_positive("matrix_sqrt", w, true);
  const Spectrum root{core::sqrt(w), e.v};
  Array value = core::matmul(core::mul(e.v, core::unsqueeze(root.w, -2)), core::transpose(e.v, -2, -1));
  return matrix_sqrt_op(std::move(value), wrt(a, [root](const Tensor& g, const Tensor& y) {
                          expect_positive("matrix_sqrt", root.w, false);
                          return symmetrized(lyapunov_with(root, y, g));  // y y' + y' y = a'
                        }));
}

Tensor solve_lyapunov(In a, In q) {
  match(solve_lyapunov_op, a, q);
  expect_matrices("solve_lyapunov", a, true);
  if (q.ndim() < 2 || q.tensor().shape(-1) != a.tensor().shape(-1) || q.tensor().shape(-2) != a.tensor().shape(-1)) {
    raise<ShapeError>("solve_lyapunov: q must have the size of a", "a [.., n, n], q [.., n, n]",
                      "a " + to_string(a.shape()) + ", q " + to_string(q.shape()));
  }
  core::Eigh e = core::eigh(a.value(), true, "solve_lyapunov");
  expect_positive("solve_lyapunov", e.w, false);
  return lyapunov_with({std::move(e.w), std::move(e.v)}, a, q);
}

}  // namespace newtape::linalg
