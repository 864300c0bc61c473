// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/parallel.hpp>

#include <newtape/core/runtime/denormals.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/platform.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace newtape {
namespace {

int initial_threads() noexcept {
  if (const char* asked = std::getenv("NEWTAPE_NUM_THREADS")) {
    const long n = std::strtol(asked, nullptr, 10);
    if (n >= 1) return static_cast<int>(n < 1024 ? n : 1024);
  }
  return platform::available_processors();
}

std::atomic<int>& allowed_threads() noexcept {
  static std::atomic<int> n{initial_threads()};
  return n;
}

void relax() noexcept {
#if defined(__SSE2__)
  _mm_pause();
#endif
}

constinit thread_local bool inside = false;

/// Marks this thread as running a parallel_for; nested ones run serially.
class Inside {
 public:
  Inside() noexcept { inside = true; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { inside = false; }
};

/// One call. The partition into pieces is independent of the number of threads; threads claim pieces from a shared
/// counter.
struct Job {
  std::int64_t n, grain;
  void (*body)(void*, std::int64_t, std::int64_t);
  void* context;
  bool flushes_denormals = flush_denormal();  ///< of the caller; the same in all threads
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex{};
  std::exception_ptr error{};

  void work() noexcept {
    const Inside mark;
    while (true) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= n) return;
      try {
        body(context, begin, begin + grain < n ? begin + grain : n);
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(n, std::memory_order_relaxed);  // discard the pieces not yet claimed
      }
    }
  }
};

/// Runs one call at a time. A worker registers with a job while it is open, and the caller waits only for registered
/// workers: never for one that is asleep, not yet started, or absent after a fork.
class Pool {
 public:
  /// False if the pool is running another thread's call.
  bool run(Job& job, int helpers) {
    const std::unique_lock turn(turn_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    {
      const std::lock_guard lock(mutex_);
      start(helpers);
      job_ = &job;
      places_ = helpers;
      ticket_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.work();
    {
      const std::lock_guard lock(mutex_);
      job_ = nullptr;
    }
    // The other threads finish their last pieces within about the time of one piece: spin before sleeping.
    for (int i = 0; i < spins && working_.load(std::memory_order_acquire) != 0; ++i) relax();
    if (working_.load(std::memory_order_acquire) != 0) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return working_.load(std::memory_order_acquire) == 0; });
    }
    return true;
  }

 private:
  static constexpr int spins = 4000;  // about 50 microseconds: the gap between two operations of a training step

  void start(int helpers) {
    while (static_cast<int>(started_) < helpers) {
      try {
        std::thread([this] { serve(); }).detach();  // never joined: workers may outlive main, as does the pool
      } catch (...) {
        return;  // no more threads available: the caller does the work
      }
      ++started_;
    }
  }

  void serve() noexcept {
    std::uint64_t seen = 0;
    while (true) {
      for (int i = 0; i < spins && ticket_.load(std::memory_order_acquire) == seen; ++i) relax();
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return ticket_.load(std::memory_order_relaxed) != seen; });
        seen = ticket_.load(std::memory_order_relaxed);
        if (job_ == nullptr || places_ == 0) continue;
        --places_;
        job = job_;
        working_.fetch_add(1, std::memory_order_relaxed);
      }
      set_flush_denormal(job->flushes_denormals);
      job->work();
      const std::lock_guard lock(mutex_);
      if (working_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_all();
    }
  }

  std::mutex turn_;  ///< held for the duration of a call
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  int places_ = 0;
  std::size_t started_ = 0;
  std::atomic<std::uint64_t> ticket_{0};
  std::atomic<int> working_{0};
};

std::atomic<Pool*> the_pool{nullptr};

/// Never destroyed, as its workers are never joined. A forked child has no workers, so it creates a new pool.
Pool& pool_of_threads() {
  static std::mutex making;
  if (Pool* p = the_pool.load(std::memory_order_acquire)) return *p;
  const std::lock_guard lock(making);
  if (Pool* p = the_pool.load(std::memory_order_acquire)) return *p;
#if defined(__unix__) || defined(__APPLE__)
  static const int registered = pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); });
  static_cast<void>(registered);
#endif
  auto* p = new Pool;
  the_pool.store(p, std::memory_order_release);
  return *p;
}

}  // namespace

int num_threads() noexcept { return allowed_threads().load(std::memory_order_relaxed); }

void set_num_threads(int n) {
  if (n < 1) raise<ValueError>("set_num_threads: at least one thread is required", "n >= 1", std::to_string(n));
  allowed_threads().store(n, std::memory_order_relaxed);
}

namespace detail {

void parallel_for(std::int64_t n, std::int64_t grain, void (*body)(void*, std::int64_t, std::int64_t), void* context) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  const std::int64_t pieces = (n - 1) / grain + 1;
  const std::int64_t threads = pieces == 1 || inside ? 1 : std::min<std::int64_t>(num_threads(), pieces);
  if (threads > 1) {
    Job job{n, grain, body, context};
    if (pool_of_threads().run(job, static_cast<int>(threads - 1))) {
      if (job.error) std::rethrow_exception(job.error);
      return;
    }
  }
  // The same partition as with more threads, for callers that compute something once per piece.
  for (std::int64_t begin = 0; begin < n; begin += grain) body(context, begin, std::min(begin + grain, n));
}

}  // namespace detail
}  // namespace newtape
