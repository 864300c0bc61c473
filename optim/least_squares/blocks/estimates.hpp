// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/least_squares/blocks/block_least_squares.hpp>
#include <newtape/optim/least_squares/blocks/layout.hpp>

namespace newtape::optim {

/// The problem at the result.
struct BlockLeastSquaresResult::Estimates {
  LeastSquaresProblem problem;
  BlockLayout layout;
  Array x;
  BlockSolver solver;
};

}  // namespace newtape::optim
