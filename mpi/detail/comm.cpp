// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/comm.hpp>
#include <newtape/mpi/detail/launched.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/platform.hpp>
#include <newtape/mpi/detail/link.hpp>
#include <newtape/mpi/detail/processors.hpp>
#include <newtape/mpi/detail/shared_memory.hpp>
#include <newtape/mpi/detail/spans.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>

namespace newtape::mpi::detail {

bool launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "MPI_LOCALNRANKS"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

namespace {

constexpr int header_tag = 1;
constexpr int failure_tag = 2;
constexpr int leave_tag = 3;
/// What a rank that leaves has sent arrives within this time.
constexpr double leave_seconds = 1.5;

struct State {
  std::recursive_mutex mutex;
  bool running = false;               ///< MPI runs
  bool ours = false;                  ///< this library initialised it
  MPI_Comm failures = MPI_COMM_NULL;  ///< of all processes
  std::string broken;                 ///< why the groups are of no use; empty: they are
  std::atomic<bool> is_broken{false};
  bool leaving = false;
  int left = -1;  ///< a rank of all that has reached the end of its program
  double left_at = 0;
  Comm world;
};

/// Never destroyed: what ends the process uses it.
State& state() {
  static auto* s = new State;
  return *s;
}

[[noreturn]] void abort_all() {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::abort();
}

/// An exception that nothing caught: ends all processes with its message.
[[noreturn]] void terminate_all() {
  std::string text = "an exception";
  if (const auto e = std::current_exception()) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& error) {
      text = error.what();
    } catch (...) {
    }
  }
  std::fprintf(stderr, "newtape: rank %d of %d ended by: %s\n", state().world.rank, state().world.size, text.c_str());
  announce_failure(text);
  abort_all();
}

/// Kept for ever: nobody waits for these messages.
void send_to_all(int tag, std::string_view message) {
  auto& s = state();
  const std::lock_guard lock(s.mutex);
  const auto* text = new std::string(message.substr(0, 2000));
  for (int to = 0; to < s.world.size; ++to) {
    if (to == s.world.rank) continue;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(text->data(), static_cast<int>(text->size()), MPI_CHAR, to, tag, s.failures, &request);
    MPI_Request_free(&request);
  }
}

/// At the end of the process: the ranks leave together. One that leaves while others go on is an error on all.
void leave() {
  auto& s = state();
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) return;
  if (s.is_broken) abort_all();
  s.leaving = true;
  send_to_all(leave_tag, "");
  try {
    Header mine;
    mine.call = Call::leave;
    s.world.agree(mine);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "newtape: rank %d of %d, at its end: %s\n", s.world.rank, s.world.size, e.what());
    abort_all();
  }
  free_windows(s.world, true);
  MPI_Finalize();
}

void start() {
  auto& s = state();
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized == 0 && !launched()) return;
  if (initialized == 0) {
    int level = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level);
    if (level < MPI_THREAD_SERIALIZED) {
      throw Error(error_message("mpi: this MPI cannot be called by several threads", "MPI_THREAD_SERIALIZED",
                                fmt::format("level {}", level)));
    }
    s.ours = true;
  }
  s.running = true;
  MPI_Comm_dup(MPI_COMM_WORLD, &s.failures);
  set_up(s.world, MPI_COMM_WORLD, 0);
  if (s.ours) {
    std::atexit(leave);
    std::set_terminate(terminate_all);
  }
}

/// The threads of this rank, one of those of a machine.
int local_thread_share(MPI_Comm local) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(local, &rank);
  MPI_Comm_size(local, &size);
  const auto own = affinity();
  std::vector<char> mine(own.begin(), own.end());
  std::vector<char> all(max_processors * static_cast<std::size_t>(size));
  MPI_Allgather(mine.data(), max_processors, MPI_CHAR, all.data(), max_processors, MPI_CHAR, local);
  std::vector<ProcessorMask> masks;
  for (auto at = all.begin(); at != all.end(); at += max_processors) masks.emplace_back(at, at + max_processors);
  // What the control group leaves, where that is less than the mask.
  const auto allowed = std::count(own.begin(), own.end(), true);
  const int available = platform::available_processors();
  const double quota = available < allowed ? available : 0;
  return thread_share(masks, static_cast<std::size_t>(rank), quota);
}

const char* name_of(Call call) {
  constexpr const char* names[] = {"all_reduce", "broadcast", "all_gather",          "reduce_scatter",        "barrier",
                                   "split",      "backward",  "the end of backward", "the end of the program"};
  return names[static_cast<std::size_t>(call)];
}

}  // namespace

std::recursive_mutex& mpi_mutex() { return state().mutex; }

bool uses_mpi() noexcept { return state().running; }

Comm& world() {
  static const bool started = (start(), true);
  static_cast<void>(started);
  return state().world;
}

void set_up(Comm& comm, MPI_Comm from, double timeout) {
  const std::lock_guard lock(mpi_mutex());
  MPI_Comm_dup(from, &comm.data);
  MPI_Comm_dup(from, &comm.control);
  MPI_Comm_rank(comm.data, &comm.rank);
  MPI_Comm_size(comm.data, &comm.size);
  MPI_Comm local = MPI_COMM_NULL;
  MPI_Comm_split_type(from, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
  MPI_Comm_rank(local, &comm.local_rank);
  MPI_Comm_size(local, &comm.local_size);
  comm.threads = local_thread_share(local);
  comm.crowded = comm.local_size > platform::available_processors();
  MPI_Comm_free(&local);
  comm.timeout = timeout;
}

void break_down(const std::string& message, bool timeout) {
  auto& s = state();
  {
    const std::lock_guard lock(s.mutex);
    if (s.broken.empty()) s.broken = message;
    s.is_broken = true;
  }
  announce_failure(message);
  if (timeout) throw TimeoutError(message);
  throw Error(message);
}

void announce_failure(std::string_view message) noexcept {
  auto& s = state();
  static std::atomic<bool> announced{false};
  if (!s.running || s.failures == MPI_COMM_NULL || announced.exchange(true)) return;
  const std::lock_guard lock(s.mutex);
  s.is_broken = true;
  if (s.broken.empty()) s.broken.assign(message);
  send_to_all(failure_tag, message);
}

void check_failures() {
  auto& s = state();
  if (!s.running) return;
  const std::lock_guard lock(s.mutex);
  if (!s.is_broken) {
    int arrived = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, failure_tag, s.failures, &arrived, &status);
    if (arrived == 0) return;
    int length = 0;
    MPI_Get_count(&status, MPI_CHAR, &length);
    std::string text(static_cast<std::size_t>(length), ' ');
    MPI_Recv(text.data(), length, MPI_CHAR, status.MPI_SOURCE, failure_tag, s.failures, MPI_STATUS_IGNORE);
    // A failure that is passed on names its rank already.
    s.broken = text.starts_with("mpi: ") ? text : fmt::format("mpi: rank {} has failed: {}", status.MPI_SOURCE, text);
    s.is_broken = true;
  }
  throw Error(s.broken);
}

namespace {
/// Error in a call that waits for a rank which has left.
void check_left(std::string_view what) {
  auto& s = state();
  if (!s.running || s.leaving) return;
  const std::lock_guard lock(s.mutex);
  if (s.left < 0) {
    int arrived = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, leave_tag, s.failures, &arrived, &status);
    if (arrived == 0) return;
    s.left = status.MPI_SOURCE;
    s.left_at = steady_seconds();
  }
  if (steady_seconds() - s.left_at < leave_seconds) return;
  break_down(error_message(fmt::format("mpi: rank {} waits in {}", s.world.rank, what), "all ranks to come",
                           fmt::format("rank {}: the end of the program", s.left)));
}

}  // namespace

void Comm::wait(std::string_view what, const std::function<bool()>& done, const std::function<std::string()>& missing) {
  const double start = steady_seconds();
  for (std::int64_t i = 0;; ++i) {
    {
      const std::lock_guard lock(mpi_mutex());
      if (done()) {
        if (records_spans()) {
          record_span({.track = "calls", .name = std::string(what), .start = start, .end = steady_seconds()});
        }
        return;
      }
      if (i % 64 == 0) check_failures();
    }
    if (i < (crowded ? 4 : 200)) continue;  // a few tens of microseconds
    if (crowded) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    } else {
      std::this_thread::yield();
    }
    if (i % 64 != 0) continue;
    const double seconds = steady_seconds() - start;
    check_left(what);
    if (seconds > 1) std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (timeout > 0 && seconds > timeout) {
      const std::lock_guard lock(mpi_mutex());
      break_down(error_message(fmt::format("mpi: rank {} waited too long in {}", rank, what),
                               fmt::format("all ranks within {} s", timeout), missing ? missing() : std::string()),
                 true);
    }
  }
}

void Comm::wait(std::string_view what, std::vector<MPI_Request>& requests) {
  wait(what, [&] {
    int complete = 0;
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &complete, MPI_STATUSES_IGNORE);
    return complete != 0;
  });
}

std::string describe(const Header& h) {
  std::string text = name_of(h.call);
  if (h.call < Call::barrier) text += fmt::format(" of {} {}", h.size, name(static_cast<DType>(h.dtype)));
  return text + fmt::format(" (call {})", h.number);
}

void check_headers(Comm& comm, const std::vector<Header>& headers, bool same_size) {
  const auto& first = headers[0];
  for (int r = 1; r < comm.size; ++r) {
    const auto& h = headers[static_cast<std::size_t>(r)];
    const bool same = h.call == first.call && h.dtype == first.dtype && h.more == first.more &&
                      h.number == first.number && (!same_size || h.size == first.size);
    if (same) continue;
    break_down(error_message(
        "mpi: the ranks do not make the same call", fmt::format("rank 0: {}", describe(first)),
        fmt::format("rank {}: {}{}", r, describe(h),
                    h.call == first.call && h.more != first.more ? ", with another root, operation or model" : "")));
  }
}

std::vector<Header> Comm::agree(Header mine, bool same_size) {
  mine.number = calls++;
  std::vector<Header> headers{mine};
  if (size == 1) return headers;
  check_failures();
  Exchange exchange(*this, header_tag, &mine, std::vector(static_cast<std::size_t>(size), sizeof(Header)));
  exchange.wait(describe(mine));
  headers.clear();
  for (int r = 0; r < size; ++r) headers.push_back(exchange.as<Header>(r));
  check_headers(*this, headers, same_size);
  return headers;
}

Exchange::Exchange(Comm& comm, int tag, const void* mine, const std::vector<std::size_t>& sizes)
    : comm_(&comm), receives_(sizes.size(), MPI_REQUEST_NULL) {
  const auto me = static_cast<std::size_t>(comm.rank);
  const auto* bytes = static_cast<const std::byte*>(mine);
  mine_.assign(bytes, bytes + sizes[me]);
  for (const auto n : sizes) buffers_.emplace_back(n);
  buffers_[me] = mine_;
  const std::lock_guard lock(mpi_mutex());
  for (std::size_t r = 0; r < sizes.size(); ++r) {
    if (r == me) continue;
    MPI_Irecv(buffers_[r].data(), static_cast<int>(sizes[r]), MPI_BYTE, static_cast<int>(r), tag, comm.control,
              &receives_[r]);
  }
  for (std::size_t r = 0; r < sizes.size(); ++r) {
    if (r == me) continue;
    sends_.emplace_back();
    MPI_Isend(mine_.data(), static_cast<int>(mine_.size()), MPI_BYTE, static_cast<int>(r), tag, comm.control,
              &sends_.back());
  }
}

Exchange::~Exchange() {
  const auto pending = [](const auto& requests) {
    return std::any_of(requests.begin(), requests.end(), [](MPI_Request r) { return r != MPI_REQUEST_NULL; });
  };
  if (!pending(receives_) && !pending(sends_)) return;
  new auto(std::move(buffers_));
  new auto(std::move(mine_));
}

bool Exchange::test() {
  int received = 0;
  int sent = 0;
  const std::lock_guard lock(mpi_mutex());
  MPI_Testall(static_cast<int>(receives_.size()), receives_.data(), &received, MPI_STATUSES_IGNORE);
  MPI_Testall(static_cast<int>(sends_.size()), sends_.data(), &sent, MPI_STATUSES_IGNORE);
  return received != 0 && sent != 0;
}

std::string Exchange::missing() const {
  std::string ranks;
  for (std::size_t r = 0; r < receives_.size(); ++r) {
    auto request = receives_[r];
    int complete = 0;
    if (request == MPI_REQUEST_NULL) continue;
    MPI_Request_get_status(request, &complete, MPI_STATUS_IGNORE);
    if (complete == 0) ranks += fmt::format("{}{}", ranks.empty() ? "" : ", ", r);
  }
  return ranks.empty() ? std::string() : "nothing from rank " + ranks;
}

void Exchange::wait(std::string_view what) {
  comm_->wait(
      what, [&] { return test(); }, [&] { return missing(); });
}

MPI_Datatype mpi_type(DType dtype) {
  switch (dtype) {
    case f32: return MPI_FLOAT;
    case f64: return MPI_DOUBLE;
    case i64: return MPI_INT64_T;
    default: return MPI_BYTE;
  }
}

}  // namespace newtape::mpi::detail
