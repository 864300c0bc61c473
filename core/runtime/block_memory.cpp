// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/block_memory.hpp>

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#elif defined(_WIN32)
#include <malloc.h>
#endif

namespace newtape::allocator {

#if defined(__linux__)
namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
}
#endif

void* aligned_memory(std::size_t size) noexcept {
#if defined(_WIN32)
  return _aligned_malloc(size, alignment);
#else
  return std::aligned_alloc(alignment, size);
#endif
}

void free_aligned(void* block) noexcept {
#if defined(_WIN32)
  _aligned_free(block);
#else
  std::free(block);
#endif
}

void* system_allocate(std::size_t size) noexcept {
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
    madvise(begin + lead, size, MADV_HUGEPAGE);  // only a hint: failure is harmless
    return begin + lead;
  }
#endif
  return aligned_memory(size);
}

void system_free(void* block, std::size_t size) noexcept {
#if defined(__linux__)
  if (size >= huge_page) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    munmap(block, (size + page - 1) / page * page);
    return;
  }
#endif
  static_cast<void>(size);
  free_aligned(block);
}

}  // namespace newtape::allocator
