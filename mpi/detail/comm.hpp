// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/mpi/error.hpp>

// The C interface only.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace newtape::mpi::detail {

/// What a rank is about to do; exchanged before it is done, so that ranks which disagree say so instead of hanging.
enum class Call : std::int32_t {
  all_reduce,
  broadcast,
  all_gather,
  reduce_scatter,
  barrier,
  split,
  backward,
  finish,
  leave
};

struct Header {
  std::int64_t number = 0;  ///< of the call within the group
  Call call = Call::barrier;
  std::int32_t dtype = 0;
  std::int64_t size = 0;  ///< elements; a call that allows different ones ignores it
  std::int64_t more = 0;  ///< root or operation: equal on all ranks
  std::int64_t rows = 0;  ///< may differ
  std::int64_t held = 0;  ///< may differ
};

/// Serialises all calls of MPI, which several threads of this process make.
std::recursive_mutex& mpi_mutex();

/// Memory that the ranks of a machine share, and whether this one uses it.
struct SharedWindow {
  MPI_Win window = MPI_WIN_NULL;
  std::weak_ptr<std::byte> user;
};

/// A communicator with its bookkeeping. Of one rank it may have no MPI at all.
struct Comm {
  MPI_Comm data = MPI_COMM_NULL;     ///< arrays
  MPI_Comm control = MPI_COMM_NULL;  ///< headers
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  int threads = 1 << 20;  ///< that this rank may run, see thread_share
  bool crowded = false;   ///< more ranks on this machine than processors: who waits sleeps, so that others can work
  double timeout = 0;
  bool options_set = false;
  std::int64_t calls = 0;
  std::vector<SharedWindow> windows;  ///< in the order in which all ranks made them

  /// Calls `done` (with the mutex) until it returns true. Error when a rank has failed; TimeoutError, whose text `missing`
  /// may extend.
  void wait(std::string_view what, const std::function<bool()>& done, const std::function<std::string()>& missing = {});
  /// Waits for requests, all of which are then inactive.
  void wait(std::string_view what, std::vector<MPI_Request>& requests);
  /// The headers of all ranks. Error unless they agree; `same_size` compares their sizes, too.
  std::vector<Header> agree(Header mine, bool same_size = true);
};

/// A running exchange of small messages of known sizes, one from each rank, by rank.
class Exchange {
 public:
  /// `sizes` are the numbers of bytes from each rank. Its messages have the tag `tag` of the control communicator.
  Exchange(Comm& comm, int tag, const void* mine, const std::vector<std::size_t>& sizes);
  Exchange(Exchange&&) noexcept = default;
  Exchange& operator=(Exchange&&) = delete;
  /// Requests that have not completed keep their memory for ever: MPI may still write to it.
  ~Exchange();
  bool test();
  void wait(std::string_view what);
  /// "nothing from rank 1, 2": those whose messages have not arrived; empty when all have.
  std::string missing() const;
  const std::byte* from(int rank) const { return buffers_[static_cast<std::size_t>(rank)].data(); }
  template <class T>
  const T& as(int rank) const {
    return *reinterpret_cast<const T*>(from(rank));
  }

 private:
  Comm* comm_;
  std::vector<std::vector<std::byte>> buffers_;
  std::vector<std::byte> mine_;
  std::vector<MPI_Request> receives_;  ///< by rank
  std::vector<MPI_Request> sends_;
};

/// Error unless the headers agree; describes the first rank that differs from rank 0.
void check_headers(Comm& comm, const std::vector<Header>& headers, bool same_size);
/// Declares this process's groups broken and throws E.
[[noreturn]] void break_down(const std::string& message, bool timeout = false);
/// Throws the Error of the failure that this process knows of: its own or, received now, that of another rank.
void check_failures();
/// Sends the message to all other processes.
void announce_failure(std::string_view message) noexcept;
/// Whether MPI runs; when not, all groups have one rank.
bool uses_mpi() noexcept;

/// "f32 [2, 3]"-like text of what a header announces.
std::string describe(const Header& header);

/// The type for MPI of elements that travel as they are.
MPI_Datatype mpi_type(DType dtype);

/// The communicator of all processes, made at the first call.
Comm& world();
/// Duplicates `from` twice and fills in the numbers of ranks.
void set_up(Comm& comm, MPI_Comm from, double timeout);

}  // namespace newtape::mpi::detail
