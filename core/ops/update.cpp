// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>

#include <newtape/core/kernels/kernel_tables.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace newtape::core {
namespace {

using kernels::parallel_grain;

const kernels::UpdateKernels& kernels_for(std::string_view op, const Array& x) {
  expect_floating(op, x);
  return kernels::tables().update.of[static_cast<int>(x.dtype())];
}

void expect_like(std::string_view op, const char* what, const Array& p, const Array& x) {
  if (x.defined() && x.dtype() == p.dtype() && x.shape() == p.shape() && x.is_contiguous()) return;
  const std::string expected = describe(p) + ", contiguous";
  const std::string got = !x.defined() ? "no array" : describe(x) + (x.is_contiguous() ? "" : ", not contiguous");
  const std::string message = std::string(op) + ": " + what + " does not match the parameter";
  if (x.defined() && x.dtype() != p.dtype()) raise<DTypeError>(message, expected, got);
  raise<ShapeError>(message, expected, got);
}

std::byte* at(Array& x, std::int64_t i) {
  return static_cast<std::byte*>(x.raw()) + i * static_cast<std::int64_t>(item_size(x.dtype()));
}
const std::byte* at(const Array& x, std::int64_t i) {
  return static_cast<const std::byte*>(x.raw()) + i * static_cast<std::int64_t>(item_size(x.dtype()));
}

/// Updates elements [begin, end) of a job.
void work(const UpdateQueue::Job& job, std::int64_t begin, std::int64_t end) {
  const std::int64_t offset = begin * job.item;
  void* state[3] = {};
  for (int k = 0; k < 3; ++k) state[k] = job.state[k] == nullptr ? nullptr : job.state[k] + offset;
  job.kernel(job.p + offset, job.g + offset, state, end - begin, job.factors);
}

/// Checks all arrays, then runs or enqueues the kernel.
void run(std::string_view op, kernels::Update kernel, Array& p, const Array& g, std::span<Array* const> state,
         std::span<const double> factors, UpdateQueue* queue = nullptr) {
  expect_like(op, "the parameter", p, p);
  expect_like(op, "the gradient", p, g);
  constexpr const char* names[] = {"the first state array", "the second state array", "the third state array"};
  UpdateQueue::Job job{kernel, at(p, 0), at(g, 0), {}, p.size(), static_cast<std::int64_t>(item_size(p.dtype())), {}};
  for (std::size_t k = 0; k < state.size(); ++k) {
    expect_like(op, names[k], p, *state[k]);
    job.state[k] = at(*state[k], 0);
  }
  std::copy(factors.begin(), factors.end(), job.factors);
  if (queue != nullptr) return queue->push(job);
  detail::parallel_for(p.size(), parallel_grain, [&](std::int64_t begin, std::int64_t end) { work(job, begin, end); });
}

kernels::Update kernel_of(const kernels::UpdateKernels& k, UpdateRule rule) {
  switch (rule) {
    case UpdateRule::adam_l1: return k.adam_l1;
    case UpdateRule::amsgrad: return k.amsgrad;
    case UpdateRule::nadam: return k.nadam;
    case UpdateRule::radam: return k.radam;
    case UpdateRule::adagrad: return k.adagrad;
    case UpdateRule::adadelta: return k.adadelta;
    case UpdateRule::rmsprop: return k.rmsprop;
    case UpdateRule::rmsprop_momentum: return k.rmsprop_momentum;
    case UpdateRule::rmsprop_centered: return k.rmsprop_centered;
    case UpdateRule::rmsprop_centered_momentum: return k.rmsprop_centered_momentum;
    case UpdateRule::rprop: return k.rprop;
    case UpdateRule::lion: return k.lion;
    case UpdateRule::sophia: return k.sophia;
    case UpdateRule::schedule_free: return k.schedule_free;
    case UpdateRule::lamb: return k.lamb;
  }
  return nullptr;
}

}  // namespace

void UpdateQueue::run() {
  pieces_.clear();
  std::int64_t total = 0;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    total += jobs_[i].n;
    for (std::int64_t begin = 0; begin < jobs_[i].n; begin += parallel_grain) {
      pieces_.push_back({i, begin, std::min(begin + parallel_grain, jobs_[i].n)});
    }
  }
  const auto count = static_cast<std::int64_t>(pieces_.size());
  // Groups small pieces into larger units of work.
  const std::int64_t grain =
      total <= parallel_grain ? count : std::max<std::int64_t>(1, count * parallel_grain / total);
  detail::parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Piece& piece = pieces_[static_cast<std::size_t>(i)];
      work(jobs_[piece.job], piece.begin, piece.end);
    }
  });
  clear();
}

void update(std::string_view op, UpdateRule rule, Array& p, const Array& g, std::span<Array* const> state,
            std::span<const double> factors, UpdateQueue* queue) {
  run(op, kernel_of(kernels_for(op, p), rule), p, g, state, factors, queue);
}

void add_scaled(Array& p, const Array& x, double factor) {
  const double factors[] = {-factor, 0};
  run("add_scaled", kernels_for("add_scaled", p).sgd, p, x, {}, factors);
}

void lerp_(Array& average, const Array& x, double share) {
  const double factors[] = {share};
  run("lerp_", kernels_for("lerp_", average).average, average, x, {}, factors);
}

void sgd_step(Array& p, const Array& g, Array& v, const SgdStep& s, UpdateQueue* queue) {
  const auto& kernel = kernels_for("sgd_step", p);
  // v = momentum v + (1 - dampening) d; on the first step v = d, regardless of its contents.
  const double factors[] = {
      s.lr, s.weight_decay, s.momentum, s.first ? 1 : 1 - s.dampening, s.nesterov ? 1.0 : 0.0, s.threshold};
  const bool shrinks = s.threshold != 0;
  if (s.momentum == 0) return run("sgd_step", shrinks ? kernel.sgd_l1 : kernel.sgd, p, g, {}, factors, queue);
  expect_like("sgd_step", "the momentum buffer", p, v);
  if (s.first) assign(v, zeros({}, v.dtype()));
  Array* const state[] = {&v};
  run("sgd_step", shrinks ? kernel.sgd_momentum_l1 : kernel.sgd_momentum, p, g, state, factors, queue);
}

void adam_step(Array& p, const Array& g, Array& m, Array& v, const AdamStep& s, UpdateQueue* queue) {
  const double factors[] = {s.l2, s.beta1, s.beta2, s.lr / s.bias1, 1 - s.decay, s.eps, 1 / s.bias2};
  Array* const state[] = {&m, &v};
  run("adam_step", kernels_for("adam_step", p).adam, p, g, state, factors, queue);
}

double sum_squares(const Array& x) {
  const auto& kernel = kernels_for("sum_squares", x);
  const Array y = contiguous(x);
  const std::int64_t blocks = (y.size() + parallel_grain - 1) / parallel_grain;
  if (blocks <= 1) return kernel.sum_squares(y.raw(), y.size());
  std::vector<double> parts(static_cast<std::size_t>(blocks));
  detail::parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t first = b * parallel_grain;
      parts[static_cast<std::size_t>(b)] = kernel.sum_squares(at(y, first), std::min(parallel_grain, y.size() - first));
    }
  });
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum;
}

}  // namespace newtape::core
