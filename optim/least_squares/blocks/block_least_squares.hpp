// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/least_squares/algorithm.hpp>
#include <newtape/optim/least_squares/blocks/problem.hpp>
#include <newtape/optim/second_order/result.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace newtape::optim {

/// The solver of the linear problem of each step, for least squares of blocks.
enum class BlockSolver {
  automatic,            ///< by size and structure; the result says which
  dense_qr,             ///< of the Jacobian as a matrix: exact to the last digits, for hundreds of unknowns
  dense_cholesky,       ///< of J^T J as a matrix
  sparse_cholesky,      ///< of J^T J as a sparse matrix, by CHOLMOD
  conjugate_gradients,  ///< on J^T J, preconditioned by its diagonal blocks
  dense_schur,   ///< eliminates the rows of the parameters that no two of touch one residual (points), and factorises
                 ///< what is left (cameras) as a matrix
  sparse_schur,  ///< the same, as a sparse matrix, by CHOLMOD
  iterative_schur,  ///< the same, by conjugate gradients, without forming it; preconditioned by its diagonal blocks
};
/// The name of the solver.
const char* to_string(BlockSolver solver) noexcept;

/// Options of least_squares of a LeastSquaresProblem.
struct LeastSquaresProblemOptions {
  LeastSquaresAlgorithm algorithm = LeastSquaresAlgorithm::levenberg_marquardt;
  BlockSolver solver = BlockSolver::automatic;
  /// The parameters that Schur complements eliminate; empty: chosen by size.
  std::vector<Parameter> eliminate = {};
  double initial_damping = 1e-4;  ///< in units of the diagonal of J^T J
  double accuracy = 0.01;         ///< of conjugate gradients: |residual| / |right side|
  /// By default a run converges to floating-point precision. value_tolerance = 1e-6 is what large problems often use.
  StoppingCriteria stop = {};
  bool verbose = false;  ///< prints a table, one line an iteration
};

/// A row of a parameter, whose covariance is asked for.
struct BlockRow {
  Parameter parameter;
  std::int64_t row = 0;
};

/// A Result whose value is half the sum of rho(|r_i|^2) and whose points are the parameters', in the order of the
/// problem's parameters().
struct BlockLeastSquaresResult : Result {
  BlockSolver solver = BlockSolver::automatic;  ///< which one it was
  std::vector<Parameter> eliminated;            ///< the parameters that it eliminated
  std::int64_t unknowns = 0;                    ///< numbers that may change, tangents on manifolds
  std::int64_t rows = 0;                        ///< residuals

  /// The covariance of the estimate of these rows together, s^2 P (J^T J)^-1 P^T, [d, d] for d the sum of the rows' sizes;
  /// zeros for rows that are constants. s^2 is the weighted sum of squares over rows - unknowns; `absolute`: 1, for
  /// residuals in units of their standard deviations. On manifolds P maps tangents to points. The functions of the problem
  /// are evaluated at the result. NumericalError when J has dependent columns, as with a free choice of origin and scale:
  /// hold what is free. ValueError for a row that is not in the problem.
  Tensor covariance(const std::vector<BlockRow>& of, bool absolute = false) const;

  /// What `covariance` needs. For the implementation.
  struct Estimates;
  std::shared_ptr<const Estimates> estimates;
};

/// Minimises half the sum of rho(|r_i|^2) over the blocks of residuals, from the parameters' values, and sets these to the
/// best point. Failures during the run do not throw: the status reports them. ValueError for a problem without residuals
/// or without unknowns; ShapeError, DTypeError for functions whose results are not rows of residuals; NumericalError for a
/// solver that Newtape was built without.
BlockLeastSquaresResult least_squares(const LeastSquaresProblem& problem,
                                      const LeastSquaresProblemOptions& options = {});

}  // namespace newtape::optim
