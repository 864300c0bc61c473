// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/second_order/method.hpp>

#include <functional>

/// How far to go along a direction of descent.
namespace newtape::optim {

/// f along x + alpha d, evaluated with its gradient.
class Line {
 public:
  struct At {
    double alpha = 0;
    double value = 0;
    double slope = 0;
    double along = 0;  ///< gradient at the start times the way from there: alpha slope, where the line is straight
    bool finite() const noexcept;
  };

  /// `slope`: gradient d at alpha 0. With bounds, the line bends where it meets them.
  Line(Objective& f, const Iterate& start, const Array& d, double slope, const Bounds& bounds);

  At at(double alpha);
  const At& start() const noexcept { return start_; }
  /// The point that was evaluated last at `alpha`; evaluated again if it was not the last one.
  Iterate take(double alpha);
  /// Values that differ by less than this do not differ.
  double noise() const noexcept { return noise_; }
  bool bent() const noexcept { return bounds_.any(); }

 private:
  Objective& f_;
  const Iterate& from_;
  const Array& d_;
  const Bounds& bounds_;
  At start_;
  double noise_;
  At last_;
  Iterate last_point_;
};

struct LineResult {
  double alpha = 0;  ///< 0: nothing was found
  int evaluations = 0;
};
/// From the line, and a first guess of alpha.
using LineSearch = std::function<LineResult(Line& line, double guess)>;

struct BacktrackingOptions {
  double c1 = 1e-4;    ///< sufficient decrease (Armijo)
  double least = 0.1;  ///< each alpha is at least this part of the last one,
  double most = 0.5;   ///< and at most this
  int max_evaluations = 40;
};
/// Smaller and smaller steps, by quadratic interpolation, until the value falls enough.
LineSearch backtracking(const BacktrackingOptions& options = {});

struct WolfeOptions {
  double c1 = 1e-4;  ///< sufficient decrease
  double c2 = 0.9;   ///< the slope's size must fall to this part
  int max_evaluations = 40;
  double max_alpha = 1e20;
};
/// A step that satisfies the strong Wolfe conditions (More and Thuente 1994).
LineSearch strong_wolfe(const WolfeOptions& options = {});

struct HagerZhangOptions {
  double c1 = 0.1;
  double c2 = 0.9;
  double theta = 0.5;   ///< where an interval is halved
  double gamma = 0.66;  ///< by which an interval must shrink
  double growth = 5;
  int max_evaluations = 50;
};
/// The Wolfe conditions, or their approximate form, which needs slopes only and so works to the last digits of the
/// value (Hager and Zhang 2005).
LineSearch hager_zhang(const HagerZhangOptions& options = {});

}  // namespace newtape::optim
