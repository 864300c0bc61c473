// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/globalization/line_search.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

bool Line::Point::finite() const noexcept { return std::isfinite(value) && std::isfinite(slope); }

Line::Line(Objective& f, const Iterate& start, const Array& d, double slope, const Bounds& bounds)
    : f_(f),
      from_(start),
      d_(d),
      bounds_(bounds),
      start_{0, start.value, slope, 0},
      noise_(rounding(start.value, start.x.dtype())),
      last_(start_),
      lowest_(start_) {}

Line::Point Line::evaluate(double alpha) {
  last_point_ = {bounds_.project(from_.x + alpha * d_), 0, {}};
  last_point_.value = f_.value_and_gradient(last_point_.x, last_point_.gradient);
  last_ = {alpha, last_point_.value, 0, 0};
  last_.slope = std::isfinite(last_.value) ? core::dot(last_point_.gradient, d_) : last_.value;
  last_.along = bounded() ? core::dot(from_.gradient, last_point_.x - from_.x) : alpha * start_.slope;
  if (last_.finite() && last_.value < lowest_.value) {
    lowest_ = last_;
    lowest_point_ = last_point_;
  }
  return last_;
}

Iterate Line::take(double alpha) {
  if (alpha == lowest_.alpha && lowest_point_.x.defined()) return lowest_point_;
  if (last_.alpha != alpha) evaluate(alpha);
  return last_point_;
}

LineSearch backtracking(const BacktrackingOptions& options) {
  return [options](Line& line, double guess) {
    LineResult result;
    const auto& start = line.start();
    double alpha = guess;
    while (result.evaluations < options.max_evaluations) {
      const auto now = line.evaluate(alpha);
      ++result.evaluations;
      if (now.finite() && now.value <= start.value + options.c1 * now.along) {
        result.alpha = alpha;
        return result;
      }
      // The minimum of the parabola through both values and the first slope.
      const double parabola = -now.along * alpha / (2 * (now.value - start.value - now.along));
      const double next = now.finite() ? parabola : options.min_factor * alpha;
      alpha = std::isfinite(next) ? std::clamp(next, options.min_factor * alpha, options.max_factor * alpha)
                                  : options.max_factor * alpha;
    }
    return result;
  };
}

}  // namespace newtape::optim
