// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

#include <functional>

/// Line searches along a descent direction.
namespace newtape::optim {

/// f along x + alpha d, evaluated with its gradient.
class Line {
 public:
  /// A point of the line, with the value and slope of f there.
  struct Point {
    double alpha = 0;
    double value = 0;
    double slope = 0;
    double along = 0;  ///< inner product of the start's gradient with point - start: alpha slope without bounds
    bool finite() const noexcept;
  };

  /// `slope`: g d at alpha 0, with the gradient g. With bounds, the points are projected.
  Line(Objective& f, const Iterate& start, const Array& d, double slope, const Bounds& bounds);

  /// The point at `alpha`, by one evaluation of f and its gradient.
  Point evaluate(double alpha);
  /// The point at alpha 0.
  const Point& start() const noexcept { return start_; }
  /// The point at `alpha`, evaluated again unless it was the last or the lowest one.
  Iterate take(double alpha);
  /// The point of the lowest value so far, with a finite gradient.
  const Point& lowest() const noexcept { return lowest_; }
  /// Rounding error of values: smaller differences are not significant.
  double noise() const noexcept { return noise_; }
  bool bounded() const noexcept { return bounds_.any(); }

 private:
  Objective& f_;
  const Iterate& from_;
  const Array& d_;
  const Bounds& bounds_;
  Point start_;
  double noise_;
  Point last_, lowest_;
  Iterate last_point_, lowest_point_;
};

/// The outcome of a line search.
struct LineResult {
  double alpha = 0;  ///< 0: no acceptable step
  int evaluations = 0;
};
/// Searches the line from a first guess of alpha.
using LineSearch = std::function<LineResult(Line& line, double guess)>;

struct BacktrackingOptions {
  double c1 = 1e-4;         ///< sufficient decrease (Armijo)
  double min_factor = 0.1;  ///< lower bound of each alpha over the last one
  double max_factor = 0.5;  ///< upper bound
  int max_evaluations = 40;
};
/// Backtracks by quadratic interpolation until the decrease is sufficient.
LineSearch backtracking(const BacktrackingOptions& options = {});

struct StrongWolfeOptions {
  double c1 = 1e-4;  ///< sufficient decrease
  double c2 = 0.9;   ///< upper bound of |slope| over its initial value
  int max_evaluations = 40;
  double max_alpha = 1e20;
};
/// A step that satisfies the strong Wolfe conditions (More and Thuente 1994).
LineSearch strong_wolfe(const StrongWolfeOptions& options = {});

struct HagerZhangOptions {
  double c1 = 0.1;
  double c2 = 0.9;
  double theta = 0.5;   ///< position of the bisection point in an interval
  double gamma = 0.66;  ///< required shrinkage of an interval
  double growth = 5;
  int max_evaluations = 50;
};
/// The Wolfe conditions, or their approximate form, which uses slopes only and so works down to rounding of the value
/// (Hager and Zhang 2005).
LineSearch hager_zhang(const HagerZhangOptions& options = {});

}  // namespace newtape::optim
