// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/engine.hpp>

#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/mpi/consistency.hpp>
#include <newtape/mpi/detail/arriving_gradients.hpp>
#include <newtape/mpi/detail/buckets.hpp>
#include <newtape/mpi/detail/comm.hpp>
#include <newtape/mpi/detail/layout.hpp>
#include <newtape/mpi/detail/messages.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

namespace newtape::mpi {
namespace {

constexpr int end_tag = 3;

/// What each rank tells the others when its sweeps are done, followed by the losses of its shards times their rows.
struct Report {
  std::int64_t rows = 0;
  std::int64_t not_finite = -1;  ///< the first parameter whose gradient is not finite
};

/// The default generator of this thread, set back at the end of the scope.
class GeneratorGuard {
 public:
  GeneratorGuard() : before_(default_generator()) {}
  GeneratorGuard(const GeneratorGuard&) = delete;
  GeneratorGuard& operator=(const GeneratorGuard&) = delete;
  ~GeneratorGuard() { default_generator() = before_; }

 private:
  Generator before_;
};

DataParallelOptions checked(const DataParallelOptions& o, int ranks) {
  if (o.shards != 0 && o.shards < ranks) {
    raise<ValueError>("mpi::DataParallel: every rank needs a shard",
                      fmt::format("shards >= {} (the ranks), or 0 for one each", ranks), fmt::format("{}", o.shards));
  }
  if (!(o.bucket_mb > 0) || !(o.first_bucket_mb > 0) || o.check_every < 0 || !(o.max_norm >= 0)) {
    raise<ValueError>("mpi::DataParallel: invalid options", "sizes of buckets > 0, check_every >= 0, max_norm >= 0");
  }
  return o;
}

std::int64_t rows_of(const data::Batch& batch) {
  if (batch.size() == 0 || batch[0].ndim() == 0) {
    raise<ShapeError>("mpi::DataParallel: a batch needs rows", "arrays [n, ..]");
  }
  for (const auto& x : batch) {
    if (x.ndim() != 0 && x.shape()[0] == batch[0].shape()[0]) continue;
    raise<ShapeError>("mpi::DataParallel: the arrays of a batch must have as many rows", describe(batch[0]),
                      describe(x));
  }
  return batch[0].shape()[0];
}

data::Batch rows(const data::Batch& batch, std::int64_t begin, std::int64_t end) {
  std::vector<Array> parts;
  for (const auto& x : batch) parts.push_back(core::slice(x, 0, begin, end));
  return data::Batch(std::move(parts));
}

Array wide(const Array& x) { return x.dtype() == f32 ? x : core::cast(x, f64); }

}  // namespace

DataParallel::Engine::Engine(const nn::ModuleBase& model, const Group& group, const DataParallelOptions& options)
    : model_(model), group_(group), options_(checked(options, group.size())), optimizer_shards_(group) {
  check_same_layout("model", state(), group_);
  take_from_first_rank();
  watch();
  build(detail::completed_order({}, params_.size()));
}

/// Parameters and buffers become those of rank 0, in one call.
void DataParallel::Engine::take_from_first_rank() {
  if (group_.size() == 1) return;
  std::vector<Array> values;
  std::vector<detail::Piece> pieces;
  for (const auto& [name, x] : state()) {
    values.push_back(group_.rank() == 0 ? core::contiguous(x) : Array::empty(x.shape(), x.dtype()));
    pieces.push_back({const_cast<void*>(std::as_const(values.back()).raw()), detail::byte_size(values.back()), 0});
  }
  detail::broadcast_pieces(group_, "the model of rank 0", pieces);
  if (group_.rank() == 0) return;
  auto value = values.begin();
  for (const auto& [name, p] : model_.named_parameters()) p.set_value(Tensor(std::move(*value++)));
  for (const auto& [name, b] : model_.named_buffers()) b.set_value(Tensor(std::move(*value++)));
}

DataParallel::Engine::~Engine() {
  for (auto& hook : hooks_) hook.remove();
}

void DataParallel::Engine::accumulate(int k) {
  if (k < 1 || call_ != 0) {
    raise<ValueError>("mpi::DataParallel::accumulate: invalid number, or within the batches that are added up",
                      "k >= 1, between two reductions", fmt::format("k = {}", k));
  }
  k_ = k;
  build(order_);
}

Tensor DataParallel::Engine::backward(const data::Batch& batch, const LossFunction& loss, bool late) {
  late_ = late;
  if (plain()) {
    late_ = false;
    const UserCode code;
    const Tensor value = loss(batch);
    value.backward();
    return value.detach();
  }
  sweeping_ = false;
  Tensor mean;
  try {
    mean = sharded(batch, loss);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    if (group_.size() > 1) group_.fail(e.what());
    throw;
  }
  // Known to all ranks, so that they may go on after it.
  if (options_.error_if_nonfinite && bad_rank_ >= 0) {
    if (late_) reducer_->finish({});
    raise_not_finite();
  }
  deliver_if_reduced();
  return mean;
}

bool DataParallel::Engine::can_step_late(const optim::Optimizer& optimizer) const {
  return options_.overlap_step && group_.size() > 1 && ordered_ && !options_.shard_optimizer &&
         options_.max_norm == 0 && detail::updates_wait_for_gradients(optimizer);
}

void DataParallel::Engine::step_late(optim::Optimizer& optimizer) {
  const auto complete = [this] {
    reducer_->finish({});
    deliver_buffers();
  };
  try {
    const detail::ArrivingGradients gate(*reducer_);
    optimizer.step();
  } catch (const Error&) {
    throw;
  } catch (...) {
    complete();  // as on the other ranks
    throw;
  }
  complete();
}

NamedArrays DataParallel::Engine::state() const {
  NamedArrays all;
  for (const auto& [name, p] : model_.named_parameters()) all.emplace_back(name, p.value());
  for (const auto& [name, b] : model_.named_buffers()) all.emplace_back(name, b.value());
  return all;
}

DataParallel::Statistics DataParallel::Engine::statistics() const {
  Statistics s;
  const auto& all = reducer_->transfers();
  if (!all.empty()) {
    double start = all[0].start;
    double end = all[0].end;
    for (const auto& t : all) start = std::min(start, t.start), end = std::max(end, t.end);
    s.seconds = end - start;
  }
  s.exposed_seconds = reducer_->exposed_seconds();
  s.bytes = reducer_->bytes_sent();
  s.buckets = buckets_;
  return s;
}

/// Registers hooks on the trainable parameters, again when some were frozen, unfrozen or converted since.
bool DataParallel::Engine::watch() {
  std::vector<Parameter> now;
  std::vector<const void*> nodes;
  for (const auto& p : model_.parameters()) {
    if (!p.requires_grad()) continue;
    now.push_back(p);
    nodes.push_back(p.tensor().node().get());
  }
  if (nodes == nodes_ && !hooks_.empty()) return false;
  for (auto& hook : hooks_) hook.remove();
  hooks_.clear();
  params_ = std::move(now);
  nodes_ = std::move(nodes);
  for (std::size_t i = 0; i < params_.size(); ++i) {
    hooks_.push_back(params_[i].register_hook([this, i](const Tensor& g) {
      if (sweeping_) arrived(i, g.value());
      return Tensor();
    }));
  }
  return true;
}

/// Plans the buckets for gradients that arrive in this order.
void DataParallel::Engine::build(const std::vector<std::size_t>& order) {
  order_ = order;
  auto plan = detail::plan_buckets(params_, order, model_.buffers(), {options_.bucket_mb, options_.first_bucket_mb});
  buffers_ = std::move(plan.buffers);
  buckets_ = plan.buckets;
  reducer_ = std::make_unique<detail::Reducer>(group_.comm(),
                                               detail::ReducerOptions{.shards = shards(),
                                                                      .keeps_shards = k_ > 1,
                                                                      .bf16 = options_.bf16,
                                                                      .thread = options_.progress_thread,
                                                                      .shared = options_.shared_memory},
                                               plan.entries);
}

void DataParallel::Engine::arrived(std::size_t i, const Array& g) {
  if (!learnt_) arrivals_.push_back(i);
  if (!reducer_->add(i, g) && not_finite_ < 0) not_finite_ = static_cast<std::int64_t>(i);
}

DataParallel::Engine::Span DataParallel::Engine::agree(const data::Batch& batch) {
  const auto own = rows_of(batch);
  const auto headers = group_.comm().agree({.call = detail::Call::backward,
                                            .size = options_.local_batches ? 0 : own,
                                            .more = static_cast<std::int64_t>(params_.size()) * 1'000 + k_,
                                            .rows = own,
                                            .held = reducer_->holds_results() ? 1 : 0});
  held_ = std::any_of(headers.begin(), headers.end(), [](const auto& h) { return h.held != 0; });
  if (!options_.local_batches) return {own, 0};
  std::int64_t all = 0;
  for (const auto& h : headers) all += h.rows;
  const auto offset = detail::first_row(all, shards(), reducer_->first_shard());
  const auto end = detail::first_row(all, shards(), reducer_->first_shard() + reducer_->local_shards());
  if (end - offset != own) {
    raise<ValueError>("mpi::DataParallel: this rank's rows are not those of its shards",
                      fmt::format("{} of {} rows", end - offset, all), fmt::format("{} rows", own));
  }
  return {all, offset};
}

/// The loss of one shard, and its gradients, which the hooks take.
double DataParallel::Engine::sweep(const data::Batch& part, const LossFunction& loss, double weight) {
  const UserCode code;
  const Tensor value = loss(part);
  sweeping_ = true;
  value.backward();
  sweeping_ = false;
  for (const auto& p : params_) p.zero_grad();
  return value.item<double>() * weight;
}

/// What the shard has changed in the buffers, which are then set back.
void DataParallel::Engine::add_buffers(const std::vector<Tensor>& before) {
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const Array change = core::sub(wide(buffers_[i].value()), wide(before[i].value()));
    reducer_->add(params_.size() + i, change);
    buffers_[i].set_value(before[i]);
  }
}

std::vector<double> DataParallel::Engine::sweep_shards(const data::Batch& batch, const LossFunction& loss, Span span) {
  std::vector<Tensor> before;
  for (const auto& b : buffers_) before.push_back(Tensor(core::copy(b.value())));
  const std::uint64_t seed = default_generator().next();
  const GeneratorGuard guard;
  std::vector<double> losses;
  for (int i = 0; i < reducer_->local_shards(); ++i) {
    const int shard = reducer_->first_shard() + i;
    const auto begin = detail::first_row(span.rows, shards(), shard);
    const auto end = detail::first_row(span.rows, shards(), shard + 1);
    const auto weight = static_cast<double>(end - begin);
    reducer_->begin_shard(weight);
    losses.push_back(0);
    if (begin < end) {
      default_generator() = Generator(seed).fork(static_cast<std::uint64_t>(shard));
      losses.back() = sweep(rows(batch, begin - span.offset, end - span.offset), loss, weight);
      add_buffers(before);
    }
    reducer_->end_shard();
    learnt_ = learnt_ || !arrivals_.empty();
  }
  return losses;
}

Tensor DataParallel::Engine::sharded(const data::Batch& batch, const LossFunction& loss) {
  if (watch()) build(detail::completed_order({}, params_.size()));
  const Span span = agree(batch);
  const bool first = call_ == 0;
  const bool last = call_ + 1 == k_;
  if (first) rows_ = 0, not_finite_ = -1;
  rows_ += span.rows;
  std::vector<Tensor> earlier;
  for (const auto& p : params_) {
    earlier.push_back(p.grad());
    p.zero_grad();
  }
  reducer_->begin(first, last, held_);
  reducer_->set_scale(1 / static_cast<double>(rows_));
  late_ = late_ && last && !reducer_->copies_results();
  const auto losses = sweep_shards(batch, loss, span);
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (earlier[i].defined()) params_[i].set_grad(earlier[i]);
  }
  call_ = last ? 0 : call_ + 1;
  return report(losses, span.rows);
}

/// Waits for the reports of all ranks, and for the sums unless they are late.
void DataParallel::Engine::wait_for_all(detail::Exchange& exchange) {
  const auto missing = [&] { return exchange.missing(); };
  if (call_ == 0 && !late_) reducer_->finish(missing);
  if (group_.size() == 1) return;
  const auto done = [&] {
    if (late_) reducer_->poll(true);
    return exchange.test();
  };
  group_.comm().wait("the end of backward", done, missing);
}

/// Exchanges losses, failures and what was used, and waits; returns the mean loss.
Tensor DataParallel::Engine::report(const std::vector<double>& losses, std::int64_t rows) {
  const Report mine{.rows = rows, .not_finite = not_finite_};
  std::vector<char> used;
  for (std::size_t i = 0; i < reducer_->entries(); ++i) used.push_back(reducer_->added(i) ? 1 : 0);
  const std::size_t bytes = losses.size() * sizeof(double);
  std::vector<std::byte> message(sizeof mine + bytes + used.size());
  std::memcpy(message.data(), &mine, sizeof mine);
  std::memcpy(message.data() + sizeof mine, losses.data(), bytes);
  if (!used.empty()) std::memcpy(message.data() + sizeof mine + bytes, used.data(), used.size());
  std::vector<std::size_t> sizes;
  const int ranks = group_.size();
  for (int r = 0; r < ranks; ++r) {
    const int n = detail::first_shard(shards(), ranks, r + 1) - detail::first_shard(shards(), ranks, r);
    sizes.push_back(sizeof mine + static_cast<std::size_t>(n) * sizeof(double) + used.size());
  }
  detail::Exchange exchange(group_.comm(), end_tag, message.data(), sizes);
  wait_for_all(exchange);
  std::vector<double> all;
  bad_rank_ = -1;
  used_.assign(used.size(), 0);
  for (int r = 0; r < ranks; ++r) {
    const auto n = (sizes[static_cast<std::size_t>(r)] - sizeof mine - used.size()) / sizeof(double);
    all.resize(all.size() + n);
    std::memcpy(all.data() + all.size() - n, exchange.from(r) + sizeof mine, n * sizeof(double));
    const auto* const theirs = exchange.from(r) + sizeof mine + n * sizeof(double);
    for (std::size_t i = 0; i < used.size(); ++i) used_[i] |= theirs[i] != std::byte{0} ? 1 : 0;
    const auto bad = exchange.as<Report>(r).not_finite;
    if (bad >= 0 && bad_rank_ < 0) bad_rank_ = r, bad_parameter_ = static_cast<std::size_t>(bad);
  }
  const DType dtype = params_.empty() ? f32 : params_[0].dtype();
  return Tensor(core::full({}, detail::tree_sum(all) / static_cast<double>(rows), dtype));
}

void DataParallel::Engine::raise_not_finite() {
  call_ = 0;
  std::string name = "a parameter";
  for (const auto& [key, p] : model_.named_parameters()) {
    if (p == params_[bad_parameter_]) name = key;
  }
  raise<NumericalError>(fmt::format("mpi::DataParallel: the gradient of {} on rank {} is not finite", name, bad_rank_),
                        "finite numbers (or error_if_nonfinite = false)");
}

void DataParallel::Engine::deliver_if_reduced() {
  if (call_ != 0) return;
  const auto has_gradient = [](const Parameter& p) { return p.grad().defined(); };
  if (late_ && std::any_of(params_.begin(), params_.end(), has_gradient)) {  // to which ours are added
    reducer_->finish({});
    late_ = false;
  }
  deliver_gradients();
  if (!late_) deliver_buffers();
  if (!ordered_) use_learnt_order();
}

void DataParallel::Engine::deliver_gradients() {
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (used_[i] == 0) continue;
    const Array g = reducer_->result(i, params_[i].shape());
    const Tensor earlier = params_[i].grad();
    params_[i].set_grad(Tensor(earlier.defined() ? core::add(earlier.value(), g) : g));
  }
}

void DataParallel::Engine::deliver_buffers() {
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const auto entry = params_.size() + i;
    if (used_[entry] == 0) continue;
    const auto& b = buffers_[i];
    Array value = core::add(wide(b.value()), reducer_->result(entry, b.shape()));
    if (b.dtype() != f32 && b.dtype() != f64) value = core::cast(core::round(value), b.dtype());
    b.set_value(Tensor(std::move(value)));
  }
}

/// Buckets in the order in which the gradients of rank 0's first sweep arrived; those that did not come last.
void DataParallel::Engine::use_learnt_order() {
  ordered_ = true;
  const auto order = detail::completed_order(arrivals_, params_.size());
  Array shared = Array::empty({static_cast<std::int64_t>(order.size())}, i64);
  std::copy(order.begin(), order.end(), shared.data<std::int64_t>());
  shared = group_.broadcast(shared);
  const auto* from = shared.data<std::int64_t>();
  arrivals_.clear();
  // Gradients refer to the memory of the buckets so far, which therefore outlives them.
  build({from, from + shared.size()});
}

}  // namespace newtape::mpi
