// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/metrics/lr_finder.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape::inspect {
namespace {

/// Everything that a training step changes, put back by the destructor.
class TrainingSnapshot {
 public:
  TrainingSnapshot(const nn::ModuleBase& model, optim::Optimizer& optimizer)
      : optimizer_(optimizer), state_(optimizer.state_dict()) {
    for (auto& entry : state_) entry.second = core::copy(entry.second);
    auto params = model.parameters();
    for (const auto& p : optimizer.params()) {
      if (std::find(params.begin(), params.end(), p) == params.end()) params.push_back(p);
    }
    for (const auto& p : params) {
      const Tensor grad = p.grad();
      cells_.push_back({p, core::copy(p.value()), grad.defined() ? Tensor(core::copy(grad.value())) : Tensor()});
    }
    for (const auto& b : model.buffers()) buffers_.emplace_back(b, core::copy(b.value()));
  }
  ~TrainingSnapshot() {
    for (const auto& [param, value, grad] : cells_) {
      param.set_value(value);
      if (param.is_leaf() && param.requires_grad()) param.set_grad(grad);
    }
    for (const auto& [buffer, value] : buffers_) buffer.set_value(value);
    optimizer_.load_state_dict(state_);
  }
  TrainingSnapshot(const TrainingSnapshot&) = delete;
  TrainingSnapshot& operator=(const TrainingSnapshot&) = delete;

 private:
  struct Cell {
    Parameter param;
    Array value;
    Tensor grad;
  };
  optim::Optimizer& optimizer_;
  optim::StateDict state_;
  detail::DefaultGeneratorScope generator_;
  std::vector<Cell> cells_;
  std::vector<std::pair<Buffer, Array>> buffers_;
};

void check_lr_options(const FindLROptions& o) {
  if (o.start > 0 && o.start < o.end && std::isfinite(o.end) && o.steps >= 2 && o.smoothing >= 0 && o.smoothing < 1 &&
      o.diverge > 0) {
    return;
  }
  raise<ValueError>("find_lr: invalid options", "0 < start < end, steps >= 2, 0 <= smoothing < 1, diverge > 0",
                    "start " + std::to_string(o.start) + ", end " + std::to_string(o.end) + ", steps " +
                        std::to_string(o.steps) + ", smoothing " + std::to_string(o.smoothing) + ", diverge " +
                        std::to_string(o.diverge));
}

}  // namespace

LRSearch find_lr(const nn::ModuleBase& model, optim::Optimizer& optimizer, const std::function<Tensor()>& closure,
                 const FindLROptions& options) {
  if (!closure) raise<ValueError>("find_lr: the closure is empty", "a function that returns the loss", "none");
  check_lr_options(options);
  LRSearch search;
  const TrainingSnapshot snapshot(model, optimizer);
  double average = 0;
  double lowest = 0;
  for (std::int64_t i = 0; i < options.steps; ++i) {
    const double lr = options.start * std::pow(options.end / options.start,
                                               static_cast<double>(i) / static_cast<double>(options.steps - 1));
    optimizer.set_lr(lr);
    const double loss = optimizer.step(closure).item();
    if (!std::isfinite(loss)) {
      search.diverged = true;
      break;
    }
    average = options.smoothing * average + (1 - options.smoothing) * loss;
    const double smoothed = average / (1 - std::pow(options.smoothing, static_cast<double>(i + 1)));
    search.lr.push_back(lr);
    search.loss.push_back(loss);
    search.smoothed.push_back(smoothed);
    if (i == 0 || smoothed < lowest) {
      lowest = smoothed;
      search.minimum = lr;
    }
    if (smoothed - lowest > options.diverge * std::max(std::abs(search.loss[0]), std::abs(lowest))) {
      search.diverged = true;
      break;
    }
  }
  double steepest = 0;
  for (std::size_t i = 1; i + 1 < search.lr.size() && search.lr[i] <= search.minimum; ++i) {
    const double slope = search.smoothed[i + 1] - search.smoothed[i - 1];  // at equal distances of log lr
    if (slope >= steepest) continue;
    steepest = slope;
    search.steepest = search.lr[i];
  }
  return search;
}

}  // namespace newtape::inspect
