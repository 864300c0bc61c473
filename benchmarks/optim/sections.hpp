// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <string>
#include <vector>

/// What `./dev bench optim` measures: each section prints what it finds, and says whether it was sound.
namespace bench {

struct OptimOptions {
  std::vector<std::string> methods;  ///< only those whose names contain one of these
  int repeats = 3;                   ///< runs of each function and method, of which the quickest counts
  std::string svg;                   ///< where the performance profile is drawn
  double adam_factor = 10;           ///< how much longer than the second-order method Adam may run
  int steps = 1200;                  ///< of each optimizer on Fashion-MNIST
  int threads = 1;
};

/// Every test function by every general method, and the methods' performance profiles (Dolan and More 2002).
bool functions(const OptimOptions& options);
/// L-BFGS beside LibTorch's on digits, where that is installed.
bool lbfgs(const OptimOptions& options);
/// Softmax regression by Newton's method: how fast the digits come.
bool newton(const OptimOptions& options);
/// A tanh network of 441 parameters by second-order methods, and by Adam in many times their time.
bool network(const OptimOptions& options);
/// Optimizers on mini-batches of Fashion-MNIST: AdamW, K-FAC, Shampoo and SOAP, loss by step and by second.
bool fashion_mnist(const OptimOptions& options);

/// NIST's certified regressions by least_squares, beside Ceres where that is installed.
bool nist_problems(const OptimOptions& options);

/// Bundle adjustments by least squares of blocks, beside Ceres where that is installed.
bool bundle_adjustments(const OptimOptions& options);

/// Differential equations, linear and quadratic programs, beside SciPy where python3 has it.
bool solvers(const OptimOptions& options);

/// The methods that the options name.
std::vector<newtape::optim::Method> chosen(std::vector<newtape::optim::Method> methods, const OptimOptions& options);

}  // namespace bench
