// SPDX-License-Identifier: BSD-3-Clause
// Functions to minimise, with the published starts and minima. Those with a number are from More, Garbow & Hillstrom,
// "Testing unconstrained optimization software", ACM TOMS 7(1), 1981; the others are standard test functions.
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace problems {

struct TestFunction {
  std::string name;
  std::vector<double> start;
  double minimum = 0;
  newtape::UnaryFunction f = {};          ///< of x [n], f32 or f64
  newtape::UnaryFunction residuals = {};  ///< f is the sum of their squares; undefined where f is not one
  std::vector<double> at = {};            ///< a minimiser, where the literature gives one
  /// The values of other local minima, and of infima approached at infinity, as published.
  std::vector<double> other_minima = {};

  newtape::Tensor x0(newtape::DType dtype = newtape::f64) const;
  /// Whether a value is the minimum, to the five figures that are published, or 1e-8 where it is 0.
  bool solved(double value) const;
  /// Whether a value is one of the other minima, which a method may find.
  bool other(double value) const;
};

/// In the order of the paper; those without a number follow.
const std::vector<TestFunction>& functions();
/// std::out_of_range for an unknown name.
const TestFunction& function(std::string_view name);

}  // namespace problems
