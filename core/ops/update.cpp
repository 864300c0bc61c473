// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/core/ops/update_gate.hpp>

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/stable_sort.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

namespace newtape::core {
namespace {

using kernels::parallel_grain;

const kernels::UpdateKernels& kernels_for(std::string_view op, const Array& x) {
  expect_floating(op, x);
  const auto& table = kernels::select<kernels::UpdateTable>();
  return x.dtype() == f32 ? table.f32 : table.f64;
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

/// Updates `n` elements from element `at` of p and of the state by those from element `from` of g.
void work(const UpdateQueue::Job& job, std::int64_t at, std::int64_t from, std::int64_t n) {
  const std::int64_t offset = at * job.item;
  void* state[kernels::UpdateRules::max_states] = {};
  for (std::size_t k = 0; k < std::size(state); ++k)
    state[k] = job.state[k] == nullptr ? nullptr : job.state[k] + offset;
  job.kernel(job.p + offset, job.g + from * job.item, state, n, job.rule);
}

/// Updates by elements [begin, end) of g, which are whole rows where the job has rows.
void work(const UpdateQueue::Job& job, std::int64_t begin, std::int64_t end) {
  if (job.rows == nullptr) return work(job, begin, begin, end - begin);
  for (std::int64_t from = begin; from < end; from += job.width) {
    work(job, job.rows[from / job.width] * job.width, from, job.width);
  }
}

/// The number of elements of g that are updated at once: about `parallel_grain`, and whole rows where there are some.
std::int64_t piece_of(const UpdateQueue::Job& job) {
  return job.rows == nullptr ? parallel_grain : std::max<std::int64_t>(1, parallel_grain / job.width) * job.width;
}

/// The job of a rule on arrays that are checked to be alike, but for g.
UpdateQueue::Job job_of(std::string_view op, const AnyRule& rule, Array& p, const Array& g,
                        std::span<Array* const> state) {
  const auto& kernels = kernels_for(op, p);
  expect_like(op, "the parameter", p, p);
  constexpr const char* names[] = {"the first state array", "the second state array", "the third state array"};
  static_assert(std::size(names) == kernels::UpdateRules::max_states);
  UpdateQueue::Job job{kernels.of[rule.index],
                       at(p, 0),
                       at(g, 0),
                       {},
                       g.size(),
                       static_cast<std::int64_t>(item_size(p.dtype())),
                       nullptr,
                       0,
                       {}};
  for (std::size_t k = 0; k < state.size(); ++k) {
    expect_like(op, names[k], p, *state[k]);
    job.state[k] = at(*state[k], 0);
  }
  std::memcpy(job.rule, rule.coefficients, rule.size);
  return job;
}

}  // namespace

void update(std::string_view op, const AnyRule& rule, Array& p, const Array& g, std::span<Array* const> state,
            UpdateQueue* queue) {
  if (recorder() != nullptr && queue == nullptr) {
    const std::string name(op);
    const std::vector<std::byte> bytes(static_cast<const std::byte*>(rule.coefficients),
                                       static_cast<const std::byte*>(rule.coefficients) + rule.size);
    std::vector<Array*> targets{&p};
    targets.insert(targets.end(), state.begin(), state.end());
    const Array* const in[] = {&g};
    return recorder()->updated(
        op, targets, in, [name, bytes, index = rule.index](std::span<Array* const> t, Operands a) {
          update(name, AnyRule{index, bytes.data(), bytes.size()}, *t[0], *a[0], t.subspan(1), nullptr);
        });
  }
  expect_like(op, "the gradient", p, g);
  const UpdateQueue::Job job = job_of(op, rule, p, g, state);
  if (queue != nullptr) return queue->push(job);
  newtape::detail::parallel_for(p.size(), parallel_grain,
                                [&](std::int64_t begin, std::int64_t end) { work(job, begin, end); });
}

void update_rows(std::string_view op, const AnyRule& rule, Array& p, const Array& rows, const Array& g,
                 std::span<Array* const> state, UpdateQueue& queue) {
  Shape shape = p.shape();
  if (!shape.empty()) shape[0] = rows.size();
  if (rows.dtype() != i64 || !rows.is_contiguous() || rows.ndim() != 1 || g.shape() != shape || !g.is_contiguous() ||
      g.dtype() != p.dtype()) {
    raise<ShapeError>(std::string(op) + ": the rows of the gradient do not match the parameter",
                      describe(p) + ", i64 [k], and rows of its dtype and shape", describe(rows) + ", " + describe(g));
  }
  if (g.size() == 0) return;
  UpdateQueue::Job job = job_of(op, rule, p, g, state);
  job.rows = rows.data<std::int64_t>();
  job.width = g.size() / rows.size();
  queue.push(job);
}

void UpdateQueue::run() {
  // Empties the queue also when this throws: its jobs point to arrays that need not outlive the call.
  struct Emptied {
    UpdateQueue& queue;
    ~Emptied() { queue.clear(); }
  } const emptied{*this};
  const auto run_jobs = [this](std::size_t first, std::size_t last) {
    pieces_.clear();
    std::int64_t total = 0;
    for (std::size_t i = first; i < last; ++i) {
      total += jobs_[i].n;
      const std::int64_t piece = piece_of(jobs_[i]);
      for (std::int64_t begin = 0; begin < jobs_[i].n; begin += piece) {
        pieces_.push_back({i, begin, std::min(begin + piece, jobs_[i].n)});
      }
    }
    const auto count = static_cast<std::int64_t>(pieces_.size());
    // Groups small pieces into larger units of work.
    const std::int64_t grain =
        total <= parallel_grain ? count : std::max<std::int64_t>(1, count * parallel_grain / total);
    newtape::detail::parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Piece& piece = pieces_[static_cast<std::size_t>(i)];
        work(jobs_[piece.job], piece.begin, piece.end);
      }
    });
  };
  auto* const gate = UpdateGate::current();
  if (gate == nullptr) return run_jobs(0, jobs_.size());
  const auto order = [&](const Job& job) { return gate->order(job.g); };
  newtape::detail::stable_sort(jobs_, [&](const Job& a, const Job& b) { return order(a) < order(b); });
  for (std::size_t begin = 0; begin < jobs_.size();) {
    const auto place = order(jobs_[begin]);
    auto end = begin + 1;
    while (end < jobs_.size() && order(jobs_[end]) == place) ++end;
    gate->wait(place);
    run_jobs(begin, end);
    begin = end;
  }
}

UpdateGate*& UpdateGate::current() noexcept {
  thread_local UpdateGate* gate = nullptr;
  return gate;
}

void add_scaled(Array& p, const Array& x, double factor) {
  update("add_scaled", rules::SGD{.lr = -factor, .weight_decay = 0}, p, x, {});
}

void lerp_(Array& average, const Array& x, double share) {
  update("lerp_", rules::Average{.share = share}, average, x, {});
}

void sgd_step(Array& p, const Array& g, Array& v, const SGDStep& s, UpdateQueue* queue) {
  const char* const op = "sgd_step";
  const auto run = [&](const auto& rule, const auto& state) {
    if (s.threshold == 0) return update(op, rule, p, g, state, queue);
    using Rule = std::remove_cvref_t<decltype(rule)>;
    update(op, rules::SoftThreshold<Rule>{.rule = rule, .threshold = s.threshold}, p, g, state, queue);
  };
  if (s.momentum == 0) return run(rules::SGD{.lr = s.lr, .weight_decay = s.weight_decay}, StateArrays<0>());
  expect_like(op, "the momentum buffer", p, v);
  // v = momentum v + (1 - dampening) d; on the first step v = d, regardless of its contents.
  if (s.first) assign(v, zeros({}, v.dtype()));
  run(rules::SGDMomentum{.lr = s.lr,
                         .weight_decay = s.weight_decay,
                         .momentum = s.momentum,
                         .undamped = s.first ? 1 : 1 - s.dampening,
                         .nesterov = s.nesterov},
      StateArrays<1>(v));
}

rules::Adam AdamStep::rule() const {
  return {.moments = {.l2 = l2, .beta1 = beta1, .beta2 = beta2},
          .step = lr / bias1,
          .keep = 1 - decay,
          .eps = eps,
          .inverse_bias2 = 1 / bias2};
}

void adam_step(Array& p, const Array& g, Array& m, Array& v, const AdamStep& s, UpdateQueue* queue) {
  update("adam_step", s.rule(), p, g, {m, v}, queue);
}

double sum_squares(const Array& x) {
  if (recorder() != nullptr) recorder()->accessed(x);
  const auto& kernel = kernels_for("sum_squares", x);
  const Array y = contiguous(x);
  const std::int64_t blocks = (y.size() + parallel_grain - 1) / parallel_grain;
  if (blocks <= 1) return kernel.sum_squares(y.raw(), y.size());
  std::vector<double> parts(static_cast<std::size_t>(blocks));
  newtape::detail::parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
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
