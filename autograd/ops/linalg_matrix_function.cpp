// SPDX-License-Identifier: BSD-3-Clause
// Functions of symmetric matrices, and of singular values, with derivatives of any order at any values.
#include <newtape/autograd/ops/detail/divided_differences.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace newtape::linalg {

static const Op matrix_function_op{"matrix_function"};
static const Op polar_op{"polar"};

namespace {

using ScalarFunction = std::function<Tensor(const Tensor&)>;

/// Eigenvalues and vectors of a matrix with f's divided differences there, which derivatives of all orders share.
class EvaluatedFunction {
 public:
  EvaluatedFunction(const char* op, const ScalarFunction& f, const Array& a) : op_(op), f_(f) {
    core::Eigh e = core::eigh(a, true, op);
    w_ = std::move(e.w);
    v_ = std::move(e.v);
    Tensor y;
    {
      const GradMode on(true);
      y = f_(Tensor(w_));
    }
    if (!y.defined() || y.shape() != w_.shape() || y.dtype() != w_.dtype()) {
      raise<ValueError>(std::string(op) + ": f must be elementwise", "f(x) of the shape and dtype of x",
                        y.defined() ? std::string(name(y.dtype())) + " " + to_string(y.shape()) : "undefined");
    }
    if (y.requires_grad()) {
      raise<ValueError>(std::string(op) + ": f must not depend on variables", "a function of its argument alone",
                        "a function whose result requires a gradient");
    }
    value_ = y.value();
  }
  const Array& v() const { return v_; }
  /// [.., n, .., n] with k + 1 times n.
  Array differences(int k) {
    const std::lock_guard lock(mutex_);
    auto& d = differences_[k];
    if (!d.defined()) d = divided_differences(op_, f_, w_, value_, k);
    return d;
  }

 private:
  const char* op_;
  ScalarFunction f_;
  Array w_, v_, value_;
  std::mutex mutex_;
  std::map<int, Array> differences_;
};

/// y_ij = sum over p, q, .. of d_ipq..j e1_ip e2_pq .. ek_.j.
Array contracted(const Array& d, std::span<const Array> e) {
  if (e.size() == 1) return core::mul(d, e[0]);
  const auto n = e[0].shape(-1);
  std::vector<Array> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    const Array inner = contracted(core::select(d, -static_cast<std::int64_t>(e.size()) - 1, i), e.subspan(1));
    rows.push_back(core::matmul(core::slice(e[0], -2, i, i + 1), inner));
  }
  return core::concatenate(rows, -2);
}

/// v y v^T with y_ij = sum of f[w_i, w_p, .., w_j] e1_ip .. ek_.j, where e is v^T e v: for k = 0, f(a), and for k = 1 its
/// derivative along e1 (Daleckii & Krein 1965). The derivative with respect to a is the sum over all places where one
/// more direction can stand, and as divided differences are symmetric, cotangents rotate the directions.
Tensor directional(const std::shared_ptr<EvaluatedFunction>& s, const Tensor& a, const std::vector<Tensor>& e,
                   SourceLocation location) {
  const Array& v = s->v();
  const Array vt = core::transpose(v, -2, -1);
  const Array d = s->differences(static_cast<int>(e.size()));
  Array value;
  if (e.empty()) {
    value = core::matmul(core::mul(v, core::unsqueeze(d, -2)), vt);
  } else {
    std::vector<Array> turned;
    for (const auto& x : e) turned.push_back(core::matmul(core::matmul(vt, x.value()), v));
    value = v.size() == 0 ? turned[0] : core::matmul(core::matmul(v, contracted(d, turned)), vt);
  }
  std::vector<Tensor> inputs{a};
  inputs.insert(inputs.end(), e.begin(), e.end());
  const auto pullback = [s, a, e, location](std::size_t i, const Tensor& g) {
    // The directions after place `at`, the cotangent, and those before.
    const auto rotated = [&](std::size_t at, std::size_t skip) {
      std::vector<Tensor> r(e.begin() + static_cast<std::ptrdiff_t>(at + skip), e.end());
      r.push_back(transpose(g));
      r.insert(r.end(), e.begin(), e.begin() + static_cast<std::ptrdiff_t>(at));
      return transpose(directional(s, a, r, location));
    };
    if (i > 0) return rotated(i - 1, 1);
    Tensor total = rotated(0, 0);
    for (std::size_t at = 1; at <= e.size(); ++at) total = total + rotated(at, 0);
    return symmetrized(total);
  };
  return matrix_function_op(std::move(value), wrt_all(inputs, pullback, location));
}

Tensor function_named(const char* op, const ScalarFunction& f, const In& a) {
  expect_matrices(op, a, true);
  return directional(std::make_shared<EvaluatedFunction>(op, f, a.value()), a, {}, a.location());
}

}  // namespace

Tensor matrix_function(const ScalarFunction& f, In a) { return function_named("matrix_function", f, a); }
Tensor matrix_log(In a) {
  return function_named(
      "matrix_log", [](const Tensor& x) { return log(x); }, a);
}
Tensor matrix_rsqrt(In a) {
  return function_named(
      "matrix_rsqrt", [](const Tensor& x) { return rsqrt(x); }, a);
}

Tensor singular_value_function(const ScalarFunction& f, In a) {
  expect_matrices("singular_value_function", a, false);
  const auto m = a.tensor().shape(-2);
  const auto n = a.tensor().shape(-1);
  const auto odd = [f](const Tensor& x) {
    const Tensor y = f(x);
    const Tensor mirrored = y.detach() + f(-x.detach());
    const Tensor bound = abs(y.detach()) * (64 * epsilon(x.dtype()));
    if (any(abs(mirrored) > bound).item<bool>()) {
      raise<ValueError>("singular_value_function: f must be odd", "f(-x) = -f(x)", "another function");
    }
    return y;
  };
  // The symmetric matrix [[0, a], [a^T, 0]] has the eigenvalues +-s (Jordan 1874, Wielandt), and zeros.
  Shape corner(a.shape().begin(), a.shape().end() - 2);
  const auto square_zeros = [&](std::int64_t length) {
    Shape shape = corner;
    shape.push_back(length);
    shape.push_back(length);
    return zeros(shape, a.dtype());
  };
  const Tensor above = concatenate({square_zeros(m), a.tensor()}, -1);
  const Tensor below = concatenate({transpose(a), square_zeros(n)}, -1);
  const Tensor both = concatenate({above, below}, -2);
  const Tensor y = function_named("singular_value_function", odd, In(both, a.location()));
  return slice(slice(y, -2, 0, m), -1, m, m + n);
}

namespace {

/// u vh, for a with at least as many rows as columns. With p = u^T a and k = u^T g, where p z + z p = k - k^T:
/// a' = u z + (g - u k) p^-1 (Higham 2008, Functions of Matrices, section 8).
Tensor orthogonal_factor(const In& a) {
  const core::SVD d = core::svd(a.value(), core::SVDPart::reduced, "polar");
  return polar_op(core::matmul(d.u, d.vh), wrt(a, [a = a.tensor(), s = d.s](const Tensor& g, const Tensor& u) {
                    if (core::any_zero(s)) {
                      raise<NumericalError>("polar: the derivative exists for matrices of full rank only",
                                            "positive singular values", "a singular value of 0");
                    }
                    const Tensor ut = transpose(u);
                    const Tensor p = symmetrized(matmul(ut, a));
                    const Tensor k = matmul(ut, g);
                    Tensor result = matmul(u, solve_lyapunov(p, k - transpose(k)));
                    if (a.shape(-2) > a.shape(-1)) {
                      result = result + transpose(solve(p, transpose(g - matmul(u, k))));
                    }
                    return result;
                  }));
}

}  // namespace

Polar polar(In a, bool left) {
  expect_matrices("polar", a, false);
  const bool wide = a.tensor().shape(-2) < a.tensor().shape(-1);
  const Tensor u = wide ? transpose(orthogonal_factor(In(transpose(a), a.location()))) : orthogonal_factor(a);
  const Tensor p = left ? matmul(a, transpose(u)) : matmul(transpose(u), a);
  return {u, symmetrized(p)};
}

}  // namespace newtape::linalg
