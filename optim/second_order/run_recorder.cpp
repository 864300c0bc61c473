// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cmath>

namespace newtape::optim {

double Budget::now() noexcept {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::optional<Status> Budget::spent(const Counts& counts) const {
  if (max_evaluations_ > 0 && counts.evaluations() >= max_evaluations_) return Status::max_evaluations;
  if (max_seconds_ > 0 && now() - begin_ >= max_seconds_) return Status::max_seconds;
  return {};
}

RunRecorder::RunRecorder(const Counts& counts, Budget& budget, Split split, StoppingCriteria stop, bool verbose,
                         double default_gradient_tolerance)
    : counts_(counts), budget_(budget), split_(std::move(split)), stop_(std::move(stop)), verbose_(verbose) {
  if (!(stop_.gradient_tolerance > 0)) stop_.gradient_tolerance = default_gradient_tolerance;
  if (verbose_) fmt::print("{}\n", trace_header());
}

std::string first_line(std::string_view message) { return std::string(message.substr(0, message.find('\n'))); }

double RunRecorder::seconds() const { return Budget::now() - begin_; }

std::optional<Status> RunRecorder::enter(Iteration i, const Array& x) {
  const bool start = result_.trace.empty();
  if (start) {
    budget_ = Budget(stop_.max_evaluations, stop_.max_seconds, begin_);
  } else {
    ++result_.iterations;
  }
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
  return budget_.spent(counts_);
}

Result RunRecorder::finish(Status status, const Array& x, double value, double gradient, const std::string& note) {
  const auto& o = stop_;
  budget_ = {};
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
