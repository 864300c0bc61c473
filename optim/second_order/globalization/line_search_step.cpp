// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/globalization/globalization.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::optim::globalization {

namespace {

class LineSearchStep final : public Globalization {
 public:
  explicit LineSearchStep(LineSearch search) : search_(std::move(search)), projected_(optim::backtracking()) {}

  StepResult move(Objective& f, const Iterate& at, Curvature& b, Direction& direction, const Bounds& bounds) override {
    Step step = direction.step(b, at.gradient, {});
    double slope = core::dot(at.gradient, step.d);
    // Not a descent direction, up to rounding.
    if (!(slope < -1e-14 * core::norm2(at.gradient) * core::norm2(step.d))) {
      direction.reset();
      step = steepest(at);
      step.note = "not a descent direction: steepest descent";
      slope = core::dot(at.gradient, step.d);
    }
    if (!std::isfinite(slope)) return {.problem = Status::not_finite};
    Line line(f, at, step.d, slope, bounds);
    const LineResult found = find(line, guess(at, step, slope), bounds.any());
    StepResult result{.inner = step.inner, .note = std::move(step.note)};
    if (found.alpha != 0) result.to = line.take(found.alpha);
    // A step too short to change x is a failure.
    if (found.alpha == 0 || core::norm_inf(result.to.x - at.x) == 0) {
      constexpr double unlimited = std::numeric_limits<double>::infinity();
      result.problem = diagnose(f, at, step.d, step.scaled ? 1 : unlimited);
      return result;
    }
    result.moved = true;
    result.ratio = found.alpha;
    last_fall_ = at.value - result.to.value;
    return result;
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    state.emplace_back(prefix + "last_fall", core::full({}, last_fall_, f64));
  }
  void load(const std::string& prefix, detail::StateReader& state) override {
    const Array x = state.take(prefix + "last_fall", f64, {});
    if (x.defined()) last_fall_ = x.item();
  }

 private:
  /// The search's result, or the lowest point so far when the budget is spent.
  LineResult find(Line& line, double first, bool bounded) const {
    try {
      return (bounded ? projected_ : search_)(line, first);
    } catch (const BudgetSpent&) {
      if (line.lowest().alpha == 0) throw;
      return {.alpha = line.lowest().alpha};
    }
  }

  static Step steepest(const Iterate& at) {
    Step s;
    s.d = -at.gradient;
    s.scaled = false;
    return s;
  }

  /// The first alpha to try: 1 for steps of meaningful length; else from the last reduction (Nocedal and Wright 2006,
  /// eq. 3.60), or a small step at first.
  double guess(const Iterate& at, const Step& step, double slope) const {
    if (step.scaled) return 1;
    const double size = core::norm_inf(step.d);
    if (last_fall_ > 0) return std::min(1.01 * 2 * last_fall_ / -slope, 1e8 / size);
    const double x = core::norm_inf(at.x);
    return std::min(1., (x > 0 ? 0.1 * std::max(x, 1.) : 1.) / size);
  }

  LineSearch search_;
  LineSearch projected_;
  double last_fall_ = 0;
};

}  // namespace

MakeGlobalization line_search(LineSearch search) {
  return [search = std::move(search)] { return std::make_unique<LineSearchStep>(search); };
}
MakeGlobalization backtracking(const BacktrackingOptions& options) { return line_search(optim::backtracking(options)); }
MakeGlobalization strong_wolfe(const StrongWolfeOptions& options) { return line_search(optim::strong_wolfe(options)); }
MakeGlobalization hager_zhang(const HagerZhangOptions& options) { return line_search(optim::hager_zhang(options)); }

}  // namespace newtape::optim::globalization
