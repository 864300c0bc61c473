// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/allocator.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

// Every block belongs to a size class, found from the size that its owner asked for: no header is kept.
//
//   small (up to 64 KB): a list for each class and thread, taken from and added to without locks or atomic
//                        read-modify-writes. A thread that holds more than 16 MB hands its lists, each in one piece, to
//                        the shared pool; a thread whose list is empty takes such a piece.
//   large:               one list for each class, shared, behind a mutex. Blocks of 2 MB or more are aligned to
//                        huge pages.
//
// The shared pool keeps at most a quarter of the machine's memory; what was not used for longest goes first.

#if defined(__SANITIZE_ADDRESS__)
#define NEWTAPE_POOL_PASSES_THROUGH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NEWTAPE_POOL_PASSES_THROUGH 1
#endif
#endif

namespace newtape::allocator {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t largest_request = std::size_t{1} << 46;

// --- size classes ---

/// Sizes are 64 bytes, in which Storage keeps its header, and a payload of 0 to 4 units of 64 bytes or of
/// 5, 6, 7, 8 units times a power of two. The header apart, arrays whose size is a power of two fit exactly.
constexpr std::size_t class_of(std::size_t bytes) noexcept {
  if (bytes <= alignment) return 0;
  const std::size_t last_unit = (bytes - alignment - 1) / alignment;
  if (last_unit < 4) return 1 + last_unit;
  const auto k = static_cast<std::size_t>(std::bit_width(last_unit)) - 1;
  return 1 + 4 * (k - 1) + ((last_unit >> (k - 2)) & 3);
}

constexpr std::size_t size_of_class(std::size_t c) noexcept {
  if (c <= 4) return alignment * (1 + c);
  const std::size_t k = (c - 1) / 4 + 1;
  return alignment * (1 + ((5 + (c - 1) % 4) << (k - 2)));
}

constexpr std::size_t small_classes = class_of(alignment + (std::size_t{64} << 10)) + 1;
constexpr std::size_t classes = class_of(largest_request) + 1;
constexpr std::int64_t most_cached_by_thread = std::int64_t{16} << 20;

constexpr auto small_sizes = [] {
  std::array<std::int64_t, small_classes> sizes{};
  for (std::size_t c = 0; c < small_classes; ++c) sizes[c] = static_cast<std::int64_t>(size_of_class(c));
  return sizes;
}();

// --- the system's memory ---

[[maybe_unused]] void* system_allocate(std::size_t size) noexcept {
#if defined(__linux__)
  if (size >= huge_page) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size = (size + page - 1) / page * page;
    void* mapped = mmap(nullptr, size + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto* begin = static_cast<std::byte*>(mapped);
    const std::size_t lead = (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
    if (lead != 0) munmap(begin, lead);
    munmap(begin + lead + size, huge_page - lead);
    madvise(begin + lead, size, MADV_HUGEPAGE);  // only a hint: refusal does no harm
    return begin + lead;
  }
#endif
  return std::aligned_alloc(alignment, size);
}

[[maybe_unused]] void system_free(void* block, std::size_t size) noexcept {
#if defined(__linux__)
  if (size >= huge_page) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    munmap(block, (size + page - 1) / page * page);
    return;
  }
#endif
  static_cast<void>(size);
  std::free(block);
}

std::int64_t most_cached_by_all() noexcept {
#if defined(__linux__)
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 4;
#else
  return std::int64_t{2} << 30;
#endif
}

// --- lists ---

/// What a free block's own memory is used for. A piece is a chain of blocks; the lists of the shared pool chain pieces.
struct Free {
  Free* next;
  Free* next_piece;     ///< in the first block of a piece only
  std::int64_t blocks;  ///< likewise: the length of the piece
};

/// A counter that one thread writes and any may read: no locked instruction is needed.
class Counter {
 public:
  std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void set(std::int64_t v) noexcept { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t v) noexcept { set(get() + v); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Constant-initialised and without a destructor, so reaching it costs one instruction and works at any time of the
/// thread's life. `limit` is 0 before the thread is registered and after it has ended: every call then takes the slow
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

#if defined(__GNUC__)
[[gnu::tls_model("initial-exec")]]
#endif
constinit thread_local ThreadCache local{};

class SharedPool {
 public:
  void* take(std::size_t c) noexcept {
    const std::lock_guard lock(mutex_);
    Class& k = classes_[c];
    if (k.pieces == nullptr) return nullptr;
    used(k);
    Free* first = k.pieces;
    if (first->blocks == 1) {
      k.pieces = first->next_piece;
    } else {
      Free* second = first->next;
      second->next_piece = first->next_piece;
      second->blocks = first->blocks - 1;
      k.pieces = second;
    }
    cached_ -= static_cast<std::int64_t>(size_of_class(c));
    return first;
  }

  Free* take_piece(std::size_t c) noexcept {
    const std::lock_guard lock(mutex_);
    Class& k = classes_[c];
    Free* piece = k.pieces;
    if (piece == nullptr) return nullptr;
    used(k);
    k.pieces = piece->next_piece;
    cached_ -= static_cast<std::int64_t>(size_of_class(c)) * piece->blocks;
    return piece;
  }

  void give_piece(std::size_t c, Free* first, std::int64_t blocks) noexcept {
    Free* evicted[classes];
    {
      const std::lock_guard lock(mutex_);
      first->next_piece = classes_[c].pieces;
      first->blocks = blocks;
      classes_[c].pieces = first;
      used(classes_[c]);
      cached_ += static_cast<std::int64_t>(size_of_class(c)) * blocks;
      if (bound_ == 0) bound_ = most_cached_by_all();
      if (cached_ <= bound_) return;
      evict(bound_ - bound_ / 4, evicted);
    }
    release(evicted);
  }

  void give(std::size_t c, void* block) noexcept { give_piece(c, new (block) Free{nullptr, nullptr, 1}, 1); }

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
  /// For threads that have no cache (any more).
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
    Free* pieces = nullptr;
    std::uint64_t last_use = 0;
  };

  void used(Class& k) noexcept { k.last_use = ++clock_; }

  /// Takes whole classes out, the one not used for longest first, until no more than `goal` bytes are left.
  void evict(std::int64_t goal, Free* (&evicted)[classes]) noexcept {
    for (Free*& pieces : evicted) pieces = nullptr;
    while (cached_ > goal) {
      std::size_t oldest = classes;
      for (std::size_t c = 0; c < classes; ++c) {
        if (classes_[c].pieces == nullptr) continue;
        if (oldest == classes || classes_[c].last_use < classes_[oldest].last_use) oldest = c;
      }
      if (oldest == classes) return;
      evicted[oldest] = classes_[oldest].pieces;
      classes_[oldest].pieces = nullptr;
      for (const Free* p = evicted[oldest]; p != nullptr; p = p->next_piece) {
        cached_ -= static_cast<std::int64_t>(size_of_class(oldest)) * p->blocks;
      }
    }
  }

  static void release(Free* (&evicted)[classes]) noexcept {
    for (std::size_t c = 0; c < classes; ++c) {
      for (Free* piece = evicted[c]; piece != nullptr;) {
        Free* const next_piece = piece->next_piece;
        for (Free* block = piece; block != nullptr;) {
          Free* const next = block->next;
          system_free(block, size_of_class(c));
          block = next;
        }
        piece = next_piece;
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

/// Never destroyed: arrays in static variables are given back after our own statics would be gone.
union Immortal {
  constexpr Immortal() : pool() {}
  ~Immortal() {}  // NOLINT(modernize-use-equals-default): a union's would be deleted
  SharedPool pool;
};
constinit Immortal immortal;

// --- the slow paths ---

void hand_over(ThreadCache& t) noexcept {
  for (std::size_t c = 0; c < small_classes; ++c) {
    if (t.lists[c] == nullptr) continue;
    Free* const piece = t.lists[c];
    const auto blocks = t.lengths[c];
    t.lists[c] = nullptr;
    t.lengths[c] = 0;
    t.cached.add(-small_sizes[c] * blocks);
    immortal.pool.give_piece(c, piece, blocks);
  }
}

/// Its destructor runs when the thread ends; the cache itself has none.
struct ThreadEnd {
  bool armed = false;
  ~ThreadEnd() {
    local.limit = 0;
    local.ended = true;
    hand_over(local);
    immortal.pool.remove(local);
  }
};
thread_local ThreadEnd thread_end;

/// False when the thread has ended already.
bool register_thread(ThreadCache& t) noexcept {
  if (t.ended) return false;
  if (t.limit == 0) {
    thread_end.armed = true;  // the first touch constructs it and with that arranges for its destruction
    immortal.pool.add(t);
    t.limit = most_cached_by_thread;
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

#if !defined(NEWTAPE_POOL_PASSES_THROUGH)

void* fresh(std::size_t size) {
  void* block = system_allocate(size);
  if (block == nullptr) {
    trim();
    block = system_allocate(size);
    if (block == nullptr) throw std::bad_alloc();
  }
  return block;
}

[[gnu::noinline]] void* allocate_slowly(std::size_t bytes) {
  if (bytes > largest_request) throw std::bad_alloc();
  const std::size_t c = class_of(bytes);
  void* block = nullptr;
  ThreadCache& t = local;
  if (c < small_classes && register_thread(t)) {
    if (Free* piece = immortal.pool.take_piece(c)) {
      t.lists[c] = piece->next;
      t.lengths[c] = piece->blocks - 1;
      t.cached.add(small_sizes[c] * (piece->blocks - 1));
      block = piece;
    }
  } else {
    block = immortal.pool.take(c);
  }
  if (block == nullptr) block = fresh(size_of_class(c));
  count_live(static_cast<std::int64_t>(bytes));
  return block;
}

[[gnu::noinline]] void deallocate_slowly(void* block, std::size_t bytes) noexcept {
  const std::size_t c = class_of(bytes);
  count_live(-static_cast<std::int64_t>(bytes));
  ThreadCache& t = local;
  if (c >= small_classes || t.ended) {
    immortal.pool.give(c, block);
    return;
  }
  if (t.cached.get() + small_sizes[c] > t.limit) hand_over(t);
  t.lists[c] = new (block) Free{t.lists[c], nullptr, 0};
  ++t.lengths[c];
  t.cached.add(small_sizes[c]);
}

#endif

}  // namespace

#if defined(NEWTAPE_POOL_PASSES_THROUGH)

// The sanitizer sees every use after free only when every block goes back to it.
void* allocate(std::size_t bytes) {
  if (bytes > largest_request) throw std::bad_alloc();
  void* block = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  if (block == nullptr) throw std::bad_alloc();
  count_live(static_cast<std::int64_t>(bytes));
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  count_live(-static_cast<std::int64_t>(bytes));
  std::free(block);
}

#else

void* allocate(std::size_t bytes) {
  const std::size_t c = class_of(bytes);
  ThreadCache& t = local;
  if (c >= small_classes || t.lists[c] == nullptr) [[unlikely]]
    return allocate_slowly(bytes);
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
    deallocate_slowly(block, bytes);
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
  hand_over(local);
  immortal.pool.trim();
}

}  // namespace newtape::allocator
