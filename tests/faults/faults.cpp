// SPDX-License-Identifier: BSD-3-Clause
#include "faults.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/allocator.hpp>

#ifdef __linux__
#include <link.h>
#endif
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

// Requests of the libraries that Newtape calls (zlib, libzip, libpng, libjpeg, OpenBLAS) come by malloc. Sanitizers
// replace it themselves.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define REPLACES_MALLOC 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef REPLACES_MALLOC
#endif
#endif
#endif

#ifdef REPLACES_MALLOC
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
}
#else
#define __libc_malloc std::malloc
#endif

namespace faults {
namespace {

constexpr long disarmed = -1;
/// The number of requests before the one that fails.
std::atomic<long> countdown[2] = {disarmed, disarmed};
std::atomic<bool> lasts{false};
std::atomic<bool> failed{false};
std::atomic<long> requests{0};

bool fails(Resource resource) noexcept {
  auto& left = countdown[static_cast<int>(resource)];
  if (left.load(std::memory_order_relaxed) == disarmed) return false;
  requests.fetch_add(1, std::memory_order_relaxed);
  if (lasts.load() && failed.load()) return true;
  long now = left.load();
  while (now > 0 && !left.compare_exchange_weak(now, now - 1)) {
  }
  if (now != 0) return false;
  if (!lasts.load()) left.store(disarmed);
  failed.store(true);
  return true;
}

#ifdef REPLACES_MALLOC
/// The code of the C library, which ends the process when it has no memory for a thread's destructors.
std::vector<std::pair<std::uintptr_t, std::uintptr_t>> code_of_libc() {
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> found;
  const auto look = [](dl_phdr_info* object, std::size_t, void* ranges) {
    const std::string_view name = object->dlpi_name;
    if (name.find("/libc.so") == std::string_view::npos && name.find("/ld-") == std::string_view::npos) return 0;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const auto& part = object->dlpi_phdr[i];
      const auto begin = object->dlpi_addr + part.p_vaddr;
      if (part.p_type == PT_LOAD) static_cast<decltype(found)*>(ranges)->emplace_back(begin, begin + part.p_memsz);
    }
    return 0;
  };
  dl_iterate_phdr(look, &found);
  return found;
}
const auto libc = code_of_libc();

bool library_request_fails(const void* caller) noexcept {
  if (countdown[static_cast<int>(Resource::memory)].load(std::memory_order_relaxed) == disarmed) return false;
  const auto at = reinterpret_cast<std::uintptr_t>(caller);
  for (const auto& [begin, end] : libc) {
    if (begin <= at && at < end) return false;
  }
  return fails(Resource::memory);
}
#endif

[[gnu::noinline]] void* allocated(std::size_t bytes, std::size_t alignment) noexcept {
  if (fails(Resource::memory)) return nullptr;
  if (alignment <= alignof(std::max_align_t)) return __libc_malloc(bytes == 0 ? 1 : bytes);
  void* block = nullptr;
  return ::posix_memalign(&block, alignment, bytes) == 0 ? block : nullptr;
}

[[gnu::noinline]] void* allocated_or_throw(std::size_t bytes, std::size_t alignment) {
  void* block = allocated(bytes, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

Fault::Fault(Resource resource, Lasting lasting, long n) {
  newtape::allocator::trim();  // so that requests reach the system
  lasts.store(lasting == Lasting::forever);
  failed.store(false);
  requests.store(0);
  countdown[static_cast<int>(resource)].store(n);
}
Fault::~Fault() {
  for (auto& c : countdown) c.store(disarmed);
}
bool Fault::happened() const noexcept { return failed.load(); }

std::string bytes_of(const newtape::Tensor& x) {
  const newtape::Array own = newtape::core::contiguous(x.value());
  return to_string(own.shape()) + std::string(static_cast<const char*>(own.raw()),
                                              static_cast<std::size_t>(own.size()) * item_size(own.dtype()));
}
std::string bytes_of(const newtape::NamedArrays& all) {
  std::string text;
  for (const auto& [name, x] : all) text += name + bytes_of(newtape::Tensor(x));
  return text;
}

void survives(const Action& action, Resource resource, int most) {
  const auto run = [&] {
    action.prepare();
    return action.run();
  };
  INFO(action.name);
  const std::string right = run();
  REQUIRE(run() == right);
  for (const auto lasting : {Lasting::once, Lasting::forever}) {
    long total = 0;
    action.prepare();
    {
      const Fault none(resource, lasting, 1L << 40);
      CHECK(action.run() == right);
      total = requests.load();
    }
    REQUIRE(total > 0);
    const long step = std::max(1L, total / most);
    for (long n = 0; n < total; n += step) {
      INFO("request " << n << " of " << total << (lasting == Lasting::once ? "" : " and all after it"));
      std::string answer;
      bool thrown = false;
      action.prepare();
      {
        const Fault fault(resource, lasting, n);
        try {
          answer = action.run();
        } catch (const std::exception&) {
          thrown = true;
        }
      }
      if (!thrown) CHECK(answer == right);
      CHECK(action.damage() == "");
      CHECK(run() == right);
    }
  }
}

}  // namespace faults

void* operator new(std::size_t n) { return faults::allocated_or_throw(n, 1); }
void* operator new[](std::size_t n) { return faults::allocated_or_throw(n, 1); }
void* operator new(std::size_t n, std::align_val_t a) {
  return faults::allocated_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return faults::allocated_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return faults::allocated(n, 1); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return faults::allocated(n, 1); }
// GCC does not see that new and delete are replaced together.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#pragma GCC diagnostic pop

extern "C" {
/// The allocator's source of memory for arrays.
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return faults::allocated(bytes, alignment); }

#ifdef REPLACES_MALLOC
void* malloc(std::size_t n) {
  return faults::library_request_fails(__builtin_return_address(0)) ? nullptr : __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
  return faults::library_request_fails(__builtin_return_address(0)) ? nullptr : __libc_calloc(n, size);
}
void* realloc(void* block, std::size_t n) {
  return faults::library_request_fails(__builtin_return_address(0)) ? nullptr : __libc_realloc(block, n);
}
#endif

ssize_t write(int descriptor, const void* from, std::size_t n) {
  if (descriptor > 2 && faults::fails(faults::Resource::disk)) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(SYS_write, descriptor, from, n);
}
int fsync(int descriptor) {
  if (faults::fails(faults::Resource::disk)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}
}
