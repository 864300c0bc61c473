// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/array_like.hpp>
#include <newtape/core/runtime/source_location.hpp>
#include <newtape/mpi/error.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>
#include <vector>

namespace newtape::mpi {

namespace detail {
struct Comm;
}

enum class ReduceOp : std::uint8_t { sum, mean, min, max };

struct GroupOptions {
  double timeout = 1800;    ///< seconds to wait for the other ranks, then TimeoutError; 0: for ever
  bool set_threads = true;  ///< divides the processors of a machine among its ranks, unless NEWTAPE_NUM_THREADS is set;
                            ///< those that only some ranks may use, among these
};

/// The processes that `mpirun` started, or some of them (`split`). Without `mpirun` it has one rank, and its calls
/// return their arguments. Copies refer to the same group.
///
/// All ranks call the same functions in the same order with the same shapes and dtypes; Error, on all ranks, names the
/// rank that does not. An exception that nothing catches on one rank ends all processes with its message. The calls take
/// f32, f64, f16, bf16 and i64 (DTypeError); halves are added as f32. Sums depend on the number of ranks, not on timing.
/// Errors name the line of the call. A group that was moved from throws ValueError.
class Group {
 public:
  /// All processes, with the options that were set last. MPI is initialised by the first group, and finalised when the
  /// process ends.
  Group();
  /// Sets the options of the group of all processes. ValueError.
  explicit Group(const GroupOptions& options, SourceLocation at = SourceLocation::current());

  int rank() const;
  int size() const;
  /// Among the ranks on this machine.
  int local_rank() const;
  int local_size() const;

  /// The sum (..) over ranks of each element. `mean` needs floats.
  Array all_reduce(const ArrayLike& x, ReduceOp op = ReduceOp::sum,
                   SourceLocation at = SourceLocation::current()) const;
  /// The array of rank `root`, on all ranks.
  Array broadcast(const ArrayLike& x, int root = 0, SourceLocation at = SourceLocation::current()) const;
  /// The arrays of all ranks, joined along the first axis, whose lengths may differ. 0-d ones give [size].
  Array all_gather(const ArrayLike& x, SourceLocation at = SourceLocation::current()) const;
  /// The part of this rank of the sum (..) of x [n, ..]; the parts have n / size rows. ShapeError unless that is whole.
  Array reduce_scatter(const ArrayLike& x, ReduceOp op = ReduceOp::sum,
                       SourceLocation at = SourceLocation::current()) const;
  /// Returns when all ranks have called it.
  void barrier(SourceLocation at = SourceLocation::current()) const;
  /// The group of the ranks that give the same color (at least 0), in the order of `key`, then of their ranks here.
  Group split(int color, int key = 0, SourceLocation at = SourceLocation::current()) const;

  /// Tells the other ranks that this one has failed: their current or next call throws Error with this message.
  void fail(std::string_view message) const noexcept;

  /// The same group.
  friend bool operator==(const Group& a, const Group& b) noexcept { return a.comm_ == b.comm_; }
  /// For the other parts of this folder.
  detail::Comm& comm() const;

 private:
  explicit Group(std::shared_ptr<detail::Comm> comm) : comm_(std::move(comm)) {}
  std::shared_ptr<detail::Comm> comm_;
};

}  // namespace newtape::mpi
