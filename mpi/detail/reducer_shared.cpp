// SPDX-License-Identifier: BSD-3-Clause
// The buckets of a Reducer in memory that the ranks of a machine share.
#include <newtape/mpi/detail/reducer_bucket.hpp>
#include <newtape/mpi/detail/shared_memory.hpp>

#include <algorithm>
#include <memory>
#include <new>

namespace newtape::mpi::detail {
namespace {

constexpr std::size_t line = 64;    // bytes: no counter shares its cache line
constexpr std::size_t page = 4096;  // of the writer's memory, where the system divides it among processors

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// `bytes` of it as an array that keeps all of the memory.
Array array_on(const std::shared_ptr<std::byte>& memory, std::byte* at, std::int64_t size, DType dtype) {
  auto owner = std::make_unique<std::shared_ptr<std::byte>>(memory);
  Array x =
      Array::adopt({size}, dtype, at, owner.get(), [](void* p) { delete static_cast<std::shared_ptr<std::byte>*>(p); });
  static_cast<void>(owner.release());
  return x;
}

}  // namespace

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// How many buckets `rank` has written, or added up, of its bucket: of batches, in fact.
std::atomic<std::uint64_t>& Reducer::counter(int rank, std::size_t bucket, bool of_sums) const noexcept {
  const auto at = (static_cast<std::size_t>(rank) * buckets_.size() + bucket) * 2 + (of_sums ? 1 : 0);
  return *std::launder(reinterpret_cast<std::atomic<std::uint64_t>*>(memory_.get() + at * line));
}

bool Reducer::all_reach(std::size_t bucket, bool of_sums) const noexcept {
  for (int r = 0; r < comm_.size; ++r) {
    if (counter(r, bucket, of_sums).load(std::memory_order_acquire) < batch_) return false;
  }
  return true;
}

void Reducer::leave_results() {
  for (auto& b : buckets_) {
    if (b->shared.defined() && !b->shared.reusable()) keep_while_used(b->shared);
    b->shared = Array();
  }
}

/// Allocates memory for all ranks, where that is possible.
void Reducer::share() {
  const auto bytes = [](const Bucket& b) {
    return rounded(static_cast<std::size_t>(b.size) * item_size(b.dtype), line);
  };
  std::size_t of_bucket = 0;
  for (const auto& b : buckets_) of_bucket += bytes(*b);
  of_bucket = rounded(of_bucket, page);
  const std::size_t results = rounded(2 * line * buckets_.size() * static_cast<std::size_t>(comm_.size), page);
  std::size_t copies = 1;
  for (const auto& of_rank : subtrees_) copies += of_rank.size();
  leave_results();
  memory_ = allocate_shared(comm_, results + copies * of_bucket);
  shares_ = memory_ != nullptr;
  batch_ = 0;
  if (!shares_) return;
  std::byte* at = memory_.get() + results;
  for (auto& b : buckets_) {
    b->shared = array_on(memory_, at, b->size, b->dtype);
    b->subtrees.clear();
    std::size_t copy = 1;
    for (int r = 0; r < comm_.size; ++r) {
      for (std::size_t k = 0; k < subtrees_[static_cast<std::size_t>(r)].size(); ++k, ++copy) {
        std::byte* const subtree = at + copy * of_bucket;
        b->subtrees.push_back(subtree);
        if (r == comm_.rank) {
          b->levels[static_cast<std::size_t>(plan_.results[k])] = array_on(memory_, subtree, b->size, b->dtype);
        }
      }
    }
    at += bytes(*b);
  }
}

}  // namespace newtape::mpi::detail
