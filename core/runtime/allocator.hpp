// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

/// The caching pool: freed blocks are kept by size and handed out again, because fresh pages cost more than arithmetic.
namespace newtape::allocator {

/// At least `bytes` of 64-byte aligned, uninitialised memory. Thread-safe; throws std::bad_alloc.
void* allocate(std::size_t bytes);
/// Gives back what `allocate(bytes)` returned; any thread may do so.
void deallocate(void* block, std::size_t bytes) noexcept;

struct Stats {
  std::size_t live_bytes = 0;    ///< handed out and not yet given back
  std::size_t cached_bytes = 0;  ///< kept for the next call
};
Stats stats() noexcept;
/// Returns this thread's and the shared cached blocks to the system.
void trim() noexcept;

}  // namespace newtape::allocator
