// SPDX-License-Identifier: BSD-3-Clause
// The algorithms of least_squares, and a problem for all of them.
#pragma once

#include "optim/functions.hpp"

#include <newtape/optim/least_squares/least_squares.hpp>

#include <vector>

using Algorithm = newtape::optim::LeastSquaresAlgorithm;
inline const std::vector<Algorithm> algorithms = {Algorithm::levenberg_marquardt, Algorithm::gauss_newton,
                                                  Algorithm::dogleg};

inline const newtape::UnaryFunction& rosenbrock_residuals() { return problems::function("rosenbrock").residuals; }
