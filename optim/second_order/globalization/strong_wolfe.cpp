// SPDX-License-Identifier: BSD-3-Clause
// More and Thuente 1994, "Line search algorithms with guaranteed sufficient decrease". An interval that holds a good
// step is kept, and shrinks to it by interpolation.
#include <newtape/optim/second_order/globalization/line_search.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

namespace {

using At = Line::At;

/// Minimum of the cubic with the values and slopes of both, beyond `to` if need be.
double cubic(const At& from, const At& to) {
  const double theta = 3 * (from.value - to.value) / (to.alpha - from.alpha) + from.slope + to.slope;
  const double scale = std::max({std::abs(theta), std::abs(from.slope), std::abs(to.slope)});
  const double inside = std::pow(theta / scale, 2) - from.slope / scale * (to.slope / scale);
  const double gamma = std::copysign(scale * std::sqrt(std::max(inside, 0.)), to.alpha - from.alpha);
  const double r = (gamma - from.slope + theta) / (gamma - from.slope + gamma + to.slope);
  return from.alpha + r * (to.alpha - from.alpha);
}
/// Minimum of the parabola with both values and the first slope.
double quadratic(const At& from, const At& to) {
  const double length = to.alpha - from.alpha;
  return from.alpha + from.slope / ((from.value - to.value) / length + from.slope) / 2 * length;
}
/// Where the slope, taken as linear, is zero.
double secant(const At& from, const At& to) {
  return to.alpha + to.slope / (from.slope - to.slope) * (to.alpha - from.alpha);
}

/// The interval: `best` has the lowest value so far and a slope that points to `other`.
struct Interval {
  At best, other;
  bool bracketed = false;

  /// The next trial, section 4 of the paper, and what is kept after the trial `t`.
  double next(const At& t, double low, double high) {
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
      // The cubic counts only when it goes on in the direction of the step.
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

}  // namespace

LineSearch strong_wolfe(const WolfeOptions& options) {
  return [options](Line& line, double guess) {
    LineResult result;
    const At start = line.start();
    const double enough = options.c1 * start.slope;
    Interval interval{start, start};
    double alpha = guess;
    double width = 2 * options.max_alpha;
    double before = 2 * width;
    bool first_stage = true;
    // The last resort: the lowest value that fell enough.
    At fallen;
    while (result.evaluations < options.max_evaluations) {
      At t = line.at(alpha);
      ++result.evaluations;
      if (!t.finite()) {
        // Too far: back towards the best point, before anything is concluded.
        const double back = interval.best.alpha + 0.1 * (alpha - interval.best.alpha);
        if (back == alpha) break;
        alpha = back;
        continue;
      }
      const bool falls = t.value <= start.value + alpha * enough;
      const bool flat = std::abs(t.slope) <= options.c2 * std::abs(start.slope);
      // Where rounding hides the fall, the slopes decide: Hager and Zhang 2005, eq. 4.
      const bool hidden =
          std::abs(t.value - start.value) <= line.noise() && t.slope <= (2 * options.c1 - 1) * start.slope;
      if ((falls || hidden) && flat) {
        result.alpha = alpha;
        return result;
      }
      if (falls && t.value < (fallen.alpha == 0 ? start : fallen).value) fallen = t;
      if (interval.bracketed && std::abs(interval.other.alpha - interval.best.alpha) <=
                                    1e-15 * std::max(interval.other.alpha, interval.best.alpha)) {
        break;
      }
      if (alpha >= options.max_alpha && falls && t.slope <= enough) break;

      if (first_stage && falls && t.slope >= std::min(options.c1, options.c2) * start.slope) first_stage = false;
      const double low = interval.bracketed ? std::min(interval.best.alpha, interval.other.alpha)
                                            : alpha + 1.1 * (alpha - interval.best.alpha);
      const double high = interval.bracketed ? std::max(interval.best.alpha, interval.other.alpha)
                                             : std::min(alpha + 4 * (alpha - interval.best.alpha), options.max_alpha);
      if (first_stage && t.value <= interval.best.value && !falls) {
        // The auxiliary function of the first stage: less the sufficient decrease.
        const auto lowered = [&](At p) {
          p.value -= p.alpha * enough;
          p.slope -= enough;
          return p;
        };
        const auto raised = [&](At p) {
          p.value += p.alpha * enough;
          p.slope += enough;
          return p;
        };
        Interval auxiliary{lowered(interval.best), lowered(interval.other), interval.bracketed};
        alpha = auxiliary.next(lowered(t), low, high);
        interval = {raised(auxiliary.best), raised(auxiliary.other), auxiliary.bracketed};
      } else {
        alpha = interval.next(t, low, high);
      }
      if (interval.bracketed) {
        const double now = std::abs(interval.other.alpha - interval.best.alpha);
        if (now >= 0.66 * before) alpha = interval.best.alpha + (interval.other.alpha - interval.best.alpha) / 2;
        before = width;
        width = now;
        alpha = std::clamp(alpha, std::min(interval.best.alpha, interval.other.alpha),
                           std::max(interval.best.alpha, interval.other.alpha));
      }
      if (!std::isfinite(alpha)) alpha = interval.best.alpha + (interval.other.alpha - interval.best.alpha) / 2;
      alpha = std::min(alpha, options.max_alpha);
    }
    result.alpha = fallen.alpha;
    return result;
  };
}

}  // namespace newtape::optim
