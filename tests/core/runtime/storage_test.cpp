// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/storage.hpp>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace newtape;

namespace {

struct Block {
  unsigned char* data;
  std::size_t bytes;
  unsigned char mark;
};

Block take(std::size_t bytes, unsigned char mark) {
  auto* data = static_cast<unsigned char*>(allocator::allocate(bytes));
  std::memset(data, mark, bytes);
  return {data, bytes, mark};
}
bool intact(const Block& b) {
  for (std::size_t i = 0; i < b.bytes; ++i) {
    if (b.data[i] != b.mark) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("allocator: blocks are aligned, writable to the end and disjoint") {
  const auto before = allocator::stats().live_bytes;
  std::vector<Block> blocks;
  std::size_t total = 0;
  for (std::size_t bytes = 1; bytes < (std::size_t{20} << 20); bytes = bytes * 9 / 8 + 1) {
    blocks.push_back(take(bytes, static_cast<unsigned char>(blocks.size())));
    total += bytes;
    CHECK(reinterpret_cast<std::uintptr_t>(blocks.back().data) % 64 == 0);
  }
  CHECK(allocator::stats().live_bytes - before == total);
  for (const auto& b : blocks) CHECK(intact(b));
  for (const auto& b : blocks) allocator::deallocate(b.data, b.bytes);
  CHECK(allocator::stats().live_bytes == before);
}

TEST_CASE("allocator: blocks of sizes near class boundaries do not overlap") {
  std::vector<Block> blocks;
  for (std::size_t power = 6; power <= 22; ++power) {
    for (const std::size_t quarter : {4, 5, 6, 7}) {
      const std::size_t border = ((std::size_t{1} << power) / 4) * quarter;
      for (const std::size_t bytes : {border - 1, border, border + 1, border + 63, border + 64, border + 65}) {
        blocks.push_back(take(bytes, static_cast<unsigned char>(blocks.size())));
      }
    }
  }
  bool all = true;
  for (const auto& b : blocks) all = all && intact(b);
  CHECK(all);
  for (const auto& b : blocks) allocator::deallocate(b.data, b.bytes);
}

/// Bytes cached by other threads, which trim does not return.
std::size_t cached_by_others() {
  allocator::trim();
  return allocator::stats().cached_bytes;
}

TEST_CASE("allocator: trim returns the cached blocks") {
  const auto others = cached_by_others();
  for (const std::size_t bytes : {100U, 100000U, 5000000U}) allocator::deallocate(allocator::allocate(bytes), bytes);
  allocator::trim();
  CHECK(allocator::stats().cached_bytes == others);
}

TEST_CASE("allocator: a freed block is reused") {
  allocator::trim();
  void* const first = allocator::allocate(3000);
  allocator::deallocate(first, 3000);
  const auto cached = allocator::stats().cached_bytes;
  if (cached == 0) return;  // not cached under the address sanitizer
  CHECK(cached >= 3000);
  void* const second = allocator::allocate(2990);
  CHECK(second == first);
  allocator::deallocate(second, 2990);
}

TEST_CASE("allocator: blocks above a thread's limit move to the shared pool") {
  const auto others = cached_by_others();
  const auto before = allocator::stats().live_bytes;
  std::vector<void*> blocks;
  for (int i = 0; i < 100000; ++i) blocks.push_back(allocator::allocate(300));
  for (void* b : blocks) allocator::deallocate(b, 300);
  for (void*& b : blocks) b = allocator::allocate(300);
  for (void* b : blocks) allocator::deallocate(b, 300);
  CHECK(allocator::stats().live_bytes == before);
  allocator::trim();
  CHECK(allocator::stats().cached_bytes == others);
}

TEST_CASE("allocator: impossible sizes are rejected") {
  CHECK_THROWS_AS(allocator::allocate(SIZE_MAX), std::bad_alloc);
  CHECK_THROWS_AS(allocator::allocate(std::size_t{1} << 60), std::bad_alloc);
}

TEST_CASE("allocator: threads exchange blocks and end") {
  const auto before = allocator::stats().live_bytes;
  std::mutex mutex;
  std::vector<Block> shelf;
  bool all = true;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 3000; ++i) {
        Block mine = take(1 + random() % (i % 16 == 0 ? 200000 : 2000), static_cast<unsigned char>(random()));
        const std::lock_guard lock(mutex);
        if (shelf.size() > 50) {
          std::swap(shelf[random() % shelf.size()], mine);
          all = all && intact(mine);
          allocator::deallocate(mine.data, mine.bytes);
        } else {
          shelf.push_back(mine);
        }
      }
    });
  }
  for (auto& t : threads) t.join();
  for (const auto& b : shelf) {
    all = all && intact(b);
    allocator::deallocate(b.data, b.bytes);
  }
  CHECK(all);
  CHECK(allocator::stats().live_bytes == before);
}

namespace {
// Outlive the caches of their threads: the destructors are registered before those of the caches.
thread_local Array of_thread;
Array of_program;
}  // namespace

TEST_CASE("allocator: arrays may outlive their thread's cache") {
  const auto before = allocator::stats().live_bytes;
  std::thread([] {
    of_thread = Array();  // registers its destructor before that of the cache
    of_thread = Array::empty({100}, f32);
    of_program = Array::empty({100}, f32);
  }).join();
  of_program = Array();
  CHECK(allocator::stats().live_bytes == before);
  of_program = Array::empty({100}, f32);  // freed after main
}

TEST_CASE("storage: foreign memory is freed once") {
  static int freed = 0;
  float values[4] = {1, 2, 3, 4};
  {
    auto s = detail::Storage::adopt(values, sizeof(values), &freed, [](void* p) { ++*static_cast<int*>(p); });
    const auto second = s;
    CHECK(s->data == values);
    CHECK(!s.unique());
    s = {};
    CHECK(freed == 0);
    CHECK(second.unique());
  }
  CHECK(freed == 1);
}
