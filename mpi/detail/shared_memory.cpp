// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/shared_memory.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace newtape::mpi::detail {
namespace {

/// Never destroyed: others may refer to them to the end of the process.
std::vector<Array>& kept_arrays() {
  static auto* kept = new std::vector<Array>;
  return *kept;
}

/// Whether there is so much left where MPI has the files of shared memory. Open MPI hangs where there is not: rank 0 then
/// returns from a call that the others wait in.
bool has_room(std::size_t bytes) {
  const char* const elsewhere = std::getenv("OMPI_MCA_osc_sm_backing_directory");
  std::error_code unknown;
  const auto space = std::filesystem::space(elsewhere != nullptr ? elsewhere : "/dev/shm", unknown);
  return unknown || space.available > bytes + bytes / 8 + (std::size_t{1} << 20);
}

/// A window, or MPI_WIN_NULL where this machine has no memory for one. Rank 0 has all of its bytes.
MPI_Win make_window(Comm& comm, std::size_t bytes) {
  MPI_Errhandler before = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(comm.data, &before);
  MPI_Comm_set_errhandler(comm.data, MPI_ERRORS_RETURN);
  MPI_Win window = MPI_WIN_NULL;
  void* base = nullptr;
  const auto mine = static_cast<MPI_Aint>(comm.rank == 0 ? bytes : 0);
  const int result = MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, comm.data, &base, &window);
  MPI_Comm_set_errhandler(comm.data, before);
  MPI_Errhandler_free(&before);
  return result == MPI_SUCCESS ? window : MPI_WIN_NULL;
}

}  // namespace

void keep_while_used(const Array& x) {
  const std::lock_guard lock(mpi_mutex());
  auto& kept = kept_arrays();
  std::erase_if(kept, [](const Array& k) { return k.reusable(); });  // ours alone
  kept.push_back(x);
}

void free_windows(Comm& comm, bool all) {
  const std::lock_guard lock(mpi_mutex());
  if (comm.windows.empty()) return;
  std::erase_if(kept_arrays(), [](const Array& k) { return k.reusable(); });
  std::vector<std::uint8_t> free;
  for (const auto& w : comm.windows) free.push_back(all || w.user.expired() ? 1 : 0);
  MPI_Allreduce(MPI_IN_PLACE, free.data(), static_cast<int>(free.size()), MPI_UINT8_T, MPI_MIN, comm.data);
  std::vector<SharedWindow> kept;
  for (std::size_t i = 0; i < free.size(); ++i) {
    auto& w = comm.windows[i];
    if (free[i] == 0) {
      kept.push_back(std::move(w));
      continue;
    }
    MPI_Win_unlock_all(w.window);
    MPI_Win_free(&w.window);
  }
  comm.windows = std::move(kept);
}

std::shared_ptr<std::byte> allocate_shared(Comm& comm, std::size_t bytes) {
  const std::lock_guard lock(mpi_mutex());
  free_windows(comm, false);
  int room = has_room(bytes) ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &room, 1, MPI_INT, MPI_MIN, comm.data);
  if (room == 0) return nullptr;
  MPI_Win window = make_window(comm, bytes);
  int usable = window != MPI_WIN_NULL ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &usable, 1, MPI_INT, MPI_MIN, comm.data);
  if (usable == 0) return nullptr;  // a window that only some ranks have cannot be given back
  MPI_Aint size = 0;
  int unit = 0;
  void* base = nullptr;
  MPI_Win_shared_query(window, 0, &size, &unit, &base);
  MPI_Win_lock_all(MPI_MODE_NOCHECK, window);  // for its life: ranks synchronise by atomic counters within it
  // Only counts who uses the memory, which belongs to the window.
  std::shared_ptr<std::byte> memory(static_cast<std::byte*>(base), [](std::byte*) {});
  comm.windows.push_back({window, memory});
  return memory;
}

}  // namespace newtape::mpi::detail
