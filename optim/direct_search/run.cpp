// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/direct_search/run.hpp>
#include <newtape/optim/second_order/run_recorder.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

namespace newtape::optim {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class DirectRun {
 public:
  DirectRun(Objective& f, std::span<const Tensor> x0, const MinimizeOptions& options)
      : f_(f),
        bounds_("minimize", f, x0, options),
        search_(options.method.direct_search()),
        stop_(options.stop),
        recorder_(f, options.stop, options.verbose, default_gradient_tolerance(f.dtype())) {
    check_option("minimize", "step_tolerance", stop_.step_tolerance);
    check_option("minimize", "value_tolerance", stop_.value_tolerance);
    if (stop_.step_tolerance == 0) stop_.step_tolerance = f.dtype() == f32 ? 1e-4 : 1e-8;
    at_.x = bounds_.project(core::copy(f.flatten(x0)));
  }

  Result operator()() {
    at_.value = f_.value(at_.x);
    if (!std::isfinite(at_.value)) return recorder_.finish(Status::not_finite, at_.x, at_.value, nan, "at the start");
    std::optional<Status> status = recorder_.enter({.value = at_.value, .gradient = nan}, at_.x);
    if (!status && f_.size() == 0) status = Status::step_tolerance;
    try {
      if (!status) search_->begin(f_, at_, bounds_);
      while (!status) status = iterate();
    } catch (const BudgetSpent& spent) {
      status = spent.status;
    }
    return recorder_.finish(*status, at_.x, at_.value, nan);
  }

 private:
  std::optional<Status> iterate() {
    if (const auto status = recorder_.exhausted()) return status;
    const SearchStep step = search_->iterate(f_, bounds_);
    const double length = core::norm2(step.best.x - at_.x);
    const double change = at_.value - step.best.value;
    at_ = step.best;
    const auto status = recorder_.enter(
        {.value = at_.value, .change = change, .gradient = nan, .step = length, .region = step.size, .note = step.note},
        at_.x);
    if (status) return status;
    const auto ended = contracted(step);
    return ended && search_->restart(f_, bounds_) ? std::nullopt : ended;
  }

  std::optional<Status> contracted(const SearchStep& step) const {
    if (step.size <= stop_.step_tolerance * std::max(core::norm2(at_.x), 1.)) return Status::step_tolerance;
    if (stop_.value_tolerance > 0 && step.spread <= stop_.value_tolerance * std::abs(at_.value)) {
      return Status::value_tolerance;
    }
    if (step.exhausted) return Status::precision;
    return {};
  }

  Objective& f_;
  Bounds bounds_;
  std::unique_ptr<DirectSearch> search_;
  StoppingCriteria stop_;
  RunRecorder recorder_;
  Iterate at_;
};

}  // namespace

Result run_direct_search(Objective& f, std::span<const Tensor> x0, const MinimizeOptions& options) {
  return DirectRun(f, x0, options)();
}

}  // namespace newtape::optim
