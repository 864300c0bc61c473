// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/allocation_placement.hpp>
#include <newtape/core/runtime/allocation_probe.hpp>
#include <newtape/core/runtime/storage.hpp>

#include <algorithm>
#include <limits>
#include <new>

namespace newtape::detail {
namespace {
constexpr std::size_t header = 64;  // keeps the data after it 64-byte aligned
static_assert(sizeof(Storage) <= header);
}  // namespace

Ref<Storage> Storage::allocate(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - header) throw std::bad_alloc();
  AllocationPlacement* const placement = allocation_placement;
  if (placement != nullptr) [[unlikely]] {
    if (void* const data = placement->next(bytes); data != nullptr) {
      ++placement->alive;
      return adopt(data, bytes, &placement->alive, [](void* alive) { --*static_cast<int*>(alive); });
    }
  }
  auto* s = new (allocator::allocate(header + bytes)) Storage;
  s->bytes = bytes;
  s->data = reinterpret_cast<std::byte*>(s) + header;
  if (placement != nullptr && placement->seen != nullptr) [[unlikely]]
    placement->seen->push_back({placement->count - 1, s->data, bytes});
  if (allocation_probe != nullptr) [[unlikely]] {
    allocation_probe->note(bytes);
    if (allocation_probe->tracks_peak)
      allocation_probe->peak_bytes = std::max(allocation_probe->peak_bytes, allocator::stats().live_bytes);
  }
  return Ref<Storage>::adopt(s);
}

Ref<Storage> Storage::adopt(void* data, std::size_t bytes, void* owner, void (*free_foreign)(void*)) {
  auto* s = new (allocator::allocate(header)) Storage;
  s->bytes = bytes;
  s->data = data;
  s->free_foreign = free_foreign;
  s->owner = owner;
  return Ref<Storage>::adopt(s);
}

void Storage::release(Storage* storage) noexcept {
  release_counted(storage->refs_, storage, [](Storage* s) {
    std::size_t size = header;
    if (s->free_foreign != nullptr) {
      s->free_foreign(s->owner);
    } else {
      size += s->bytes;
    }
    s->~Storage();
    allocator::deallocate(s, size);
  });
}

}  // namespace newtape::detail
