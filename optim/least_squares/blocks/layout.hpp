// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/blocks/problem.hpp>

#include <cstdint>
#include <vector>

namespace newtape::optim {

/// A parameter of a problem as unknowns: its rows that are neither constant nor in no residual have columns of the
/// Jacobian.
struct BlockVariable {
  Parameter parameter;
  std::int64_t rows = 0, size = 0, tangent = 0;
  std::int64_t first = 0;            ///< its first element in the point
  std::vector<std::int64_t> column;  ///< the first one of each row; -1 for a constant, -2 for a row in no residual
  bool eliminated = false;           ///< its columns come last
  bool constant = true;              ///< no row has columns
};

/// All unknowns: the point is the rows of all parameters, one after the other; a step has `columns` elements, the first
/// `kept` of them those of variables that are not eliminated.
struct BlockLayout {
  BlockLayout(const LeastSquaresProblem& problem, const std::vector<bool>& eliminated);

  std::vector<BlockVariable> variables;
  std::int64_t elements = 0, columns = 0, kept = 0;
  std::int64_t unused_rows = 0;  ///< in no residual, though neither held nor frozen
  DType dtype = f64;
};

/// For each row of each parameter, whether a residual depends on it.
std::vector<std::vector<bool>> used_rows(const LeastSquaresProblem& problem);

}  // namespace newtape::optim
