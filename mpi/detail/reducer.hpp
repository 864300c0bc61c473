// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/mpi/detail/buckets.hpp>
#include <newtape/mpi/detail/comm.hpp>
#include <newtape/mpi/detail/shard_tree.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace newtape::mpi::detail {

struct ReducerOptions {
  int shards = 1;             ///< of all ranks together
  bool keeps_shards = false;  ///< several batches are added to each shard before the reduction
  bool bf16 = false;          ///< f32 travels as bf16
  bool thread = true;         ///< a thread makes progress, too
  bool shared = true;         ///< ranks of one machine add in memory that they share
};

/// A transfer of a bucket, for timelines; seconds of the steady clock.
struct Transfer {
  std::size_t bucket;
  bool gathers;  ///< the second phase
  double start, end;
};

/// Adds the tensors of all shards in the order of the tree, bucket by bucket, while the last sweep goes on. A bucket is
/// cut into one segment for each rank: each rank receives the subtrees' sums of its segment from all others, adds them,
/// and sends the result to all. Every rank sends and receives 2 (ranks - 1) / ranks times the bucket at most times its
/// number of subtrees in the first half, as in a ring, and the order of the sum does not depend on who has which shard.
///
/// Ranks of one machine write their subtrees' sums to memory that all see, and count what is there; each adds its segment
/// where it stands. Nothing is copied, and no thread is needed, as all work is that of `poll`.
class Reducer {
 public:
  Reducer(Comm& comm, const ReducerOptions& options, const std::vector<Entry>& entries);
  Reducer(const Reducer&) = delete;
  Reducer& operator=(const Reducer&) = delete;
  ~Reducer();

  int first_shard() const noexcept { return mine_.begin; }
  int local_shards() const noexcept { return mine_.end - mine_.begin; }

  /// Whether something refers to the results, whose memory is then not overwritten.
  bool holds_results() const noexcept;
  /// A batch: of the first the levels are set, of the last the sums are sent. `held`: on any rank, see holds_results.
  void begin(bool first, bool last, bool held);
  /// The next local shard, whose tensors are weighted.
  void begin_shard(double weight);
  /// The tensor of this shard. Entries that are not added count as zeros. False when it has elements that are not finite.
  bool add(std::size_t entry, const Array& x);
  void end_shard();
  /// After `begin` with `last`: what the sums are multiplied by. Before the first shard ends.
  void set_scale(double scale) noexcept { scale_ = scale; }
  /// Waits for the sums; `missing` says whose gradients have not come.
  void finish(const std::function<std::string()>& missing);
  /// Waits for those of one bucket.
  void finish_bucket(std::size_t bucket);

  std::size_t buckets() const noexcept { return buckets_.size(); }
  std::size_t entries() const noexcept { return places_.size(); }
  /// Whether any shard of this rank has added it since the first batch.
  bool added(std::size_t entry) const { return places_[entry].added; }
  /// Whether `result` copies, and so needs sums that are complete.
  bool copies_results() const noexcept { return copies_; }
  /// The bucket whose results this memory belongs to; their number where none does.
  std::size_t bucket_at(const void* element) const noexcept;
  /// The sum, of this shape. Its memory is written by the next batch only when nothing else refers to it then: a view, or a
  /// copy of shared memory after results were held once.
  Array result(std::size_t entry, const Shape& shape) const;

  /// Lets running transfers go on; called by hooks and by the thread.
  void poll(bool must);

  double exposed_seconds() const noexcept { return exposed_; }  ///< waited in `finish`, in the last batch
  const std::vector<Transfer>& transfers() const noexcept { return transfers_; }
  std::int64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  struct Bucket;
  struct Place {
    std::size_t bucket;
    std::int64_t offset, size;
    bool arrived = false;  ///< of this shard
    bool added = false;    ///< of any since the first batch
  };
  struct Link;

  std::int64_t segment(const Bucket& bucket, int rank) const noexcept;
  bool combine(Place& place, const Array* x);
  void share();
  void leave_results();
  void allocate_levels(Bucket& bucket);
  std::atomic<std::uint64_t>& counter(int rank, std::size_t bucket, bool of_sums) const noexcept;
  bool all_reach(std::size_t bucket, bool of_sums) const noexcept;
  void launch(Bucket& bucket);
  void send_subtrees(Bucket& bucket);
  bool test(Bucket& bucket);
  void advance(Bucket& bucket);
  std::vector<const void*> leaves(Bucket& bucket, std::int64_t begin) const;
  template <class T>
  void sum_segment(Bucket& bucket);
  void send_segment(Bucket& bucket);
  void receive_segments(Bucket& bucket);
  void wait_for(const std::function<bool()>& done, const std::function<std::string()>& missing);
  void set_active(bool active);
  void run();

  Comm& comm_;
  ReducerOptions options_;
  Subtree mine_;
  LocalPlan plan_;
  std::vector<std::vector<Subtree>> subtrees_;  ///< of each rank
  std::vector<int> program_;
  std::vector<std::unique_ptr<Bucket>> buckets_;
  std::vector<Place> places_;
  std::shared_ptr<std::byte> memory_;  ///< shared: counters, results, the subtrees of each rank
  bool shares_ = false, copies_ = false;
  std::uint64_t batch_ = 0;  ///< that is reduced, in this memory
  std::size_t shard_ = 0;
  bool first_ = true, last_ = true;
  double weight_ = 1, scale_ = 1;
  std::size_t open_ = 0;  ///< buckets that are not done
  double exposed_ = 0;
  std::int64_t bytes_sent_ = 0;
  std::vector<Transfer> transfers_;

  std::thread thread_;
  std::mutex thread_mutex_;
  std::condition_variable wake_;
  std::atomic<bool> active_{false};        ///< this thread does not wait, but computes
  std::atomic<std::size_t> in_flight_{0};  ///< buckets that travel
  std::atomic<std::size_t> advances_{0};   ///< phases of buckets that have ended
  bool stop_ = false;
};

}  // namespace newtape::mpi::detail
