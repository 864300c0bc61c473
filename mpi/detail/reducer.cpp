// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/reducer.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/mpi/detail/link.hpp>
#include <newtape/mpi/detail/reducer_bucket.hpp>
#include <newtape/mpi/detail/sums.hpp>

#include <algorithm>

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
    places_.push_back({e.bucket, b.size, e.size, 0});
    b.size += (e.size + alignment - 1) / alignment * alignment;
    ++b.entries;
  }
  for (auto& place : places_) place.flag = buckets_[place.bucket]->size++;
  for (auto& b : buckets_) b->levels.resize(static_cast<std::size_t>(plan_.levels));
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
  // MPI may still write to the memory of transfers that have not ended, after an error.
  for (auto& b : buckets_) {
    const auto running = [](MPI_Request r) { return r != MPI_REQUEST_NULL; };
    if (std::any_of(b->requests.begin(), b->requests.end(), running)) static_cast<void>(b.release());
  }
}

void Reducer::begin(bool first, bool last) {
  first_ = first;
  last_ = last;
  shard_ = 0;
  for (auto& b : buckets_) {
    b->state = Bucket::State::filling;
    if (!first) continue;
    for (auto& level : b->levels) {
      if (level.defined() && level.reusable()) continue;
      level = core::zeros({b->size}, b->dtype);  // the gaps between entries stay zero
    }
  }
  if (!last) return;
  transfers_.clear();
  bytes_sent_ = 0;
  open_ = buckets_.size();
  if (comm_.size == 1 || !options_.thread) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  {
    const std::lock_guard lock(thread_mutex_);
    active_ = true;
  }
  wake_.notify_all();
}

void Reducer::begin_shard(double weight) {
  weight_ = weight;
  for (auto& place : places_) place.arrived = false;
  for (auto& b : buckets_) b->pending = b->entries;
}

void Reducer::combine(Place& place, const Array* x) {
  auto& bucket = *buckets_[place.bucket];
  const auto& step = plan_.steps[shard_];
  const bool fresh = !options_.keeps_shards || first_;
  const bool merges = !options_.keeps_shards || last_;
  visit_dtype(bucket.dtype, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const auto level = [&](int k) { return bucket.levels[static_cast<std::size_t>(k)].template data<T>(); };
      const auto work = [&](std::int64_t offset, std::int64_t n, const T* from, T w) {
        accumulate(level(step.level) + offset, from, w, n, fresh);
        if (!merges) return;
        for (const auto m : step.merges) add_to(level(m.to) + offset, level(m.from) + offset, n);
      };
      const T* from = x == nullptr ? nullptr : x->template data<T>();
      parallel_for(place.size, grain, [&](std::int64_t begin, std::int64_t end) {
        work(place.offset + begin, end - begin, from == nullptr ? nullptr : from + begin, static_cast<T>(weight_));
      });
      const T one = 1;
      work(place.flag, 1, x == nullptr ? nullptr : &one, one);
    }
  });
  place.arrived = true;
  if (--bucket.pending == 0 && last_ && shard_ + 1 == plan_.steps.size()) launch(bucket);
}

bool Reducer::add(std::size_t entry, const Array& x) {
  auto& place = places_[entry];
  if (place.arrived) raise<ValueError>("mpi::DataParallel: a second gradient for a parameter in one sweep");
  const Array g = core::contiguous(x);
  const bool finite =
      g.dtype() == f64 ? is_finite_range(g.data<double>(), g.size()) : is_finite_range(g.data<float>(), g.size());
  combine(place, &g);
  if (last_ && comm_.size > 1) poll(false);
  return finite;
}

void Reducer::end_shard() {
  for (auto& place : places_) {
    if (!place.arrived) combine(place, nullptr);
  }
  ++shard_;
}

void Reducer::finish(const std::function<std::string()>& missing) {
  const double start = steady_seconds();
  active_ = false;
  comm_.wait(
      "the reduction of gradients",
      [this] {
        poll(true);
        return open_ == 0;
      },
      missing);
  exposed_ = steady_seconds() - start;
}

bool Reducer::used(std::size_t entry) const {
  const auto& place = places_[entry];
  const Array& sum = buckets_[place.bucket]->levels[0];
  return sum.dtype() == f64 ? sum.data<double>()[place.flag] != 0 : sum.data<float>()[place.flag] != 0;
}

Array Reducer::result(std::size_t entry, const Shape& shape) const {
  const auto& place = places_[entry];
  Strides strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return Array::view_of(buckets_[place.bucket]->levels[0], shape, strides, place.offset);
}

}  // namespace newtape::mpi::detail
