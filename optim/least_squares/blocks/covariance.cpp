// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/sparse_cholesky.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/optim/least_squares/blocks/estimates.hpp>
#include <newtape/optim/least_squares/blocks/linear_solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace newtape::optim {

namespace {

// Variance times the column's squared length: beyond it the column is, up to rounding, a combination of others.
constexpr double max_inflation = 1e12;

/// A solver that factorises.
BlockSolver factorizing(BlockSolver kind) {
  const bool sparse = core::SparseCholesky::available();
  if (kind == BlockSolver::conjugate_gradients)
    return sparse ? BlockSolver::sparse_cholesky : BlockSolver::dense_cholesky;
  if (kind == BlockSolver::iterative_schur) return sparse ? BlockSolver::sparse_schur : BlockSolver::dense_schur;
  return kind;
}

[[noreturn]] void raise_dependent() {
  raise<NumericalError>("covariance: columns of the Jacobian depend on each other, so that the estimate is not unique",
                        "no free choice of origin, rotation or scale: hold rows, or add residuals that fix them",
                        "a singular J^T J");
}

/// A row's place among the unknowns and in the covariance.
struct Place {
  std::size_t variable = 0;
  std::int64_t row = 0, size = 0, tangent = 0, column = -1, at = 0;
};

std::vector<Place> block_places_of(const BlockLayout& layout, const std::vector<BlockRow>& of) {
  std::vector<Place> places;
  std::int64_t at = 0;
  for (const auto& wanted : of) {
    const auto found = std::find_if(layout.variables.begin(), layout.variables.end(), [&](const BlockVariable& v) {
      return wanted.parameter.defined() && v.parameter == wanted.parameter;
    });
    if (found == layout.variables.end() || wanted.row < 0 || wanted.row >= found->rows) {
      raise<ValueError>(
          "covariance: the row is not in the problem",
          found == layout.variables.end() ? "a parameter of the problem" : fmt::format("0 to {}", found->rows - 1),
          found == layout.variables.end() ? "another parameter" : fmt::format("row {}", wanted.row));
    }
    const std::int64_t column = found->column[static_cast<std::size_t>(wanted.row)];
    if (column == -2) {
      raise<ValueError>("covariance: nothing is known of a row that is in no residual",
                        "rows in residuals, or that are held", fmt::format("row {}", wanted.row));
    }
    places.push_back({.variable = static_cast<std::size_t>(found - layout.variables.begin()),
                      .row = wanted.row,
                      .size = found->size,
                      .tangent = found->tangent,
                      .column = column,
                      .at = at});
    at += found->size;
  }
  return places;
}

}  // namespace

Tensor BlockLeastSquaresResult::covariance(const std::vector<BlockRow>& of, bool absolute) const {
  if (!estimates) {
    raise<ValueError>("covariance: there are no estimates", "residuals that are finite at the start", message);
  }
  const std::vector<Place> places = block_places_of(estimates->layout, of);
  BlockResiduals residuals(estimates->problem, estimates->layout);
  if (!std::isfinite(residuals.linearize(estimates->x, true))) raise_dependent();
  BlockSolver kind = factorizing(estimates->solver);
  const auto linear = make_linear_solver(kind, residuals);
  linear->update(residuals);
  const auto n = static_cast<std::size_t>(residuals.layout().columns);
  if (!linear->factorize(std::vector<double>(n, 0.))) raise_dependent();

  // Columns of (J^T J)^-1, mapped from tangents to points on both sides.
  const std::int64_t d = places.empty() ? 0 : places.back().at + places.back().size;
  Array c = core::zeros({d, d}, f64);
  double scale = 1;
  if (!absolute) {
    scale = 0;
    for (const double r : residuals.weighted()) scale += r * r;
    const std::int64_t freedom = rows - unknowns;
    scale = freedom > 0 ? scale / static_cast<double>(freedom) : std::numeric_limits<double>::quiet_NaN();
  }
  for (const Place& p : places) {
    if (p.column < 0) continue;
    for (std::int64_t q = 0; q < p.tangent; ++q) {
      std::vector<double> g(n, 0.);
      const auto i = static_cast<std::size_t>(p.column + q);
      g[i] = -1;
      const std::vector<double> s = linear->solve(g, 0);
      if (!(s[i] * residuals.squares()[i] < max_inflation)) raise_dependent();
      for (const Place& o : places) {
        if (o.column < 0) continue;
        for (std::int64_t a = 0; a < o.size; ++a) {
          double sum = 0;
          for (std::int64_t t = 0; t < o.tangent; ++t) {
            sum += residuals.basis(o.variable, o.row, a, t) * s[static_cast<std::size_t>(o.column + t)];
          }
          for (std::int64_t b = 0; b < p.size; ++b) {
            c.data<double>()[(o.at + a) * d + p.at + b] += scale * sum * residuals.basis(p.variable, p.row, b, q);
          }
        }
      }
    }
  }
  return core::cast(c, residuals.layout().dtype);
}

}  // namespace newtape::optim
