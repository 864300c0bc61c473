// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/check/checked_function.hpp>
#include <newtape/autograd/check/gradcheck_report.hpp>

#include <limits>
#include <string>
#include <vector>

/// Derivatives by central differences, beside those from the tape.
namespace newtape::detail {

/// The point for one order: inputs, cotangents, the gradient by the tape, and step scales.
struct Site {
  int order;
  std::vector<Tensor> point;
  std::vector<Numbers> x;         ///< the inputs
  std::vector<Numbers> w;         ///< the cotangents
  std::vector<Numbers> gradient;  ///< of <w, F_{order-1}>, from the tape
  Numbers scale;                  ///< of a step in each input: min(1, root mean square)
};

struct Difference {
  double tape = 0;
  double numeric = 0;
  double error = std::numeric_limits<double>::infinity();  ///< relative
};

/// The larger of two errors, where a NaN is the largest of all.
double worse(double a, double b);
/// A direction of zeros.
std::vector<Numbers> zero_direction(const Site& site);

/// Differences of the checked function.
class Differences {
 public:
  /// `step`: the only step size, or 0 for a choice by their error estimates.
  Differences(CheckedFunction& f, double step) : f_(f), step_(step) {}

  /// The derivative along `v`, from the tape and from differences.
  Difference along(const Site& site, const std::vector<Numbers>& v, double tolerance);
  /// The derivative with respect to one entry of an input. `v` is zero before and after.
  CheckedEntry entry(const Site& site, std::size_t input, std::size_t at, std::vector<Numbers>& v, double tolerance);
  /// A message when the function is not smooth in this entry: with decreasing step the one-sided slopes do not converge
  /// to each other, or grow.
  std::string corner(const Site& site, const CheckedEntry& e);

 private:
  struct Value {
    long double sum = 0;   ///< <w, F_{order-1}(x + t v)>
    long double size = 0;  ///< the sum of the terms' absolute values, to which rounding errors are proportional
  };
  Value value(const Site& site, const std::vector<Numbers>& v, double t);

  CheckedFunction& f_;
  double step_;
};

}  // namespace newtape::detail
