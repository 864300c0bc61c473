// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/reducer.hpp>

#include <newtape/core/array/half.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>

namespace newtape::mpi::detail {

using newtape::detail::bfloat_to_float;
using newtape::detail::float_to_bfloat;
using newtape::detail::parallel_for;

namespace {

constexpr int first_tag = 16;
constexpr std::int64_t alignment = 16;  // elements: a cache line of f32
constexpr std::int64_t grain = 1 << 15;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::atomic<double> link_latency{0};
std::atomic<double> link_seconds_per_byte{0};
double link_free = 0;  // guarded by the mutex of MPI

/// When a transfer that starts now ends on the simulated link.
double simulated_end(std::int64_t bytes) {
  const double latency = link_latency;
  const double per_byte = link_seconds_per_byte;
  if (latency == 0 && per_byte == 0) return 0;
  link_free = std::max(now(), link_free) + latency + per_byte * static_cast<double>(bytes);
  return link_free;
}

template <class T>
bool is_finite_range(const T* x, std::int64_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = sizeof(T) == 4 ? Bits{0x7F800000U} : static_cast<Bits>(0x7FF0000000000000ULL);
  Bits bad = 0;
  for (std::int64_t i = 0; i < n; ++i) bad |= static_cast<Bits>((std::bit_cast<Bits>(x[i]) & exponent) == exponent);
  return bad == 0;
}

/// to = w x, or to += w x; two roundings in either case, without fused multiply-adds.
template <class T>
void accumulate(T* to, const T* x, T w, std::int64_t n, bool fresh) {
  if (x == nullptr) {
    if (fresh) std::fill(to, to + n, T(0));
    return;
  }
  if (fresh) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = w * x[i];
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const T term = w * x[i];
    to[i] += term;
  }
}

template <class T>
void add_to(T* to, const T* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
}

void narrow(std::uint16_t* to, const float* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = float_to_bfloat(from[i]);
}
void widen(float* to, const std::uint16_t* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = bfloat_to_float(from[i]);
}

std::byte* at(Array& x, std::int64_t element) {
  return static_cast<std::byte*>(x.raw()) + element * static_cast<std::int64_t>(item_size(x.dtype()));
}

}  // namespace

void simulate_link(double latency_seconds, double bytes_per_second) noexcept {
  link_latency = latency_seconds;
  link_seconds_per_byte = bytes_per_second > 0 ? 1 / bytes_per_second : 0;
}

struct Reducer::Bucket {
  enum class State : std::uint8_t { filling, scattering, gathering, done };
  std::size_t index = 0;
  DType dtype = f32;
  DType wire = f32;
  std::int64_t size = 0;  ///< elements, flags among them
  std::size_t entries = 0;
  std::size_t pending = 0;  ///< entries that the last shard has not added
  State state = State::done;
  std::vector<Array> levels;
  std::vector<Array> incoming;  ///< my segment of the subtrees of all ranks in order; undefined for my own
  std::vector<Array> staged;    ///< my subtrees as they travel, when narrowed
  Array gathered;               ///< the result as it travels, when narrowed
  std::vector<MPI_Request> requests;
  double start = 0, ready_at = 0;
};

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

std::int64_t Reducer::segment(const Bucket& bucket, int rank) const noexcept { return bucket.size * rank / comm_.size; }

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

void Reducer::launch(Bucket& bucket) {
  const std::lock_guard lock(mpi_mutex());
  bucket.start = now();
  bucket.requests.clear();
  bucket.state = Bucket::State::scattering;
  if (comm_.size > 1) send_subtrees(bucket);
  poll(true);
}

void Reducer::send_subtrees(Bucket& b) {
  const auto me = static_cast<std::size_t>(comm_.rank);
  const auto type = b.wire == bf16 ? MPI_UINT16_T : mpi_type(b.wire);
  const int tag = first_tag + 2 * static_cast<int>(b.index);
  const auto my_size = segment(b, comm_.rank + 1) - segment(b, comm_.rank);
  std::int64_t sent = 0;
  b.incoming.resize(0);
  for (std::size_t r = 0; r < subtrees_.size(); ++r) {
    for (std::size_t k = 0; k < subtrees_[r].size(); ++k) {
      b.incoming.push_back(r == me ? Array() : Array::empty({my_size}, b.wire));
      if (r == me) continue;
      b.requests.emplace_back();
      MPI_Irecv(b.incoming.back().raw(), static_cast<int>(my_size), type, static_cast<int>(r), tag, comm_.data,
                &b.requests.back());
    }
  }
  b.staged.resize(0);
  for (const int level : plan_.results) {
    Array& sum = b.levels[static_cast<std::size_t>(level)];
    if (b.wire != b.dtype) {
      b.staged.push_back(Array::empty({b.size}, b.wire));
      narrow(static_cast<std::uint16_t*>(b.staged.back().raw()), sum.data<float>(), b.size);
    }
    Array& from = b.wire != b.dtype ? b.staged.back() : sum;
    for (int r = 0; r < comm_.size; ++r) {
      if (r == comm_.rank) continue;
      const auto n = segment(b, r + 1) - segment(b, r);
      b.requests.emplace_back();
      MPI_Isend(at(from, segment(b, r)), static_cast<int>(n), type, r, tag, comm_.data, &b.requests.back());
      sent += n * static_cast<std::int64_t>(item_size(b.wire));
    }
  }
  bytes_sent_ += sent;
  b.ready_at = simulated_end(sent);
}

bool Reducer::test(Bucket& b) {
  int complete = 1;
  if (!b.requests.empty()) {
    MPI_Testall(static_cast<int>(b.requests.size()), b.requests.data(), &complete, MPI_STATUSES_IGNORE);
  }
  return complete != 0 && (b.ready_at == 0 || now() >= b.ready_at);
}

template <class T>
void Reducer::sum_segment(Bucket& b) {
  constexpr std::int64_t chunk = 1024;
  std::vector<const void*> leaves;  // of my segment
  const auto begin = segment(b, comm_.rank);
  const auto size = segment(b, comm_.rank + 1) - begin;
  std::size_t k = 0;
  std::size_t own = 0;
  for (std::size_t r = 0; r < subtrees_.size(); ++r) {
    for (std::size_t i = 0; i < subtrees_[r].size(); ++i, ++k) {
      const bool mine = static_cast<int>(r) == comm_.rank;
      leaves.push_back(mine ? b.levels[static_cast<std::size_t>(plan_.results[own++])].template data<T>() + begin
                            : b.incoming[k].raw());
    }
  }
  const auto is_narrow = [&](std::size_t leaf) { return b.wire != b.dtype && b.incoming[leaf].defined(); };
  T* out = b.levels[0].template data<T>() + begin;
  const T scale = static_cast<T>(scale_);
  std::vector<std::array<T, chunk>> stack(program_.size());
  for (std::int64_t i = 0; i < size; i += chunk) {
    const auto n = std::min(chunk, size - i);
    std::size_t top = 0;
    for (const int p : program_) {
      if (p < 0) {
        --top;
        add_to(stack[top - 1].data(), stack[top].data(), n);
        continue;
      }
      const auto leaf = static_cast<std::size_t>(p);
      T* to = stack[top++].data();
      if (!is_narrow(leaf)) {
        std::memcpy(to, static_cast<const T*>(leaves[leaf]) + i, static_cast<std::size_t>(n) * sizeof(T));
      } else if constexpr (std::is_same_v<T, float>) {
        widen(to, static_cast<const std::uint16_t*>(leaves[leaf]) + i, n);
      }
    }
    for (std::int64_t j = 0; j < n; ++j) out[i + j] = stack[0][static_cast<std::size_t>(j)] * scale;
  }
}

void Reducer::send_segment(Bucket& b) {
  const auto begin = segment(b, comm_.rank);
  const auto size = segment(b, comm_.rank + 1) - begin;
  const auto type = b.wire == bf16 ? MPI_UINT16_T : mpi_type(b.wire);
  const int tag = first_tag + 2 * static_cast<int>(b.index) + 1;
  if (b.wire != b.dtype) {
    b.gathered = Array::empty({b.size}, b.wire);
    narrow(static_cast<std::uint16_t*>(b.gathered.raw()) + begin, b.levels[0].data<float>() + begin, size);
  }
  Array& result = b.wire != b.dtype ? b.gathered : b.levels[0];
  for (int r = 0; r < comm_.size; ++r) {
    if (r == comm_.rank) continue;
    const auto n = static_cast<int>(segment(b, r + 1) - segment(b, r));
    b.requests.emplace_back();
    MPI_Irecv(at(result, segment(b, r)), n, type, r, tag, comm_.data, &b.requests.back());
    b.requests.emplace_back();
    MPI_Isend(at(result, begin), static_cast<int>(size), type, r, tag, comm_.data, &b.requests.back());
  }
  const auto sent = size * (comm_.size - 1) * static_cast<std::int64_t>(item_size(b.wire));
  bytes_sent_ += sent;
  b.ready_at = simulated_end(sent);
}

void Reducer::advance(Bucket& b) {
  transfers_.push_back({b.index, b.state == Bucket::State::gathering, b.start, now()});
  b.start = now();
  b.requests.clear();
  b.ready_at = 0;
  if (b.state == Bucket::State::scattering) {
    if (b.dtype == f64) {
      sum_segment<double>(b);
    } else {
      sum_segment<float>(b);
    }
    b.state = Bucket::State::gathering;
    if (comm_.size > 1) return send_segment(b);
  } else if (b.wire != b.dtype) {
    widen(b.levels[0].data<float>(), static_cast<const std::uint16_t*>(b.gathered.raw()), b.size);
  }
  b.state = Bucket::State::done;
  --open_;
}

void Reducer::poll(bool must) {
  std::unique_lock lock(mpi_mutex(), std::defer_lock);
  if (must) {
    lock.lock();
  } else if (!lock.try_lock()) {
    return;
  }
  for (auto& b : buckets_) {
    const bool runs = b->state == Bucket::State::scattering || b->state == Bucket::State::gathering;
    if (runs && test(*b)) advance(*b);
  }
}

void Reducer::run() {
  while (true) {
    {
      std::unique_lock lock(thread_mutex_);
      wake_.wait(lock, [this] { return stop_ || active_; });
      if (stop_) return;
    }
    poll(false);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

void Reducer::finish(const std::function<std::string()>& missing) {
  const double start = now();
  active_ = false;
  comm_.wait(
      "the reduction of gradients",
      [this] {
        poll(true);
        return open_ == 0;
      },
      missing);
  exposed_ = now() - start;
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
