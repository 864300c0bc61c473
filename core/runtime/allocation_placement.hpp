// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace newtape::detail {

/// Lists what this thread allocates for arrays during a call; when the same call is made again, gives the allocations of
/// its results the memory where these are wanted.
struct AllocationPlacement {
  struct Block {
    std::size_t number;  ///< of the allocation, from 0
    void* data;
    std::size_t bytes;
  };
  std::vector<Block>* seen = nullptr;  ///< receives all allocations, if set
  std::span<const Block> wanted = {};  ///< memory for some allocations
  std::size_t count = 0;               ///< allocations until now
  int alive = 0;                       ///< blocks that were placed and are not freed

  /// The memory for the next allocation, or null; an allocation of another size is not the one that is meant.
  void* next(std::size_t bytes) noexcept {
    const std::size_t number = count++;
    for (const Block& b : wanted) {
      if (b.number == number) return b.bytes == bytes ? b.data : nullptr;
    }
    return nullptr;
  }
};

/// Null unless a call is recorded or made again on this thread.
inline constinit thread_local AllocationPlacement* allocation_placement = nullptr;

/// Sets the placement for a scope.
class Placing {
 public:
  explicit Placing(AllocationPlacement& placement) noexcept : before_(allocation_placement) {
    allocation_placement = &placement;
  }
  ~Placing() { allocation_placement = before_; }
  Placing(const Placing&) = delete;
  Placing& operator=(const Placing&) = delete;

 private:
  AllocationPlacement* before_;
};

}  // namespace newtape::detail
