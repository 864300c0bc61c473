// SPDX-License-Identifier: BSD-3-Clause
// More and Thuente 1994, "Line search algorithms with guaranteed sufficient decrease". Keeps an interval that contains
// an acceptable step, and shrinks it by interpolation.
#include <newtape/optim/second_order/globalization/line_search.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace newtape::optim {

namespace {

using Point = Line::Point;

/// Minimiser of the cubic with the values and slopes of both, which may lie beyond `to`.
double cubic(const Point& from, const Point& to) {
  const double theta = 3 * (from.value - to.value) / (to.alpha - from.alpha) + from.slope + to.slope;
  const double scale = std::max({std::abs(theta), std::abs(from.slope), std::abs(to.slope)});
  const double inside = std::pow(theta / scale, 2) - from.slope / scale * (to.slope / scale);
  const double gamma = std::copysign(scale * std::sqrt(std::max(inside, 0.)), to.alpha - from.alpha);
  const double r = (gamma - from.slope + theta) / (gamma - from.slope + gamma + to.slope);
  return from.alpha + r * (to.alpha - from.alpha);
}
/// Minimiser of the parabola with both values and the first slope.
double quadratic(const Point& from, const Point& to) {
  const double length = to.alpha - from.alpha;
  return from.alpha + from.slope / ((from.value - to.value) / length + from.slope) / 2 * length;
}
/// Zero of the linearly interpolated slope.
double secant(const Point& from, const Point& to) {
  return to.alpha + to.slope / (from.slope - to.slope) * (to.alpha - from.alpha);
}

/// The interval: `best` has the lowest value so far and a slope that points to `other`.
struct Interval {
  Point best, other;
  bool bracketed = false;

  /// The next trial, and the update of the interval by the trial `t` (section 4 of the paper).
  double next(const Point& t, double low, double high) {
    double trial;
    const bool opposite = t.slope * best.slope < 0;
    if (t.value > best.value) {
      const double c = cubic(best, t);
      const double q = quadratic(best, t);
      trial = std::abs(c - best.alpha) < std::abs(q - best.alpha) ? c : c + (q - c) / 2;
      bracketed = true;
    } else if (opposite) {
      const double c = cubic(t, best);
      const double s = secant(best, t);
      trial = std::abs(c - t.alpha) > std::abs(s - t.alpha) ? c : s;
      bracketed = true;
    } else if (std::abs(t.slope) < std::abs(best.slope)) {
      double c = cubic(t, best);
      const double s = secant(best, t);
      // The cubic's minimiser is used only if it lies beyond t.
      if (!((c - t.alpha) * (t.alpha - best.alpha) > 0)) c = t.alpha > best.alpha ? high : low;
      if (bracketed) {
        trial = std::abs(c - t.alpha) < std::abs(s - t.alpha) ? c : s;
        const double limit = t.alpha + 0.66 * (other.alpha - t.alpha);
        trial = t.alpha > best.alpha ? std::min(limit, trial) : std::max(limit, trial);
      } else {
        trial = std::abs(c - t.alpha) > std::abs(s - t.alpha) ? c : s;
        trial = std::clamp(trial, low, high);
      }
    } else {
      if (bracketed) {
        trial = cubic(t, other);
      } else {
        trial = t.alpha > best.alpha ? high : low;
      }
    }
    if (t.value > best.value) {
      other = t;
    } else {
      if (opposite) other = best;
      best = t;
    }
    return trial;
  }
};

/// One search along a line (More and Thuente 1994).
class WolfeSearch {
 public:
  WolfeSearch(Line& line, const StrongWolfeOptions& options)
      : line_(line), options_(options), start_(line.start()), sufficient_(options.c1 * start_.slope) {}

  LineResult run(double alpha) {
    LineResult result;
    while (result.evaluations < options_.max_evaluations) {
      const Point t = line_.evaluate(alpha);
      ++result.evaluations;
      if (!t.finite()) {
        // Not finite: back towards the best point.
        const double back = interval_.best.alpha + 0.1 * (alpha - interval_.best.alpha);
        if (back == alpha) break;
        alpha = back;
        continue;
      }
      const bool decreases = t.value <= start_.value + alpha * sufficient_;
      if ((decreases || hidden_by_rounding(t)) && std::abs(t.slope) <= options_.c2 * std::abs(start_.slope)) {
        result.alpha = alpha;
        return result;
      }
      if (decreases && t.value < (lowest_.alpha == 0 ? start_ : lowest_).value) lowest_ = t;
      if (interval_exhausted() || (alpha >= options_.max_alpha && decreases && t.slope <= sufficient_)) break;
      alpha = next(t, decreases);
    }
    result.alpha = lowest_.alpha;
    return result;
  }

 private:
  /// Where rounding hides the decrease, the approximate Wolfe conditions: Hager and Zhang 2005, eq. 4.
  bool hidden_by_rounding(const Point& t) const {
    return std::abs(t.value - start_.value) <= line_.noise() && t.slope <= (2 * options_.c1 - 1) * start_.slope;
  }

  bool interval_exhausted() const {
    const double a = interval_.best.alpha;
    const double b = interval_.other.alpha;
    return interval_.bracketed && std::abs(b - a) <= 1e-15 * std::max(a, b);
  }

  double middle() const { return interval_.best.alpha + (interval_.other.alpha - interval_.best.alpha) / 2; }

  /// The next trial after `t`.
  double next(const Point& t, bool decreases) {
    if (first_stage_ && decreases && t.slope >= std::min(options_.c1, options_.c2) * start_.slope) first_stage_ = false;
    const auto [a, b] = std::minmax(interval_.best.alpha, interval_.other.alpha);
    const double ahead = t.alpha - interval_.best.alpha;
    const double low = interval_.bracketed ? a : t.alpha + 1.1 * ahead;
    const double high = interval_.bracketed ? b : std::min(t.alpha + 4 * ahead, options_.max_alpha);
    double alpha = first_stage_ && t.value <= interval_.best.value && !decreases ? next_of_auxiliary(t, low, high)
                                                                                 : interval_.next(t, low, high);
    if (interval_.bracketed) {
      const double width = std::abs(interval_.other.alpha - interval_.best.alpha);
      if (width >= 0.66 * width_before_last_) alpha = middle();
      width_before_last_ = std::exchange(last_width_, width);
      alpha = std::clamp(alpha, std::min(interval_.best.alpha, interval_.other.alpha),
                         std::max(interval_.best.alpha, interval_.other.alpha));
    }
    if (!std::isfinite(alpha)) alpha = middle();
    return std::min(alpha, options_.max_alpha);
  }

  /// The same for the auxiliary function of the first stage: f minus the line of sufficient decrease.
  double next_of_auxiliary(const Point& t, double low, double high) {
    const auto shifted = [this](Point p, double sign) {
      p.value += sign * p.alpha * sufficient_;
      p.slope += sign * sufficient_;
      return p;
    };
    Interval auxiliary{shifted(interval_.best, -1), shifted(interval_.other, -1), interval_.bracketed};
    const double alpha = auxiliary.next(shifted(t, -1), low, high);
    interval_ = {shifted(auxiliary.best, 1), shifted(auxiliary.other, 1), auxiliary.bracketed};
    return alpha;
  }

  Line& line_;
  const StrongWolfeOptions& options_;
  Point start_;
  double sufficient_;  ///< slope of the line of sufficient decrease
  Interval interval_{start_, start_};
  double last_width_ = 2 * options_.max_alpha;
  double width_before_last_ = 4 * options_.max_alpha;
  bool first_stage_ = true;
  Point lowest_;  ///< lowest trial of sufficient decrease, returned if none satisfies the Wolfe conditions
};

}  // namespace

LineSearch strong_wolfe(const StrongWolfeOptions& options) {
  return [options](Line& line, double guess) { return WolfeSearch(line, options).run(guess); };
}

}  // namespace newtape::optim
