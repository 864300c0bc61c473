// SPDX-License-Identifier: BSD-3-Clause
// Hager and Zhang 2005, "A new conjugate gradient method with guaranteed descent and an efficient line search", section
// 4, whose names for the steps (bracket, update, secant2) are kept.
#include <newtape/optim/second_order/globalization/line_search.hpp>

#include <cmath>
#include <optional>

namespace newtape::optim {

namespace {

using Point = Line::Point;

class Search {
 public:
  Search(Line& line, const HagerZhangOptions& options)
      : line_(line), options_(options), start_(line.start()), max_value_(start_.value + line.noise()) {}

  LineResult run(double guess) {
    double alpha = guess;
    Point c = evaluate(alpha);
    for (; !c.finite() && left(); c = evaluate(alpha)) alpha *= 0.1;
    if (!c.finite()) return {0, evaluations_};
    bracket(c);
    while (!found_ && left()) {
      const double width = b_.alpha - a_.alpha;
      if (!(width > 1e-16 * b_.alpha)) break;
      secant2();
      if (!found_ && b_.alpha - a_.alpha > options_.gamma * width) update(evaluate((a_.alpha + b_.alpha) / 2));
    }
    if (found_) return {*found_, evaluations_};
    return {fallback_.alpha, evaluations_};
  }

 private:
  bool left() const { return evaluations_ < options_.max_evaluations; }

  Point evaluate(double alpha) {
    const Point t = line_.evaluate(alpha);
    ++evaluations_;
    if (!t.finite()) return t;
    const bool armijo = t.value <= start_.value + options_.c1 * alpha * start_.slope;
    const bool wolfe = armijo && t.slope >= options_.c2 * start_.slope;
    // Where values differ by rounding only: the approximate Wolfe conditions.
    const bool close = t.value <= max_value_ && start_.value - t.value <= 1e3 * line_.noise();
    const bool approximate =
        close && t.slope >= options_.c2 * start_.slope && t.slope <= (2 * options_.c1 - 1) * start_.slope;
    if (wolfe || approximate) found_ = alpha;
    const double lowest = (fallback_.alpha == 0 ? start_ : fallback_).value;
    if (t.value <= start_.value + 1e-4 * alpha * start_.slope && t.value < lowest) fallback_ = t;
    return t;
  }

  /// Grows the step until the interval [a, b] satisfies (4.4): a negative slope and low value at a, a positive slope at
  /// b.
  void bracket(Point c) {
    a_ = start_;
    b_ = c;
    while (!found_ && left()) {
      if (!c.finite()) {
        // Outside the domain: bisect towards the last finite point.
        c = evaluate((a_.alpha + c.alpha) / 2);
        continue;
      }
      if (c.slope >= 0) {
        b_ = c;
        return;
      }
      if (c.value > max_value_) return halve(a_, c);
      a_ = c;
      c = evaluate(options_.growth * c.alpha);
      b_ = c;
    }
  }

  /// The value at b is too high, but the slope negative: bisect until the slope at the end is positive (update, steps
  /// U3).
  void halve(Point a, Point b) {
    while (!found_ && left()) {
      const Point d = evaluate((1 - options_.theta) * a.alpha + options_.theta * b.alpha);
      if (d.finite() && d.slope >= 0) {
        a_ = a;
        b_ = d;
        return;
      }
      if (d.finite() && d.value <= max_value_) {
        a = d;
      } else {
        b = d;
      }
    }
    a_ = a;
    b_ = b;
  }

  void update(const Point& c) {
    if (found_ || !(c.alpha > a_.alpha && c.alpha < b_.alpha)) return;
    if (c.finite() && c.slope >= 0) {
      b_ = c;
    } else if (c.finite() && c.value <= max_value_) {
      a_ = c;
    } else {
      halve(a_, c);
    }
  }

  static double secant(const Point& a, const Point& b) {
    return (a.alpha * b.slope - b.alpha * a.slope) / (b.slope - a.slope);
  }
  bool inside(double alpha) const { return alpha > a_.alpha && alpha < b_.alpha; }

  void secant2() {
    const Point a = a_;
    const Point b = b_;
    const double first = secant(a, b);
    const double middle = (a.alpha + b.alpha) / 2;
    const double c = inside(first) ? first : middle;
    update(evaluate(c));
    if (found_) return;
    double again = std::nan("");
    if (c == b_.alpha) again = secant(b, b_);
    if (c == a_.alpha) again = secant(a, a_);
    if (inside(again)) update(evaluate(again));
  }

  Line& line_;
  const HagerZhangOptions& options_;
  Point start_;
  double max_value_;
  Point a_, b_;
  Point fallback_;  ///< lowest point of sufficient decrease, returned when the evaluations are used up
  std::optional<double> found_;
  int evaluations_ = 0;
};

}  // namespace

LineSearch hager_zhang(const HagerZhangOptions& options) {
  return [options](Line& line, double guess) { return Search(line, options).run(guess); };
}

}  // namespace newtape::optim
