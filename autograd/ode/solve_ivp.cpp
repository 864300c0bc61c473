// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ode/integrator.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape {
namespace detail {

Tensor CheckedOde::operator()(const Tensor& t, const Tensor& y) const {
  ++evaluations_;
  Tensor slope = f_(t, y);
  if (!slope.defined() || slope.shape() != y.shape()) {
    raise<ShapeError>(std::string(op_) + ": the function must return the shape of the state", to_string(y.shape()),
                      slope.defined() ? to_string(slope.shape()) : "an undefined tensor");
  }
  if (slope.dtype() != y.dtype()) {
    raise<DTypeError>(std::string(op_) + ": the function must return the dtype of the state", name(y.dtype()),
                      name(slope.dtype()));
  }
  return slope;
}

Tensor evaluate(const OdeStep& step, const Tensor& t) {
  const Tensor s = (t - step.t0) / step.h;
  Tensor y = step.polynomial.back();
  for (std::size_t p = step.polynomial.size() - 1; p-- > 0;) y = y * s + step.polynomial[p];
  return y;
}

namespace {

/// Root mean square of x / (atol + rtol max(|a|, |b|)); 0 for no elements.
double scaled_norm(const Array& x, const Array& a, const Array& b, const OdeOptions& o) {
  if (x.size() == 0) return 0;
  const Array scale = core::add(core::mul(core::maximum(core::abs(a), core::abs(b)), core::full({}, o.rtol, x.dtype())),
                                core::full({}, o.atol, x.dtype()));
  return std::sqrt(core::mean(core::square(core::cast(core::div(x, scale), f64))).item());
}

OdeOptions checked(const char* op, OdeOptions o, DType dtype) {
  if (!(o.rtol >= 0) || !(o.atol >= 0) || !(o.first_step >= 0) || !(o.max_step >= 0) || o.max_steps < 1) {
    raise<ValueError>(std::string(op) + ": an option is out of range",
                      "rtol, atol, first_step, max_step >= 0 and max_steps >= 1", "a smaller one or NaN");
  }
  if (o.rtol == 0) o.rtol = dtype == f64 ? 1e-6 : 1e-4;
  if (o.atol == 0) o.atol = o.rtol / 1000;
  return o;
}

}  // namespace

OdeIntegrator::OdeIntegrator(const char* op, const OdeFunction& f, Tensor t0, Tensor y0, const OdeOptions& options)
    : op_(op),
      f_(op, f),
      options_(checked(op, options, y0.dtype())),
      origin_(std::move(t0)),
      t_(origin_),
      y_(std::move(y0)),
      stepper_(options.method == OdeOptions::Method::rodas4 ? rosenbrock() : runge_kutta(options.method)) {
  if (!f) raise<ValueError>(std::string(op) + ": the function is empty", "a function of time and state", "none");
  start_ = now_ = t_.item<double>();
  slope_ = f_(t_, y_);
}

/// Hairer, Norsett and Wanner 1993, section II.4: an Euler step of a hundredth of |y| / |f| measures the second derivative.
double OdeIntegrator::first_step(double direction, double distance) const {
  if (options_.first_step > 0) return options_.first_step;
  const NoGrad no_grad;
  const Array& y = y_.value();
  const double size = scaled_norm(y, y, y, options_), slope = scaled_norm(slope_.value(), y, y, options_);
  double h = size < 1e-5 || slope < 1e-5 ? 1e-6 : 0.01 * size / slope;
  h = std::min(h, distance);
  const Tensor next = f_(t_ + direction * h, y_ + (direction * h) * slope_);
  const double bend = scaled_norm((next - slope_).value(), y, y, options_) / h;
  const double largest = std::max(slope, bend);
  const double order = stepper_.error_order();
  const double second = largest <= 1e-15 ? std::max(1e-6, h * 1e-3) : std::pow(0.01 / largest, 1 / order);
  return std::isfinite(second) ? std::min(100 * h, second) : h;
}

OdeStep OdeIntegrator::advance(double end) {
  const double direction = end < now_ ? -1 : 1;
  const double distance = std::abs(end - now_);
  if (h_ == 0) h_ = first_step(direction, distance);
  if (options_.max_step > 0) h_ = std::min(h_, options_.max_step);
  bool again = false;
  for (;;) {
    if (attempts_++ >= options_.max_steps) {
      raise<NumericalError>(std::string(op_) + ": max_steps attempts did not reach the end",
                            "t = " + std::to_string(end), "t = " + std::to_string(now_));
    }
    const bool last = h_ >= distance * (1 - 1e-12);
    const double h = direction * (last ? distance : h_);
    if (std::abs(h) <= 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(now_), distance * 1e-8)) {
      raise<NumericalError>(std::string(op_) + ": the step is at rounding level at t = " + std::to_string(now_),
                            "f finite and smooth (a stiff equation needs rodas4)", "h = " + std::to_string(h));
    }
    Trial trial = stepper_.step(f_, t_, y_, slope_, h);
    const double error = scaled_norm(trial.error.value(), y_.value(), trial.y.value(), options_);
    h_ = std::abs(h) * growth(error, again);
    again = !(error <= 1);
    if (again) {
      ++rejected_;
      continue;
    }
    previous_error_ = std::max(error, 1e-4);
    OdeStep step{t_, h, stepper_.polynomial(y_, trial, h)};
    now_ = last ? end : now_ + h;
    t_ = origin_ + (now_ - start_);
    y_ = trial.y;
    slope_ = trial.slope.defined() ? trial.slope : f_(t_, y_);
    return step;
  }
}

/// Proportional and integral control of the step (the same, II.4 and IV.2).
double OdeIntegrator::growth(double error, bool after_rejection) const {
  if (!std::isfinite(error)) return 0.1;
  const double order = stepper_.error_order(), beta = 0.4 / order;
  const double factor = 0.9 * std::pow(std::max(error, 1e-10), -(1 / order - 0.75 * beta)) *
                        std::pow(previous_error_, error <= 1 ? beta : 0);
  return std::clamp(factor, 0.2, error > 1 || after_rejection ? 1.0 : 10.0);
}

void expect_times(const char* op, const Array& times) {
  const Array t = core::cast(core::contiguous(times), f64);
  bool monotone = t.ndim() == 1 && t.size() >= 1;
  for (std::int64_t i = 0; monotone && i < t.size(); ++i) {
    const double* v = t.data<double>();
    monotone = std::isfinite(v[i]) && (i < 1 || v[i] != v[i - 1]) && (i < 2 || (v[i] > v[i - 1]) == (v[1] > v[0]));
  }
  if (!monotone) {
    raise<ValueError>(std::string(op) + ": the times must increase or decrease", "finite and strictly monotone, [n]",
                      to_string(times.shape()));
  }
}

}  // namespace detail

namespace {

using detail::OdeIntegrator;

Tensor state(const char* op, In y0) {
  if (!is_floating(y0.tensor().dtype())) {
    raise<DTypeError>(std::string(op) + ": the initial state", "a float dtype", name(y0.tensor().dtype()));
  }
  return y0.tensor();
}

double moment(const char* op, const Tensor& t) {
  if (t.ndim() != 0) raise<ShapeError>(std::string(op) + ": a time must be a scalar", "[]", to_string(t.shape()));
  const double value = t.item<double>();
  if (!std::isfinite(value)) raise<ValueError>(std::string(op) + ": a time", "a finite number", std::to_string(value));
  return value;
}

}  // namespace

Tensor odeint(const OdeFunction& f, In y0, In times, const OdeOptions& options) {
  const char* const op = "odeint";
  const Tensor start = state(op, y0);
  const Tensor t = to(times.tensor(), start.dtype());
  detail::expect_times(op, t.value());
  OdeIntegrator integrator(op, f, select(t, 0, 0), start, options);
  std::vector<Tensor> ys{start};
  OdeStep step;
  const auto n = t.size();
  const double end = select(t, 0, n - 1).item<double>();
  for (std::int64_t i = 1; i < n; ++i) {
    const Tensor at = select(t, 0, i);
    const double value = at.item<double>();
    const double direction = value > integrator.start() ? 1 : -1;
    while (direction * (value - integrator.now()) > 0) step = integrator.advance(end);
    ys.push_back(value == integrator.now() && !recorded(at) ? integrator.y() : detail::evaluate(step, at));
  }
  return stack(ys, 0);
}

// --- events ---

/// Collects the steps of a solution and the crossings of events in them.
class OdeRecorder {
 public:
  OdeRecorder(const std::vector<OdeEvent>& events, OdeIntegrator& integrator)
      : events_(events), integrator_(integrator) {
    for (const auto& event : events_) {
      if (!event.function) raise<ValueError>("solve_ivp: the function of an event is empty", "a function", "none");
    }
    for (const auto& event : events_) before_.push_back(value(event, integrator.t(), integrator.y()));
  }

  /// Adds a step; false after a terminal event.
  bool add(OdeStep step) {
    solution_.steps_.push_back(step);
    const double t0 = step.t0.item<double>();
    std::vector<std::pair<double, std::size_t>> found;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const double before = before_[i], after = value(events_[i], integrator_.t(), integrator_.y());
      before_[i] = after;
      const bool crosses = (before < 0 && after >= 0 && events_[i].direction >= 0) ||
                           (before > 0 && after <= 0 && events_[i].direction <= 0);
      if (crosses) found.emplace_back(locate(events_[i], step, t0, before), i);
    }
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
      return a.first == b.first ? a.second < b.second : (a.first < b.first) == (step.h > 0);
    });
    for (const auto& [t, i] : found) {
      solution_.crossings_.push_back(crossing(i, step, t));
      if (events_[i].terminal) return false;
    }
    return true;
  }

  /// `end` is where an integration without a terminal event ended.
  OdeSolution finish(bool terminated, const Tensor& end) && {
    solution_.t_end_ = terminated ? solution_.crossings_.back().t : end;
    solution_.y_end_ = terminated                                   ? solution_.crossings_.back().y
                       : recorded(end) && !solution_.steps_.empty() ? detail::evaluate(solution_.steps_.back(), end)
                                                                    : integrator_.y();
    solution_.evaluations_ = integrator_.evaluations();
    solution_.rejected_ = integrator_.rejected();
    return std::move(solution_);
  }

 private:
  static double value(const OdeEvent& event, const Tensor& t, const Tensor& y) {
    const NoGrad no_grad;
    const Tensor g = event.function(t, y);
    if (!g.defined() || g.size() != 1) {
      raise<ShapeError>("solve_ivp: the function of an event must return one element", "[]",
                        g.defined() ? to_string(g.shape()) : "an undefined tensor");
    }
    return reshape(g, {}).item<double>();
  }

  /// The time of the crossing by bisection, to the last bit.
  static double locate(const OdeEvent& event, const OdeStep& step, double t0, double before) {
    const NoGrad no_grad;
    double low = t0, high = t0 + step.h;
    for (int i = 0; i < 100; ++i) {
      const double middle = low + (high - low) / 2;
      if (middle == low || middle == high) break;
      const Tensor t = scalar(middle, step);
      const double g = value(event, t, detail::evaluate(step, t));
      ((g < 0) == (before < 0) && g != 0 ? low : high) = middle;
    }
    return high;
  }

  static Tensor scalar(double value, const OdeStep& step) {
    return Tensor(core::full({}, value, step.polynomial[0].dtype()));
  }

  /// Newton steps from the located time: each doubles the order to which the recorded time depends on the solution.
  OdeSolution::Crossing crossing(std::size_t i, const OdeStep& step, double at) const {
    Tensor t = scalar(at, step);
    const auto g = [&](const Tensor& time) {
      return reshape(events_[i].function(time, detail::evaluate(step, time)), {});
    };
    if (grad_enabled()) {
      for (int newton = 0; newton < 2; ++newton) {
        const auto [value, slope] = jvp(UnaryFunction(g), t, ones_like(t));
        if (!recorded(value) && !recorded(slope)) break;
        t = t - value / slope;
      }
    }
    return {i, t, detail::evaluate(step, t)};
  }

  const std::vector<OdeEvent>& events_;
  OdeIntegrator& integrator_;
  std::vector<double> before_;
  OdeSolution solution_;
};

OdeSolution solve_ivp(const OdeFunction& f, In t0, In t1, In y0, const std::vector<OdeEvent>& events,
                      const OdeOptions& options) {
  const char* const op = "solve_ivp";
  const Tensor start = state(op, y0);
  const Tensor first = to(t0.tensor(), start.dtype()), last = to(t1.tensor(), start.dtype());
  moment(op, first);
  const double end = moment(op, last);
  OdeIntegrator integrator(op, f, first, start, options);
  OdeRecorder recorder(events, integrator);
  bool running = true;
  while (running && integrator.now() != end) running = recorder.add(integrator.advance(end));
  return std::move(recorder).finish(!running, last);
}

Tensor OdeSolution::operator()(In t) const {
  if (t.tensor().ndim() == 1) {
    std::vector<Tensor> ys;
    for (std::int64_t i = 0; i < t.tensor().size(); ++i) ys.push_back((*this)(select(t.tensor(), 0, i)));
    return stack(ys, 0);
  }
  const double at = moment("OdeSolution", t.tensor());
  if (steps_.empty()) return y_end_;
  const double from = steps_.front().t0.item<double>(), until = t_end_.item<double>();
  const double direction = steps_.front().h > 0 ? 1 : -1;
  const double rounding = 4 * epsilon(y_end_.dtype()) * std::max(std::abs(from), std::abs(until));
  if (direction * (at - from) < -rounding || direction * (at - until) > rounding) {
    raise<ValueError>("OdeSolution: the time is outside the solution",
                      std::to_string(from) + " to " + std::to_string(until), std::to_string(at));
  }
  auto step = std::partition_point(steps_.begin() + 1, steps_.end(),
                                   [&](const OdeStep& s) { return direction * (s.t0.item<double>() - at) <= 0; });
  return detail::evaluate(*(step - 1), to(t.tensor(), y_end_.dtype()));
}

}  // namespace newtape
