// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/block_products.hpp>
#include <newtape/core/linalg/sparse_cholesky.hpp>
#include <newtape/optim/least_squares/blocks/linear_solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace newtape::optim {

const char* to_string(BlockSolver solver) noexcept {
  switch (solver) {
    case BlockSolver::automatic: return "automatic";
    case BlockSolver::dense_qr: return "dense_qr";
    case BlockSolver::dense_cholesky: return "dense_cholesky";
    case BlockSolver::sparse_cholesky: return "sparse_cholesky";
    case BlockSolver::conjugate_gradients: return "conjugate_gradients";
    case BlockSolver::dense_schur: return "dense_schur";
    case BlockSolver::sparse_schur: return "sparse_schur";
    case BlockSolver::iterative_schur: return "iterative_schur";
  }
  return "?";
}

namespace {

// Sizes from which the next solver was faster, with the blocks of bundle adjustment.
constexpr std::int64_t small_columns = 150;  // for a dense QR
constexpr double small_jacobian = 2e5;       // elements
constexpr std::int64_t dense_columns = 500;  // for a dense matrix, whatever its fill
constexpr std::int64_t max_dense_columns = 6000;
constexpr double dense_fill = 0.4;  // of the matrix, beyond which a dense factorization is faster
constexpr std::int64_t max_eliminated_size = 16;

/// Counts of the pairs of parameters that meet in a residual block.
class Meetings {
 public:
  explicit Meetings(const LeastSquaresProblem& problem) : n_(problem.parameters().size()), met_(n_ * n_, false) {
    for (const auto& g : problem.groups()) {
      for (std::size_t k = 0; k < g.parameter.size(); ++k) {
        for (std::size_t l = k + 1; l < g.parameter.size(); ++l) {
          if (g.count == 0 || g.parameter[k] < 0 || g.parameter[l] < 0) continue;
          const auto a = static_cast<std::size_t>(g.parameter[k]), b = static_cast<std::size_t>(g.parameter[l]);
          met_[a * n_ + b] = met_[b * n_ + a] = true;
        }
      }
    }
  }
  bool operator()(std::size_t a, std::size_t b) const { return met_[a * n_ + b]; }

 private:
  std::size_t n_;
  std::vector<bool> met_;
};

bool is_schur(BlockSolver s) {
  return s == BlockSolver::dense_schur || s == BlockSolver::sparse_schur || s == BlockSolver::iterative_schur;
}

/// By a dense QR of [J; sqrt(d)].
class DenseQR : public BlockLinearSolver {
 public:
  void update(const BlockResiduals& residuals) override {
    rows_ = residuals.rows();
    columns_ = residuals.layout().columns;
    jacobian_.assign(static_cast<std::size_t>((rows_ + columns_) * columns_), 0.);
    for (const auto& g : residuals.groups()) {
      for (const auto& a : g.unknown) {
        for (std::int64_t i = 0; i < g.count * g.r; ++i) {
          const std::int64_t column = a.column[static_cast<std::size_t>(i / g.r)];
          if (column < 0) continue;
          const double* row = g.jacobian.data() + i * g.width + a.offset;
          for (std::int64_t q = 0; q < a.tangent; ++q) {
            jacobian_[static_cast<std::size_t>((column + q) * (rows_ + columns_) + g.first + i)] += row[q];
          }
        }
      }
    }
  }

  bool factorize(const std::vector<double>& d) override {
    std::vector<double> a = jacobian_;
    for (std::int64_t i = 0; i < columns_; ++i) {
      a[static_cast<std::size_t>(i * (rows_ + columns_) + rows_ + i)] = std::sqrt(d[static_cast<std::size_t>(i)]);
    }
    qr_ = std::make_unique<core::HouseholderQR>(rows_ + columns_, columns_, std::move(a), "least_squares");
    double largest = 0, smallest = std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < columns_; ++i) {
      largest = std::max(largest, std::abs(qr_->diagonal(i)));
      smallest = std::min(smallest, std::abs(qr_->diagonal(i)));
    }
    return smallest > 0 && std::isfinite(largest);
  }

  std::vector<double> solve(const std::vector<double>& g, double) override {
    std::vector<double> s(g.size());
    std::transform(g.begin(), g.end(), s.begin(), [](double x) { return -x; });
    qr_->solve_transposed_triangle(s.data());
    qr_->solve_triangle(s.data());
    return s;
  }

  std::vector<double> step(const BlockResiduals& residuals, double) override {
    std::vector<double> b(static_cast<std::size_t>(rows_ + columns_), 0.);
    const auto& r = residuals.weighted();
    std::transform(r.begin(), r.end(), b.begin(), [](double x) { return -x; });
    qr_->apply_transposed(b.data());
    qr_->solve_triangle(b.data());
    b.resize(static_cast<std::size_t>(columns_));
    return b;
  }

 private:
  std::int64_t rows_ = 0, columns_ = 0;
  std::vector<double> jacobian_;  ///< by columns, above zeros
  std::unique_ptr<core::HouseholderQR> qr_;
};

BlockSolver chosen_solver(BlockResiduals& residuals, std::unique_ptr<BlockLinearSolver>& made) {
  const BlockLayout& layout = residuals.layout();
  const bool eliminates = layout.kept < layout.columns;
  const auto elements = static_cast<double>(residuals.rows() + layout.columns) * static_cast<double>(layout.columns);
  if (layout.columns <= small_columns && elements <= small_jacobian) return BlockSolver::dense_qr;
  if (layout.kept <= dense_columns) return eliminates ? BlockSolver::dense_schur : BlockSolver::dense_cholesky;
  const bool may_be_dense = layout.kept <= max_dense_columns;
  if (core::SparseCholesky::available()) {
    made = make_normal_solver(Reduced::sparse, residuals, may_be_dense ? dense_fill : 0.5);
    if (made) return eliminates ? BlockSolver::sparse_schur : BlockSolver::sparse_cholesky;
  }
  if (may_be_dense) return eliminates ? BlockSolver::dense_schur : BlockSolver::dense_cholesky;
  return eliminates ? BlockSolver::iterative_schur : BlockSolver::conjugate_gradients;
}

}  // namespace

std::vector<bool> choose_eliminated(const LeastSquaresProblem& problem, const LeastSquaresProblemOptions& options) {
  const std::size_t n = problem.parameters().size();
  std::vector<bool> chosen(n, false);
  if (!is_schur(options.solver) && options.solver != BlockSolver::automatic) return chosen;
  const Meetings meet(problem);
  for (const Parameter& p : options.eliminate) {
    const auto found = std::find(problem.parameters().begin(), problem.parameters().end(), p);
    const auto v = static_cast<std::size_t>(found - problem.parameters().begin());
    if (found == problem.parameters().end()) {
      raise<ValueError>("least_squares: a parameter to eliminate is not in the problem", "one of its parameters",
                        "another");
    }
    for (std::size_t w = 0; w < n; ++w) {
      if (!meet(v, w) || (w != v && !chosen[w])) continue;
      raise<ValueError>("least_squares: these rows cannot be eliminated: two of them meet in a residual",
                        "parameters of which a residual block touches one row at most", describe(p.value()));
    }
    chosen[v] = true;
  }
  if (!options.eliminate.empty()) return chosen;

  // The largest parameters whose rows do not meet, one after the other.
  const BlockLayout layout(problem, chosen);
  std::vector<std::int64_t> unknowns(n);
  for (std::size_t v = 0; v < n; ++v) {
    const auto& c = layout.variables[v].column;
    unknowns[v] =
        layout.variables[v].tangent * std::count_if(c.begin(), c.end(), [](std::int64_t x) { return x >= 0; });
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return unknowns[a] > unknowns[b]; });
  std::int64_t sum = 0;
  for (const std::size_t v : order) {
    bool possible = unknowns[v] > 0 && layout.variables[v].tangent <= max_eliminated_size && !meet(v, v);
    for (std::size_t w = 0; w < n && possible; ++w) possible = !chosen[w] || !meet(v, w);
    if (possible) {
      chosen[v] = true;
      sum += unknowns[v];
    }
  }
  const bool worthwhile = 2 * sum >= layout.columns && layout.columns > small_columns;
  if (options.solver == BlockSolver::automatic && !worthwhile) chosen.assign(n, false);
  return chosen;
}

std::unique_ptr<BlockLinearSolver> make_dense_qr(const BlockResiduals&) { return std::make_unique<DenseQR>(); }

std::unique_ptr<BlockLinearSolver> make_linear_solver(BlockSolver& kind, BlockResiduals& residuals) {
  std::unique_ptr<BlockLinearSolver> made;
  if (kind == BlockSolver::automatic) kind = chosen_solver(residuals, made);
  if (made) return made;
  switch (kind) {
    case BlockSolver::automatic:
    case BlockSolver::dense_qr: return make_dense_qr(residuals);
    case BlockSolver::dense_cholesky:
    case BlockSolver::dense_schur: return make_normal_solver(Reduced::dense, residuals);
    case BlockSolver::sparse_cholesky:
    case BlockSolver::sparse_schur: return make_normal_solver(Reduced::sparse, residuals);
    case BlockSolver::conjugate_gradients:
    case BlockSolver::iterative_schur: return make_normal_solver(Reduced::iterative, residuals);
  }
  return nullptr;
}

}  // namespace newtape::optim
