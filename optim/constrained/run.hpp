// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/optim/constrained/problem.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace newtape::optim {

/// What the algorithms for constraints share: a point with its multipliers, its errors, and the run from start to end.
class ConstrainedRun {
 public:
  ConstrainedRun(const ConstrainedRun&) = delete;
  ConstrainedRun& operator=(const ConstrainedRun&) = delete;
  virtual ~ConstrainedRun() = default;

  ConstrainedResult operator()();

 protected:
  ConstrainedRun(ConstrainedProblem& problem, const Array& x0, const MinimizeConstrainedOptions& options);

  /// Sets up what depends on the starting point, and returns its row of the trace.
  virtual Iteration start() = 0;
  /// The status if the run ends.
  virtual std::optional<Status> iterate() = 0;

  bool optimal() const;
  /// A row of the trace for the present point.
  Iteration row(double change, double step, std::int64_t inner) const;

  ConstrainedProblem& p_;
  RunRecorder recorder_;
  ConstrainedPoint at_;
  OptimalityErrors errors_;
  Array multipliers_;    ///< [k + m]
  std::string problem_;  ///< why the run ended, for its message

 private:
  ConstrainedResult finish(Status status, std::string note);
};

}  // namespace newtape::optim
