// SPDX-License-Identifier: BSD-3-Clause
// How the buckets of a Reducer travel: subtrees' sums of each segment to its rank, and its sum to all.
#include <newtape/core/array/half.hpp>
#include <newtape/mpi/detail/link.hpp>
#include <newtape/mpi/detail/reducer_bucket.hpp>
#include <newtape/mpi/detail/spans.hpp>
#include <newtape/mpi/detail/sums.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

namespace newtape::mpi::detail {

using newtape::detail::bfloat_to_float;
using newtape::detail::float_to_bfloat;

namespace {

constexpr int first_tag = 16;

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

std::int64_t Reducer::segment(const Bucket& bucket, int rank) const noexcept { return bucket.size * rank / comm_.size; }

void Reducer::launch(Bucket& bucket) {
  if (shares_) {
    bucket.start = steady_seconds();
    bucket.state = Bucket::State::scattering;
    counter(comm_.rank, bucket.index, false).store(batch_, std::memory_order_release);
    return;
  }
  const std::lock_guard lock(mpi_mutex());
  bucket.start = steady_seconds();
  bucket.requests.clear();
  bucket.state = Bucket::State::scattering;
  if (comm_.size > 1) send_subtrees(bucket);
  ++in_flight_;
  set_active(active_);
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
  if (shares_) return all_reach(b.index, b.state == Bucket::State::gathering);
  int complete = 1;
  if (!b.requests.empty()) {
    MPI_Testall(static_cast<int>(b.requests.size()), b.requests.data(), &complete, MPI_STATUSES_IGNORE);
  }
  return complete != 0 && (b.ready_at == 0 || steady_seconds() >= b.ready_at);
}

/// Of my segment, which starts at `begin`: the subtrees of all ranks in order.
std::vector<const void*> Reducer::leaves(Bucket& b, std::int64_t begin) const {
  std::vector<const void*> found;
  if (shares_) {
    for (const auto* subtree : b.subtrees) {
      found.push_back(subtree + begin * static_cast<std::int64_t>(item_size(b.dtype)));
    }
    return found;
  }
  std::size_t k = 0;
  std::size_t own = 0;
  for (std::size_t r = 0; r < subtrees_.size(); ++r) {
    for (std::size_t i = 0; i < subtrees_[r].size(); ++i, ++k) {
      const bool mine = static_cast<int>(r) == comm_.rank;
      found.push_back(mine ? at(b.levels[static_cast<std::size_t>(plan_.results[own++])], begin) : b.incoming[k].raw());
    }
  }
  return found;
}

template <class T>
void Reducer::sum_segment(Bucket& b) {
  constexpr std::int64_t chunk = 1024;
  const auto begin = segment(b, comm_.rank);
  const auto size = segment(b, comm_.rank + 1) - begin;
  const auto of_all = leaves(b, begin);
  const auto is_narrow = [&](std::size_t leaf) { return b.wire != b.dtype && b.incoming[leaf].defined(); };
  T* out = b.result().template data<T>() + begin;
  const T scale = static_cast<T>(scale_);
  if (of_all.size() == 2 && b.wire == b.dtype) {  // two ranks: in one pass
    return add_scaled(out, static_cast<const T*>(of_all[0]), static_cast<const T*>(of_all[1]), scale, size);
  }
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
        std::memcpy(to, static_cast<const T*>(of_all[leaf]) + i, static_cast<std::size_t>(n) * sizeof(T));
      } else if constexpr (std::is_same_v<T, float>) {
        widen(to, static_cast<const std::uint16_t*>(of_all[leaf]) + i, n);
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
  ++advances_;
  const double end = steady_seconds();
  const bool gathers = b.state == Bucket::State::gathering;
  transfers_.push_back({b.index, gathers, b.start, end});
  if (records_spans()) {
    record_span({.track = "gradients",
                 .name = fmt::format("bucket {}, {}", b.index, gathers ? "gather" : "scatter"),
                 .start = b.start,
                 .end = end});
  }
  b.start = end;
  b.requests.clear();
  b.ready_at = 0;
  if (b.state == Bucket::State::scattering) {
    if (b.dtype == f64) {
      sum_segment<double>(b);
    } else {
      sum_segment<float>(b);
    }
    b.state = Bucket::State::gathering;
    if (shares_) {
      counter(comm_.rank, b.index, true).store(batch_, std::memory_order_release);
      return;
    }
    if (comm_.size > 1) return send_segment(b);
  } else if (b.wire != b.dtype) {
    widen(b.levels[0].data<float>(), static_cast<const std::uint16_t*>(b.gathered.raw()), b.size);
  }
  b.state = Bucket::State::done;
  --open_;
  if (!shares_) --in_flight_;
}

void Reducer::poll(bool must) {
  std::unique_lock lock(mpi_mutex(), std::defer_lock);
  if (shares_) {
    // This thread is the only one that works on the buckets.
  } else if (must) {
    lock.lock();
  } else if (!lock.try_lock()) {
    return;
  }
  for (auto& b : buckets_) {
    const bool runs = b->state == Bucket::State::scattering || b->state == Bucket::State::gathering;
    if (runs && test(*b)) advance(*b);
  }
}

/// Sleeps while nothing travels, and longer while nothing arrives: each time it wakes, it takes a processor from what computes.
void Reducer::run() {
  constexpr std::chrono::microseconds shortest(100), longest(800);
  auto nap = shortest;
  std::size_t seen = 0;
  while (true) {
    {
      std::unique_lock lock(thread_mutex_);
      wake_.wait(lock, [this] { return stop_ || (active_ && in_flight_ > 0); });
      if (stop_) return;
    }
    poll(false);
    const std::size_t steps = advances_;
    nap = steps != seen ? shortest : std::min(2 * nap, longest);
    seen = steps;
    std::this_thread::sleep_for(nap);
  }
}

}  // namespace newtape::mpi::detail
