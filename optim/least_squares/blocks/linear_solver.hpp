// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/blocks/block_least_squares.hpp>
#include <newtape/optim/least_squares/blocks/residuals.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace newtape::optim {

/// Solves (J^T J + diag(d)) s = -g for the blocks of J.
class BlockLinearSolver {
 public:
  virtual ~BlockLinearSolver() = default;
  /// Takes the Jacobian of the last linearization.
  virtual void update(const BlockResiduals& residuals) = 0;
  /// False unless the matrix is positive definite.
  virtual bool factorize(const std::vector<double>& d) = 0;
  /// The solution, after a factorization; `accuracy` is that of conjugate gradients.
  virtual std::vector<double> solve(const std::vector<double>& g, double accuracy) = 0;
  /// The same for the gradient of the residuals.
  virtual std::vector<double> step(const BlockResiduals& residuals, double accuracy) {
    return solve(residuals.gradient(), accuracy);
  }
  /// Iterations of conjugate gradients so far.
  std::int64_t inner = 0;
};

/// The parameters that a Schur complement eliminates. ValueError for options that ask for ones that cannot be.
std::vector<bool> choose_eliminated(const LeastSquaresProblem& problem, const LeastSquaresProblemOptions& options);
/// Makes the solver; `kind` automatic becomes the one that was chosen. `residuals` have been evaluated. Products are
/// counted and limited by `residuals`, which must outlive it.
std::unique_ptr<BlockLinearSolver> make_linear_solver(BlockSolver& kind, BlockResiduals& residuals);

/// The solvers. `Reduced`: how what is not eliminated is solved.
enum class Reduced { dense, sparse, iterative };
std::unique_ptr<BlockLinearSolver> make_dense_qr(const BlockResiduals& residuals);
/// For Reduced::sparse: null if the blocks of the complement are more than this part of a full matrix, with both triangles.
std::unique_ptr<BlockLinearSolver> make_normal_solver(Reduced reduced, BlockResiduals& residuals, double max_fill = 2);

}  // namespace newtape::optim
