// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/allocator.hpp>
#include <newtape/core/runtime/block_memory.hpp>

#include <atomic>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <unistd.h>
#endif

// Every block belongs to a size class computed from the requested size; blocks have no header.
//
//   small (up to 64 KB): one free list per class and thread, without locks or atomic read-modify-writes. A thread that
//                        caches more than 16 MB moves each of its lists as one batch to the shared pool; a thread
//                        with an empty list takes one batch.
//   large:               one free list per class, shared, behind a mutex. Blocks of 2 MB or more are aligned to
//                        huge pages.
//
// The shared pool keeps at most a quarter of the machine's memory and evicts the least recently used class first.

#if defined(__SANITIZE_ADDRESS__)
#define NEWTAPE_BYPASS_ALLOCATOR_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NEWTAPE_BYPASS_ALLOCATOR_CACHE 1
#endif
#endif

namespace newtape::allocator {
namespace {

constexpr std::int64_t max_cached_per_thread = std::int64_t{16} << 20;

std::int64_t max_cached_shared() noexcept {
#if defined(__linux__)
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 4;
#else
  return std::int64_t{2} << 30;
#endif
}

// --- free lists ---

/// Header stored in a free block. A batch is a chain of blocks; the lists of the shared pool chain batches.
struct Free {
  Free* next;
  Free* next_batch;     ///< in the first block of a batch only
  std::int64_t blocks;  ///< number of blocks, in the first block of a batch only
};

/// A counter with one writing thread and any number of readers: no locked instruction is needed.
class Counter {
 public:
  std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void set(std::int64_t v) noexcept { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t v) noexcept { set(get() + v); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Constant-initialised and trivially destructible, so access costs one instruction and is valid during the thread's
/// entire life. `limit` is 0 before the thread is registered and after it has ended: every call then takes the slow
/// path.
struct ThreadCache {
  Free* lists[small_classes];
  std::int64_t lengths[small_classes];
  std::int64_t limit;
  Counter live;
  Counter cached;
  ThreadCache* next;
  bool ended;
};

// Not of the model initial-exec: its memory is scarce, and a process could load few plugins that contain this library.
// Linkers turn accesses of a program into those of local-exec, whatever the model.
constinit thread_local ThreadCache local{};

class SharedPool {
 public:
  void* take(std::size_t c) noexcept {
    const std::lock_guard lock(mutex_);
    Class& k = classes_[c];
    if (k.batches == nullptr) return nullptr;
    mark_used(k);
    Free* first = k.batches;
    if (first->blocks == 1) {
      k.batches = first->next_batch;
    } else {
      Free* second = first->next;
      second->next_batch = first->next_batch;
      second->blocks = first->blocks - 1;
      k.batches = second;
    }
    cached_ -= static_cast<std::int64_t>(size_of_class(c));
    return first;
  }

  Free* take_batch(std::size_t c) noexcept {
    const std::lock_guard lock(mutex_);
    Class& k = classes_[c];
    Free* batch = k.batches;
    if (batch == nullptr) return nullptr;
    mark_used(k);
    k.batches = batch->next_batch;
    cached_ -= static_cast<std::int64_t>(size_of_class(c)) * batch->blocks;
    return batch;
  }

  void give_batch(std::size_t c, Free* first, std::int64_t blocks) noexcept {
    Free* evicted[classes];
    {
      const std::lock_guard lock(mutex_);
      first->next_batch = classes_[c].batches;
      first->blocks = blocks;
      classes_[c].batches = first;
      mark_used(classes_[c]);
      cached_ += static_cast<std::int64_t>(size_of_class(c)) * blocks;
      if (bound_ == 0) bound_ = max_cached_shared();
      if (cached_ <= bound_) return;
      evict(bound_ - bound_ / 4, evicted);
    }
    release(evicted);
  }

  void give(std::size_t c, void* block) noexcept { give_batch(c, new (block) Free{nullptr, nullptr, 1}, 1); }

  void trim() noexcept {
    Free* evicted[classes];
    {
      const std::lock_guard lock(mutex_);
      evict(0, evicted);
    }
    release(evicted);
  }

  void add(ThreadCache& t) noexcept {
    const std::lock_guard lock(mutex_);
    t.next = threads_;
    threads_ = &t;
  }
  void remove(ThreadCache& t) noexcept {
    const std::lock_guard lock(mutex_);
    ThreadCache** link = &threads_;
    while (*link != &t) link = &(*link)->next;
    *link = t.next;
    live_ += t.live.get();
    t.live.set(0);
  }
  /// For threads without a cache (not registered, or ended).
  void add_live(std::int64_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    live_ += bytes;
  }

  Stats stats() noexcept {
    const std::lock_guard lock(mutex_);
    std::int64_t live = live_;
    std::int64_t cached = cached_;
    for (const ThreadCache* t = threads_; t != nullptr; t = t->next) {
      live += t->live.get();
      cached += t->cached.get();
    }
    return {static_cast<std::size_t>(live), static_cast<std::size_t>(cached)};
  }

 private:
  struct Class {
    Free* batches = nullptr;
    std::uint64_t last_use = 0;
  };

  void mark_used(Class& k) noexcept { k.last_use = ++clock_; }

  /// Removes whole classes, least recently used first, until at most `goal` bytes are left.
  void evict(std::int64_t goal, Free* (&evicted)[classes]) noexcept {
    for (Free*& batches : evicted) batches = nullptr;
    while (cached_ > goal) {
      std::size_t oldest = classes;
      for (std::size_t c = 0; c < classes; ++c) {
        if (classes_[c].batches == nullptr) continue;
        if (oldest == classes || classes_[c].last_use < classes_[oldest].last_use) oldest = c;
      }
      if (oldest == classes) return;
      evicted[oldest] = classes_[oldest].batches;
      classes_[oldest].batches = nullptr;
      for (const Free* p = evicted[oldest]; p != nullptr; p = p->next_batch) {
        cached_ -= static_cast<std::int64_t>(size_of_class(oldest)) * p->blocks;
      }
    }
  }

  static void release(Free* (&evicted)[classes]) noexcept {
    for (std::size_t c = 0; c < classes; ++c) {
      for (Free* batch = evicted[c]; batch != nullptr;) {
        Free* const next_batch = batch->next_batch;
        for (Free* block = batch; block != nullptr;) {
          Free* const next = block->next;
          system_free(block, size_of_class(c));
          block = next;
        }
        batch = next_batch;
      }
    }
  }

  std::mutex mutex_;
  Class classes_[classes];
  ThreadCache* threads_ = nullptr;
  std::int64_t live_ = 0;
  std::int64_t cached_ = 0;
  std::int64_t bound_ = 0;
  std::uint64_t clock_ = 0;
};

/// Never destroyed: arrays in static variables are freed after this translation unit's statics are destroyed.
union Immortal {
#if defined(__MINGW32__)  // whose std::mutex has no constant initializer
  Immortal() : pool() {}
#else
  constexpr Immortal() : pool() {}
#endif
  ~Immortal() {}  // NOLINT(modernize-use-equals-default): a defaulted one would be deleted
  SharedPool pool;
};
#if !defined(__MINGW32__)
constinit
#endif
    Immortal immortal;

// --- the slow paths ---

void flush_to_shared(ThreadCache& t) noexcept {
  for (std::size_t c = 0; c < small_classes; ++c) {
    if (t.lists[c] == nullptr) continue;
    Free* const batch = t.lists[c];
    const auto blocks = t.lengths[c];
    t.lists[c] = nullptr;
    t.lengths[c] = 0;
    t.cached.add(-small_sizes[c] * blocks);
    immortal.pool.give_batch(c, batch, blocks);
  }
}

/// Unregisters the cache when the thread ends (ThreadCache has no destructor).
struct ThreadEnd {
  bool armed = false;
  ~ThreadEnd() {
    // Other thread-local objects of a translation unit may have constructed this one, without a registration.
    if (!armed) return;
    local.limit = 0;
    local.ended = true;
    flush_to_shared(local);
    immortal.pool.remove(local);
  }
};
thread_local ThreadEnd thread_end;

/// False if the thread has ended already.
bool register_thread(ThreadCache& t) noexcept {
  if (t.ended) return false;
  if (t.limit == 0) {
    thread_end.armed = true;  // the first access constructs the object and registers its destructor
    immortal.pool.add(t);
    t.limit = max_cached_per_thread;
  }
  return true;
}

void count_live(std::int64_t bytes) noexcept {
  if (register_thread(local)) {
    local.live.add(bytes);
  } else {
    immortal.pool.add_live(bytes);
  }
}

#if !defined(NEWTAPE_BYPASS_ALLOCATOR_CACHE)

void* allocate_from_system(std::size_t size) {
  void* block = system_allocate(size);
  if (block == nullptr) {
    trim();
    block = system_allocate(size);
    if (block == nullptr) throw std::bad_alloc();
  }
  return block;
}

[[gnu::noinline]] void* allocate_slow(std::size_t bytes) {
  if (bytes > largest_request) throw std::bad_alloc();
  const std::size_t c = class_of(bytes);
  void* block = nullptr;
  ThreadCache& t = local;
  if (c < small_classes && register_thread(t)) {
    if (Free* batch = immortal.pool.take_batch(c)) {
      t.lists[c] = batch->next;
      t.lengths[c] = batch->blocks - 1;
      t.cached.add(small_sizes[c] * (batch->blocks - 1));
      block = batch;
    }
  } else {
    block = immortal.pool.take(c);
  }
  if (block == nullptr) block = allocate_from_system(size_of_class(c));
  count_live(static_cast<std::int64_t>(bytes));
  return block;
}

[[gnu::noinline]] void deallocate_slow(void* block, std::size_t bytes) noexcept {
  const std::size_t c = class_of(bytes);
  count_live(-static_cast<std::int64_t>(bytes));
  ThreadCache& t = local;
  if (c >= small_classes || t.ended) {
    immortal.pool.give(c, block);
    return;
  }
  if (t.cached.get() + small_sizes[c] > t.limit) flush_to_shared(t);
  t.lists[c] = new (block) Free{t.lists[c], nullptr, 0};
  ++t.lengths[c];
  t.cached.add(small_sizes[c]);
}

#endif

}  // namespace

#if defined(NEWTAPE_BYPASS_ALLOCATOR_CACHE)

// Blocks are not cached, so that the sanitizer sees every use after free.
void* allocate(std::size_t bytes) {
  if (bytes > largest_request) throw std::bad_alloc();
  void* block = aligned_memory((bytes + alignment) / alignment * alignment);
  if (block == nullptr) throw std::bad_alloc();
  count_live(static_cast<std::int64_t>(bytes));
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  count_live(-static_cast<std::int64_t>(bytes));
  free_aligned(block);
}

#else

void* allocate(std::size_t bytes) {
  const std::size_t c = class_of(bytes);
  ThreadCache& t = local;
  if (c >= small_classes || t.lists[c] == nullptr) [[unlikely]]
    return allocate_slow(bytes);
  Free* const block = t.lists[c];
  t.lists[c] = block->next;
  --t.lengths[c];
  t.cached.add(-small_sizes[c]);
  t.live.add(static_cast<std::int64_t>(bytes));
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  const std::size_t c = class_of(bytes);
  ThreadCache& t = local;
  if (c >= small_classes || t.cached.get() + small_sizes[c] > t.limit) [[unlikely]] {
    deallocate_slow(block, bytes);
    return;
  }
  auto* const free = static_cast<Free*>(block);
  free->next = t.lists[c];
  t.lists[c] = free;
  ++t.lengths[c];
  t.cached.add(small_sizes[c]);
  t.live.add(-static_cast<std::int64_t>(bytes));
}

#endif

Stats stats() noexcept { return immortal.pool.stats(); }

void trim() noexcept {
  flush_to_shared(local);
  immortal.pool.trim();
}

}  // namespace newtape::allocator
