// SPDX-License-Identifier: BSD-3-Clause
// The normal equations, with or without elimination of a part of the unknowns.
#include <newtape/core/linalg/block_products.hpp>
#include <newtape/core/linalg/sparse_cholesky.hpp>
#include <newtape/optim/least_squares/blocks/linear_solver.hpp>
#include <newtape/optim/least_squares/blocks/normal_matrix.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace newtape::optim {

namespace {

using Vector = std::vector<double>;

std::size_t nth(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Replaces b by the solution of L L^T x = b; L's diagonal is stored as reciprocals.
void solve_small(std::int64_t n, const double* l, double* b) {
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < i; ++k) b[i] -= l[i * n + k] * b[k];
    b[i] *= l[i * n + i];
  }
  for (std::int64_t i = n; i-- > 0;) {
    for (std::int64_t k = i + 1; k < n; ++k) b[i] -= l[k * n + i] * b[k];
    b[i] *= l[i * n + i];
  }
}

double inner_product(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class NormalSolver : public BlockLinearSolver {
 public:
  NormalSolver(Reduced reduced, BlockResiduals& residuals)
      : residuals_(residuals), reduced_(reduced), matrix_(residuals, reduced == Reduced::sparse) {
    factors_.resize(matrix_.v.size());
    scratch_.resize(nth(matrix_.widest));
    if (reduced == Reduced::iterative) place_diagonal();
  }

  /// The part of a full matrix that the complement's blocks are.
  double fill() const {
    const auto n = static_cast<double>(matrix_.kept.order);
    return n == 0 ? 0 : 2 * static_cast<double>(matrix_.kept.elements) / (n * n);
  }
  /// Analyses the pattern of the sparse complement.
  void analyse() {
    const auto& kept = matrix_.kept;
    if (kept.order == 0) return;
    std::vector<std::int64_t> starts{0}, rows;
    // Upper triangle by rows, which is the lower one by columns.
    each_kept_row([&](std::int64_t i, std::int64_t r) {
      for (std::int64_t k = kept.first[nth(i)]; k < kept.first[nth(i) + 1]; ++k) {
        const std::int64_t j = kept.block[nth(k)];
        for (std::int64_t c = j == i ? r : 0; c < kept.size[nth(j)]; ++c) rows.push_back(kept.column[nth(j)] + c);
      }
      starts.push_back(static_cast<std::int64_t>(rows.size()));
    });
    values_.resize(rows.size());
    cholesky_ = std::make_unique<core::SparseCholesky>(std::move(starts), std::move(rows));
  }

  void update(const BlockResiduals& residuals) override { matrix_.update(residuals); }

  bool factorize(const Vector& d) override {
    d_ = d;
    switch (reduced_) {
      case Reduced::dense: return factorize_dense();
      case Reduced::sparse: return factorize_sparse();
      case Reduced::iterative: return factorize_diagonal();
    }
    return false;
  }

  Vector solve(const Vector& g, double accuracy) override {
    const std::int64_t n = matrix_.kept.order;
    Vector t(g.begin() + n, g.end());
    Vector h(nth(n));
    for (std::int64_t i = 0; i < n; ++i) h[nth(i)] = -g[nth(i)];
    solve_eliminated(t);
    add_transposed(t, h, 1);
    if (reduced_ == Reduced::dense) {
      core::cholesky_solve_in_place(n, complement_.data(), h.data());
    } else if (reduced_ == Reduced::sparse) {
      if (n > 0) cholesky_->solve(h.data());
    } else {
      h = conjugate_gradients(h, accuracy);
    }
    std::copy(g.begin() + n, g.end(), t.begin());
    add_product(h, t);
    solve_eliminated(t);
    h.reserve(g.size());
    for (const double x : t) h.push_back(-x);
    return h;
  }

 private:
  template <class F>
  void each_kept_row(F&& f) const {
    for (std::int64_t i = 0; i < matrix_.kept.rows(); ++i) {
      for (std::int64_t r = 0; r < matrix_.kept.size[nth(i)]; ++r) f(i, r);
    }
  }
  /// Calls f(run, row within it, its position in the eliminated unknowns).
  template <class F>
  void each_eliminated(F&& f) const {
    for (const auto& run : matrix_.runs) {
      for (std::int64_t e = 0; e < run.count; ++e) f(run, e, run.column - matrix_.kept.order + e * run.size);
    }
  }

  bool eliminate(core::kernels::SchurTarget target, double* s, const std::vector<std::int64_t>& pair_at) {
    for (const auto& run : matrix_.runs) {
      const std::int64_t failed =
          core::schur_eliminate({.count = run.count,
                                 .e = run.size,
                                 .v = matrix_.v.data() + run.v_at,
                                 .damping = d_.data() + run.column,
                                 .first = matrix_.first.data() + run.first,
                                 .column = matrix_.column.data(),
                                 .size = matrix_.size.data(),
                                 .y_at = matrix_.y_at.data(),
                                 .pair_at = pair_at.data(),
                                 .pair_first = matrix_.pair_first.data() + (matrix_.pair_first.empty() ? 0 : run.first),
                                 .y = matrix_.y.data(),
                                 .factor = factors_.data() + run.v_at,
                                 .scratch = scratch_.data(),
                                 .target = target,
                                 .s = s,
                                 .s_row = matrix_.kept.order});
      if (failed >= 0) return false;
    }
    return true;
  }

  bool factorize_dense() {
    const auto& kept = matrix_.kept;
    const std::int64_t n = kept.order;
    complement_.assign(nth(n * n), 0.);
    each_kept_row([&](std::int64_t i, std::int64_t r) {
      double* row = complement_.data() + (kept.column[nth(i)] + r) * n;
      for (std::int64_t k = kept.first[nth(i)]; k < kept.first[nth(i) + 1]; ++k) {
        const std::int64_t j = kept.block[nth(k)], q = kept.size[nth(j)];
        std::copy_n(matrix_.u.data() + kept.at[nth(k)] + r * q, q, row + kept.column[nth(j)]);
      }
      row[kept.column[nth(i)] + r] += d_[nth(kept.column[nth(i)] + r)];
    });
    return eliminate(core::kernels::SchurTarget::dense, complement_.data(), {}) &&
           core::cholesky_in_place(n, complement_.data());
  }

  bool factorize_sparse() {
    const auto& kept = matrix_.kept;
    complement_ = matrix_.u;
    for (std::int64_t i = 0; i < kept.rows(); ++i) {
      double* block = complement_.data() + kept.at[nth(kept.first[nth(i)])];  // the diagonal comes first
      const std::int64_t p = kept.size[nth(i)];
      for (std::int64_t r = 0; r < p; ++r) block[r * p + r] += d_[nth(kept.column[nth(i)] + r)];
    }
    if (!eliminate(core::kernels::SchurTarget::blocks, complement_.data(), matrix_.pair_at)) return false;
    if (kept.order == 0) return true;
    double* to = values_.data();
    each_kept_row([&](std::int64_t i, std::int64_t r) {
      for (std::int64_t k = kept.first[nth(i)]; k < kept.first[nth(i) + 1]; ++k) {
        const std::int64_t j = kept.block[nth(k)], q = kept.size[nth(j)], from = j == i ? r : 0;
        to = std::copy_n(complement_.data() + kept.at[nth(k)] + r * q + from, q - from, to);
      }
    });
    return cholesky_->factorize(values_);
  }

  // --- conjugate gradients ---

  void place_diagonal() {
    std::int64_t elements = 0;
    for (const std::int64_t p : matrix_.kept.size) {
      diagonal_at_.push_back(elements);
      elements += p * p;
    }
    for (const std::int64_t j : matrix_.neighbour) neighbour_diagonal_at_.push_back(diagonal_at_[nth(j)]);
    diagonal_.resize(nth(elements));
  }

  /// The preconditioner: the diagonal blocks of the complement, factorised.
  bool factorize_diagonal() {
    const auto& kept = matrix_.kept;
    for (std::int64_t i = 0; i < kept.rows(); ++i) {
      const std::int64_t p = kept.size[nth(i)];
      double* block = diagonal_.data() + diagonal_at_[nth(i)];
      std::copy_n(matrix_.u.data() + kept.at[nth(kept.first[nth(i)])], p * p, block);
      for (std::int64_t r = 0; r < p; ++r) block[r * p + r] += d_[nth(kept.column[nth(i)] + r)];
    }
    if (!eliminate(core::kernels::SchurTarget::diagonal, diagonal_.data(), neighbour_diagonal_at_)) return false;
    for (std::int64_t i = 0; i < kept.rows(); ++i) {
      const std::int64_t p = kept.size[nth(i)];
      // By rows, R with R^T R; as columns L with L L^T, whose diagonal becomes reciprocals.
      double* block = diagonal_.data() + diagonal_at_[nth(i)];
      if (!core::cholesky_in_place(p, block)) return false;
      for (std::int64_t r = 0; r < p; ++r) {
        for (std::int64_t c = 0; c < r; ++c) block[r * p + c] = block[c * p + r];
        block[r * p + r] = 1 / block[r * p + r];
      }
    }
    return true;
  }

  Vector preconditioned(Vector r) const {
    const auto& kept = matrix_.kept;
    for (std::int64_t i = 0; i < kept.rows(); ++i) {
      solve_small(kept.size[nth(i)], diagonal_.data() + diagonal_at_[nth(i)], r.data() + kept.column[nth(i)]);
    }
    return r;
  }

  /// The complement times x.
  Vector complement_times(const Vector& x) {
    residuals_.budget.expect(residuals_.counts);
    ++residuals_.counts.products;
    ++inner;
    Vector y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = d_[i] * x[i];
    matrix_.kept.multiply(matrix_.u.data(), x.data(), y.data());
    if (matrix_.runs.empty()) return y;
    Vector t(d_.size() - x.size(), 0.);
    add_product(x, t);
    solve_eliminated(t);
    add_transposed(t, y, -1);
    return y;
  }

  Vector conjugate_gradients(const Vector& b, double accuracy) {
    Vector x(b.size(), 0.), r = b, z = preconditioned(r), p = z;
    double gamma = inner_product(r, z);
    const double target = accuracy * std::sqrt(inner_product(b, b));
    const std::int64_t limit = 2 * static_cast<std::int64_t>(b.size()) + 20;
    for (std::int64_t i = 0; i < limit && std::sqrt(inner_product(r, r)) > target; ++i) {
      const Vector q = complement_times(p);
      const double curvature = inner_product(p, q);
      if (!(curvature > 0)) break;
      const double alpha = gamma / curvature;
      for (std::size_t k = 0; k < x.size(); ++k) {
        x[k] += alpha * p[k];
        r[k] -= alpha * q[k];
      }
      z = preconditioned(r);
      const double next = inner_product(r, z);
      for (std::size_t k = 0; k < x.size(); ++k) p[k] = z[k] + next / gamma * p[k];
      gamma = next;
    }
    return x;
  }

  // --- eliminated unknowns ---

  /// t = V^-1 t
  void solve_eliminated(Vector& t) const {
    each_eliminated([&](const auto& run, std::int64_t e, std::int64_t from) {
      solve_small(run.size, factors_.data() + run.v_at + e * run.size * run.size, t.data() + from);
    });
  }
  /// h += sign Y^T t
  void add_transposed(const Vector& t, Vector& h, double sign) const {
    each_eliminated([&](const auto& run, std::int64_t e, std::int64_t from) {
      const std::int64_t row = run.first + e;
      for (std::int64_t k = matrix_.first[nth(row)]; k < matrix_.first[nth(row) + 1]; ++k) {
        const std::int64_t q = matrix_.size[nth(k)];
        const double* y = matrix_.y.data() + matrix_.y_at[nth(k)];
        double* to = h.data() + matrix_.column[nth(k)];
        for (std::int64_t r = 0; r < run.size; ++r, y += q) {
          const double x = sign * t[nth(from + r)];
          for (std::int64_t c = 0; c < q; ++c) to[c] += x * y[c];
        }
      }
    });
  }
  /// t += Y x
  void add_product(const Vector& x, Vector& t) const {
    each_eliminated([&](const auto& run, std::int64_t e, std::int64_t from) {
      const std::int64_t row = run.first + e;
      for (std::int64_t k = matrix_.first[nth(row)]; k < matrix_.first[nth(row) + 1]; ++k) {
        const std::int64_t q = matrix_.size[nth(k)];
        const double* y = matrix_.y.data() + matrix_.y_at[nth(k)];
        const double* xs = x.data() + matrix_.column[nth(k)];
        for (std::int64_t r = 0; r < run.size; ++r, y += q) {
          double sum = 0;
          for (std::int64_t c = 0; c < q; ++c) sum += y[c] * xs[c];
          t[nth(from + r)] += sum;
        }
      }
    });
  }

  BlockResiduals& residuals_;
  Reduced reduced_;
  NormalMatrix matrix_;
  Vector d_, factors_, scratch_;
  Vector complement_;  ///< a matrix, or the blocks of `kept`
  Vector values_;      ///< of the sparse matrix
  std::unique_ptr<core::SparseCholesky> cholesky_;
  Vector diagonal_;  ///< factors of the diagonal blocks
  std::vector<std::int64_t> diagonal_at_, neighbour_diagonal_at_;
};

}  // namespace

std::unique_ptr<BlockLinearSolver> make_normal_solver(Reduced reduced, BlockResiduals& residuals, double max_fill) {
  auto solver = std::make_unique<NormalSolver>(reduced, residuals);
  if (reduced == Reduced::sparse) {
    if (solver->fill() > max_fill) return nullptr;
    solver->analyse();
  }
  return solver;
}

}  // namespace newtape::optim
