// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <fmt/format.h>

#include <cmath>

namespace newtape::optim {

RunRecorder::RunRecorder(const Counts& counts, Split split, StoppingCriteria stop, bool verbose,
                         double default_gradient_tolerance)
    : counts_(counts), split_(std::move(split)), stop_(std::move(stop)), verbose_(verbose) {
  if (!(stop_.gradient_tolerance > 0)) stop_.gradient_tolerance = default_gradient_tolerance;
  if (verbose_) fmt::print("{}\n", trace_header());
}

double RunRecorder::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

std::optional<Status> RunRecorder::enter(Iteration i, const Array& x) {
  const bool start = result_.trace.empty();
  if (!start) ++result_.iterations;
  i.index = result_.iterations;
  i.evaluations = counts_.evaluations();
  i.seconds = seconds();
  if (verbose_) fmt::print("{}\n", to_string(i));
  result_.trace.push_back(std::move(i));
  const Iteration& last = result_.trace.back();
  if (last.value < stop_.unbounded_below) return Status::unbounded;
  if (!start && last.gradient > stop_.gradient_tolerance) {
    if (stop_.step_tolerance > 0 && last.step <= stop_.step_tolerance * core::norm2(x)) {
      return Status::step_tolerance;
    }
    if (stop_.value_tolerance > 0 && std::abs(last.change) <= stop_.value_tolerance * std::abs(last.value)) {
      return Status::value_tolerance;
    }
  }
  if (stop_.callback && !stop_.callback(last, split_(x))) return Status::callback;
  return {};
}

std::optional<Status> RunRecorder::exhausted() const {
  const auto& o = stop_;
  if (o.max_iterations > 0 && result_.iterations >= o.max_iterations) return Status::max_iterations;
  return out_of_budget();
}

std::optional<Status> RunRecorder::out_of_budget() const {
  const auto& o = stop_;
  if (o.max_evaluations > 0 && counts_.evaluations() >= o.max_evaluations) return Status::max_evaluations;
  if (o.max_seconds > 0 && seconds() >= o.max_seconds) return Status::max_seconds;
  return {};
}

Result RunRecorder::finish(Status status, const Array& x, double value, double gradient, const std::string& note) {
  const auto& o = stop_;
  std::string words = to_string(status);
  switch (status) {
    case Status::gradient_tolerance: words += fmt::format(": {:.2e} <= {:.0e}", gradient, o.gradient_tolerance); break;
    case Status::max_iterations: words += fmt::format(": {}", o.max_iterations); break;
    case Status::max_evaluations: words += fmt::format(": {}", o.max_evaluations); break;
    case Status::max_seconds: words += fmt::format(": {:g} s", o.max_seconds); break;
    case Status::unbounded: words += fmt::format(": {:.2e} < {:.0e}", value, o.unbounded_below); break;
    case Status::wrong_gradient: words += ": differences of the value contradict the derivatives"; break;
    case Status::not_finite: words += ": values, gradients or curvatures around this point"; break;
    case Status::no_progress: words += ": no step lowers the value"; break;
    default: break;
  }
  if (!note.empty()) words += " (" + note + ")";
  for (const auto& part : split_(x)) result_.xs.emplace_back(core::copy(part.value()));
  result_.value = value;
  result_.gradient = gradient;
  result_.status = status;
  result_.message = std::move(words);
  result_.counts = counts_;
  result_.seconds = seconds();
  if (verbose_) fmt::print("{}: {}\n", result_.converged() ? "converged" : "stopped", result_.message);
  return std::move(result_);
}

}  // namespace newtape::optim
