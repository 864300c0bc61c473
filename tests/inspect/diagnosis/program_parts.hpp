// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

/// Optimizers and steps of the fresh programs: a program is put together of a model, one of each, and data.
namespace zoo::second {

using namespace newtape;

using Seed = std::uint64_t;
using inspect::TrainingBatch;
using inspect::TrainingData;

template <class Make, class MakeOptimizer, class Step = inspect::detail::PlainStep>
Trial trial(TrainingData data, Make make, MakeOptimizer make_optimizer, std::int64_t steps = 150, Step step = {}) {
  using M = std::invoke_result_t<Make&>;
  using O = std::invoke_result_t<MakeOptimizer&, const M&>;
  return {[=]() -> std::unique_ptr<inspect::Trainee> {
            return std::make_unique<inspect::detail::TraineeOf<M, O, Step>>(make, make_optimizer, step);
          },
          std::move(data), steps};
}

inline auto adam(double lr) {
  return [=](const auto& m) { return optim::Adam(m.parameters(), {.lr = lr}); };
}
inline auto adamw(double lr, double decay = 0.01) {
  return [=](const auto& m) { return optim::AdamW(m.parameters(), {.lr = lr, .weight_decay = decay}); };
}
inline auto nadam(double lr) {
  return [=](const auto& m) { return optim::NAdam(m.parameters(), {.lr = lr}); };
}
inline auto rmsprop(double lr) {
  return [=](const auto& m) { return optim::RMSprop(m.parameters(), {.lr = lr}); };
}
inline auto adagrad(double lr) {
  return [=](const auto& m) { return optim::Adagrad(m.parameters(), {.lr = lr}); };
}
inline auto sgd(double lr, double momentum = 0.9, double decay = 0) {
  return [=](const auto& m) {
    return optim::SGD(m.parameters(), {.lr = lr, .momentum = momentum, .weight_decay = decay});
  };
}

// Steps.
/// The rate of step t.
template <class F>
inline auto scheduled(F rate) {
  return [rate, t = 0.0](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) mutable {
    optimizer.set_lr(rate(t++));
    return optimizer.step([&] { return b.loss(model(b.x), b.y); });
  };
}
/// Of another loss than that of the batch.
template <class F>
inline auto with_loss(F change) {
  return [change](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    return optimizer.step([&] { return change(model, b.loss(model(b.x), b.y)); });
  };
}
/// With `between` the backward sweep and the step.
template <class F>
inline auto between(F f) {
  return [f](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    optimizer.zero_grad();
    const Tensor loss = b.loss(model(b.x), b.y);
    loss.backward();
    f(model, optimizer);
    optimizer.step();
    return loss;
  };
}
inline auto without_step() {
  return [](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) {
    optimizer.zero_grad();
    const Tensor loss = b.loss(model(b.x), b.y);
    loss.backward();
    return loss;
  };
}
inline auto first_batch_only() {
  return [x = Tensor(), y = Tensor()](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) mutable {
    if (!x.defined()) x = b.x, y = b.y;
    return optimizer.step([&] { return b.loss(model(x), y); });
  };
}
/// The targets are those of the batch before.
inline auto late_targets() {
  return [y = Tensor()](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) mutable {
    const Tensor before = y.defined() && y.shape(0) == b.y.shape(0) ? y : b.y;
    y = b.y;
    return optimizer.step([&] { return b.loss(model(b.x), before); });
  };
}
/// Gradients of two batches are summed.
inline auto in_two_parts() {
  return [t = 0](const auto& model, optim::Optimizer& optimizer, const TrainingBatch& b) mutable {
    if (t % 2 == 0) optimizer.zero_grad();
    const Tensor loss = b.loss(model(b.x), b.y);
    (loss / 2.0).backward();
    if (t++ % 2 == 1) optimizer.step();
    return loss;
  };
}

inline TrainingData batches(TrainingData data, std::int64_t n) {
  data.batch = n;
  return data;
}
inline TrainingData with(TrainingData data, inspect::LossFunction loss) {
  data.loss = std::move(loss);
  return data;
}

}  // namespace zoo::second
