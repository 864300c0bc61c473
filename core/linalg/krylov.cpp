// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/krylov.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace newtape::core {
namespace {

/// State shared by the three methods: limits, residual, and the number of products.
class IterationState {
 public:
  IterationState(const char* op, const MatVec& a, const Array& b, const KrylovOptions& options)
      : op_(op),
        a_(a),
        norm_(1),
        tolerance_(options.tolerance > 0 ? options.tolerance
                   : b.dtype() == f32    ? 1e-5
                                         : 1e-10),
        limit_(options.max_iterations > 0 ? options.max_iterations : 10 * b.size() + 100) {
    if (b.ndim() != 1) raise<ShapeError>(std::string(op) + ": b must be a vector", "[n]", to_string(b.shape()));
    expect_floating(op, b);
    norm_ = norm2(b);
    result.x = zeros(b.shape(), b.dtype());
    result.converged = norm_ == 0;
    result.residual = norm_ == 0 ? 0 : 1;
  }

  KrylovResult result;

  bool finished() const { return result.converged || result.iterations >= limit_; }
  Array product(const Array& v) {
    ++result.iterations;
    Array y = a_(v);
    if (y.shape() != v.shape() || y.dtype() != v.dtype()) {
      raise<ShapeError>(std::string(op_) + ": the product must have the shape and dtype of the vector", describe(v),
                        describe(y));
    }
    return y;
  }
  /// Records the residual norm; true if converged.
  bool converged_at(double residual) {
    result.residual = residual / norm_;
    return result.converged = result.residual <= tolerance_;
  }

 private:
  const char* op_;
  const MatVec& a_;
  double norm_;
  double tolerance_;
  std::int64_t limit_;
};

}  // namespace

KrylovResult cg(const MatVec& a, const Array& b, const KrylovOptions& options) {
  IterationState run("cg", a, b, options);
  Array r = b;
  Array p = b;
  double rr = dot(r, r);
  while (!run.finished()) {
    const Array ap = run.product(p);
    const double curvature = dot(p, ap);
    if (!(curvature > 0)) break;
    const double step = rr / curvature;
    run.result.x = axpy(step, p, std::move(run.result.x));
    r = axpy(-step, ap, std::move(r));
    const double next = dot(r, r);
    if (run.converged_at(std::sqrt(next))) break;
    p = next / rr * std::move(p) + r;
    rr = next;
  }
  return run.result;
}

KrylovResult gmres(const MatVec& a, const Array& b, const KrylovOptions& options) {
  IterationState run("gmres", a, b, options);
  const auto m =
      static_cast<std::size_t>(std::clamp<std::int64_t>(options.restart, 1, std::max<std::int64_t>(b.size(), 1)));
  double before = std::numeric_limits<double>::infinity();
  while (!run.finished()) {
    Array r = run.result.iterations == 0 ? b : b - run.product(run.result.x);
    const double beta = norm2(r);
    // Stop if the last cycle made no progress.
    if (run.converged_at(beta) || !(beta < before)) break;
    before = beta;
    std::vector<Array> v{1 / beta * std::move(r)};
    // The Hessenberg matrix, reduced to triangular form by Givens rotations.
    std::vector<std::vector<double>> h;
    std::vector<double> c;
    std::vector<double> s;
    std::vector<double> g{beta};
    while (h.size() < m && !run.finished()) {
      const std::size_t k = h.size();
      Array w = run.product(v[k]);
      const double size = norm2(w);
      std::vector<double> column;
      for (const auto& q : v) {
        column.push_back(dot(q, w));
        w = axpy(-column.back(), q, std::move(w));
      }
      double norm = norm2(w);
      if (norm < 0.1 * size) {  // cancellation: reorthogonalize
        for (std::size_t i = 0; i < v.size(); ++i) {
          const double again = dot(v[i], w);
          column[i] += again;
          w = axpy(-again, v[i], std::move(w));
        }
        norm = norm2(w);
      }
      for (std::size_t i = 0; i < k; ++i) {
        const double upper = c[i] * column[i] + s[i] * column[i + 1];
        column[i + 1] = c[i] * column[i + 1] - s[i] * column[i];
        column[i] = upper;
      }
      const double length = std::hypot(column[k], norm);
      if (!(length > 0) || !std::isfinite(length)) break;
      c.push_back(column[k] / length);
      s.push_back(norm / length);
      column[k] = length;
      h.push_back(std::move(column));
      g.push_back(-s[k] * g[k]);
      g[k] *= c[k];
      if (run.converged_at(std::abs(g[k + 1])) || !(norm > 0)) break;
      v.push_back(1 / norm * std::move(w));
    }
    std::vector<double> y(h.size());
    for (std::size_t i = h.size(); i-- > 0;) {
      y[i] = g[i];
      for (std::size_t j = i + 1; j < h.size(); ++j) y[i] -= h[j][i] * y[j];
      y[i] /= h[i][i];
    }
    for (std::size_t i = 0; i < y.size(); ++i) run.result.x = axpy(y[i], v[i], std::move(run.result.x));
    if (h.empty()) break;
  }
  return run.result;
}

KrylovResult bicgstab(const MatVec& a, const Array& b, const KrylovOptions& options) {
  IterationState run("bicgstab", a, b, options);
  Array r = b;
  Array p = b;
  double rho = dot(b, r);
  while (!run.finished()) {
    const Array ap = run.product(p);
    const double alpha = rho / dot(b, ap);
    if (!std::isfinite(alpha)) break;
    const Array s = r - alpha * ap;
    run.result.x = axpy(alpha, p, std::move(run.result.x));
    if (run.converged_at(norm2(s))) break;
    const Array as = run.product(s);
    const double omega = dot(as, s) / dot(as, as);
    if (!std::isfinite(omega)) break;
    run.result.x = axpy(omega, s, std::move(run.result.x));
    r = s - omega * as;
    if (run.converged_at(norm2(r))) break;
    const double next = dot(b, r);
    const double beta = next / rho * (alpha / omega);
    if (!std::isfinite(beta) || next == 0) break;
    p = beta * axpy(-omega, ap, std::move(p)) + r;
    rho = next;
  }
  return run.result;
}

}  // namespace newtape::core
