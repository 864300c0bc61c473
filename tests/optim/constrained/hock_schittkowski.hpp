// SPDX-License-Identifier: BSD-3-Clause
// Problems with constraints from Hock and Schittkowski, "Test examples for nonlinear programming codes", Lecture Notes in
// Economics and Mathematical Systems 187, 1981: the starts and the minima that the book gives (ten figures, where there
// is no closed form).
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/constrained/minimize_constrained.hpp>

#include <string>
#include <vector>

namespace problems {

struct ConstrainedProblem {
  std::string name;
  std::vector<double> start;
  double minimum = 0;
  newtape::UnaryFunction f = {};
  newtape::optim::UnaryConstraints constraints = {};
  std::vector<double> lower = {}, upper = {};  ///< empty: none
  std::vector<double> other_minima = {};       ///< of local minima, in which SciPy's SLSQP ends, too
};

const std::vector<ConstrainedProblem>& hock_schittkowski();
newtape::Tensor vector_of(const std::vector<double>& values);

}  // namespace problems
