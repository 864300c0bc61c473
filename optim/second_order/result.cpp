// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/optim/second_order/result.hpp>

#include <fmt/format.h>

namespace newtape::optim {

const char* to_string(Status status) noexcept {
  switch (status) {
    case Status::gradient_tolerance: return "gradient small enough";
    case Status::step_tolerance: return "steps small enough";
    case Status::value_tolerance: return "changes of the value small enough";
    case Status::precision: return "limit of the floating-point precision";
    case Status::max_iterations: return "limit of iterations";
    case Status::max_evaluations: return "limit of evaluations";
    case Status::max_seconds: return "limit of time";
    case Status::callback: return "stopped by the callback";
    case Status::not_finite: return "not finite";
    case Status::unbounded: return "unbounded below";
    case Status::wrong_gradient: return "wrong gradient";
    case Status::no_progress: return "no progress";
    case Status::numerical_error: return "numerical error";
  }
  return "?";
}

bool converged(Status status) noexcept { return status <= Status::precision; }

const Tensor& Result::x() const {
  if (xs.size() != 1) {
    raise<ValueError>("Result::x: there must be one point", "1", fmt::format("{}; see xs", xs.size()));
  }
  return xs[0];
}

std::string trace_header() {
  return fmt::format("{:>5} {:>14} {:>10} {:>10} {:>10} {:>9} {:>9} {:>6} {:>6} {:>9}", "iter", "value", "change",
                     "|gradient|", "|step|", "ratio", "region", "inner", "evals", "seconds");
}

std::string to_string(const Iteration& i) {
  std::string line =
      fmt::format("{:5d} {:14.7e} {:10.2e} {:10.2e} {:10.2e} {:9.2e} {:9.2e} {:6d} {:6d} {:9.2e}", i.index, i.value,
                  i.change, i.gradient, i.step, i.ratio, i.region, i.inner, i.evaluations, i.seconds);
  if (!i.note.empty()) line += "  " + i.note;
  return line;
}

std::string to_string(const Result& r) {
  std::string text = trace_header() + "\n";
  for (const auto& i : r.trace) text += to_string(i) + "\n";
  text += fmt::format(
      "{} ({}): value {:.9e}, |gradient| {:.2e}, {} iterations, {} values, {} gradients, {} Hessians, {} products, "
      "{:.3g} s",
      r.converged() ? "converged" : "stopped", r.message, r.value, r.gradient, r.iterations, r.counts.values,
      r.counts.gradients, r.counts.hessians, r.counts.products, r.seconds);
  return text;
}

}  // namespace newtape::optim
