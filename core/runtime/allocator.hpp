// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstddef>

/// Caching allocator: freed blocks are kept by size class and reused, because faulting in fresh pages costs more than
/// arithmetic.
namespace newtape::allocator {

/// At least `bytes` of 64-byte aligned, uninitialised memory. Thread-safe; throws std::bad_alloc.
void* allocate(std::size_t bytes);
/// Frees a block returned by `allocate(bytes)`; callable from any thread.
void deallocate(void* block, std::size_t bytes) noexcept;

/// Memory of the whole process, in bytes.
struct Stats {
  std::size_t live_bytes = 0;    ///< allocated and not yet freed
  std::size_t cached_bytes = 0;  ///< kept for reuse
};
/// The present numbers, over all threads.
Stats stats() noexcept;
/// Returns the cached blocks of this thread and of the shared lists to the system.
void trim() noexcept;

}  // namespace newtape::allocator
