// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/reducer.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/mpi/detail/link.hpp>
#include <newtape/mpi/detail/reducer_bucket.hpp>
#include <newtape/mpi/detail/shared_memory.hpp>
#include <newtape/mpi/detail/sums.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace newtape::mpi::detail {

using newtape::detail::parallel_for;

namespace {

constexpr std::int64_t alignment = 16;  // elements: a cache line of f32
constexpr std::int64_t grain = 1 << 15;

}  // namespace

Reducer::Reducer(Comm& comm, const ReducerOptions& options, const std::vector<Entry>& entries)
    : comm_(comm),
      options_(options),
      mine_{detail::first_shard(options.shards, comm.size, comm.rank),
            detail::first_shard(options.shards, comm.size, comm.rank + 1)},
      plan_(local_plan(options.shards, mine_, options.keeps_shards)) {
  std::vector<Subtree> all;
  for (int r = 0; r < comm.size; ++r) {
    subtrees_.push_back(subtrees(options.shards, {detail::first_shard(options.shards, comm.size, r),
                                                  detail::first_shard(options.shards, comm.size, r + 1)}));
    all.insert(all.end(), subtrees_.back().begin(), subtrees_.back().end());
  }
  program_ = final_program(options.shards, all);
  for (const auto& e : entries) {
    while (buckets_.size() <= e.bucket) {
      buckets_.push_back(std::make_unique<Bucket>());
      buckets_.back()->index = buckets_.size() - 1;
    }
    auto& b = *buckets_[e.bucket];
    b.dtype = e.dtype;
    b.wire = options.bf16 && e.dtype == f32 && comm.size > 1 ? bf16 : e.dtype;
    places_.push_back({.bucket = e.bucket, .offset = b.size, .size = e.size});
    b.size += (e.size + alignment - 1) / alignment * alignment;
    ++b.entries;
  }
  for (auto& b : buckets_) b->levels.resize(static_cast<std::size_t>(plan_.levels));
  // What is narrowed, and what a link delays, travels everywhere as between machines.
  shares_ = options.shared && !options.bf16 && !simulates_link() && !buckets_.empty() && can_share_memory(comm);
}

Reducer::~Reducer() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(thread_mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  leave_results();
  // MPI may still write to the memory of transfers that have not ended, after an error.
  for (auto& b : buckets_) {
    const auto running = [](MPI_Request r) { return r != MPI_REQUEST_NULL; };
    if (std::any_of(b->requests.begin(), b->requests.end(), running)) static_cast<void>(b.release());
  }
}

bool Reducer::holds_results() const noexcept {
  return std::any_of(buckets_.begin(), buckets_.end(),
                     [](const auto& b) { return b->shared.defined() && !b->shared.reusable(); });
}

void Reducer::allocate_levels(Bucket& b) {
  for (auto& level : b.levels) {
    if (level.defined() && level.reusable()) continue;
    level = core::zeros({b.size}, b.dtype);  // the gaps between entries stay zero
  }
}

void Reducer::begin(bool first, bool last, bool held) {
  if (first && shares_ && (memory_ == nullptr || held)) {
    copies_ = memory_ != nullptr;
    share();
  }
  first_ = first;
  last_ = last;
  shard_ = 0;
  for (auto& b : buckets_) {
    b->state = Bucket::State::filling;
    if (first) allocate_levels(*b);
  }
  if (first) {
    for (auto& place : places_) place.added = false;
  }
  if (!last) return;
  transfers_.clear();
  exposed_ = 0;
  bytes_sent_ = 0;
  open_ = buckets_.size();
  ++batch_;
  if (comm_.size == 1 || shares_ || !options_.thread) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  set_active(true);
}

void Reducer::set_active(bool active) {
  {
    const std::lock_guard lock(thread_mutex_);
    active_ = active;
  }
  if (active) wake_.notify_all();
}

void Reducer::begin_shard(double weight) {
  weight_ = weight;
  for (auto& place : places_) place.arrived = false;
  for (auto& b : buckets_) b->pending = b->entries;
}

/// False when x has elements that are not finite.
bool Reducer::combine(Place& place, const Array* x) {
  constexpr std::int64_t chunk = 2048;  // that stay in the nearest cache for all passes over them
  std::atomic<bool> finite{true};
  auto& bucket = *buckets_[place.bucket];
  const auto& step = plan_.steps[shard_];
  const bool fresh = !options_.keeps_shards || first_;
  const bool merges = !options_.keeps_shards || last_;
  visit_dtype(bucket.dtype, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const auto level = [&](int k) { return bucket.levels[static_cast<std::size_t>(k)].template data<T>(); };
      const auto work = [&](std::int64_t offset, std::int64_t n, const T* from, T w) {
        if (from != nullptr && !is_finite_range(from, n)) finite.store(false, std::memory_order_relaxed);
        accumulate(level(step.level) + offset, from, w, n, fresh);
        if (!merges) return;
        for (const auto m : step.merges) add_to(level(m.to) + offset, level(m.from) + offset, n);
      };
      const T* from = x == nullptr ? nullptr : x->template data<T>();
      parallel_for(place.size, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; i += chunk) {
          work(place.offset + i, std::min(chunk, end - i), from == nullptr ? nullptr : from + i,
               static_cast<T>(weight_));
        }
      });
    }
  });
  place.arrived = true;
  place.added |= x != nullptr;
  if (--bucket.pending == 0 && last_ && shard_ + 1 == plan_.steps.size()) launch(bucket);
  return finite;
}

bool Reducer::add(std::size_t entry, const Array& x) {
  auto& place = places_[entry];
  if (place.arrived) raise<ValueError>("mpi::DataParallel: a second gradient for a parameter in one sweep");
  const Array g = core::contiguous(x);
  const bool finite = combine(place, &g);
  if (last_ && comm_.size > 1) poll(false);
  return finite;
}

void Reducer::end_shard() {
  for (auto& place : places_) {
    if (!place.arrived) combine(place, nullptr);
  }
  ++shard_;
}

void Reducer::wait_for(const std::function<bool()>& done, const std::function<std::string()>& missing) {
  const double start = steady_seconds();
  comm_.wait(
      "the reduction of gradients",
      [&] {
        poll(true);
        return done();
      },
      missing);
  exposed_ += steady_seconds() - start;
}

void Reducer::finish(const std::function<std::string()>& missing) {
  active_ = false;
  wait_for([this] { return open_ == 0; }, missing);
}

void Reducer::finish_bucket(std::size_t bucket) {
  const bool active = active_.exchange(false);
  wait_for([&] { return buckets_[bucket]->state == Bucket::State::done; }, {});
  if (active) set_active(true);
}

std::size_t Reducer::bucket_at(const void* element) const noexcept {
  const auto within = [element](const auto& b) {
    const auto* const begin = static_cast<const std::byte*>(std::as_const(b->result()).raw());
    const auto* const end = begin + b->size * static_cast<std::int64_t>(item_size(b->dtype));
    return !std::less<>()(element, static_cast<const void*>(begin)) &&
           std::less<>()(element, static_cast<const void*>(end));
  };
  return static_cast<std::size_t>(std::find_if(buckets_.begin(), buckets_.end(), within) - buckets_.begin());
}

Array Reducer::result(std::size_t entry, const Shape& shape) const {
  const auto& place = places_[entry];
  Strides strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  Array view = Array::view_of(buckets_[place.bucket]->result(), shape, strides, place.offset);
  return copies_ ? core::copy(view) : view;
}

}  // namespace newtape::mpi::detail
