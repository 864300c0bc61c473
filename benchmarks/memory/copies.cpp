// SPDX-License-Identifier: BSD-3-Clause
// Copies of so many bytes, again and again, each thread its part of them: what caches and memory pass on. Or updates in
// place of the same arrays, where they are faster: a copy may have to fetch what it is going to overwrite.
#include "rates.hpp"
#include "worker.hpp"

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <thread>

namespace bench {

namespace {

int threads = 1;

/// One thread's part of both arrays. Kept from round to round, so that no fresh pages are measured.
struct Part {
  std::unique_ptr<char, void (*)(void*)> memory{nullptr, std::free};
  std::size_t capacity = 0;
  float* source = nullptr;
  float* destination = nullptr;

  void reserve(std::size_t bytes) {
    if (bytes <= capacity) return;
    capacity = bytes;
    const std::size_t half = (bytes + 4095) / 4096 * 4096;
    memory.reset(static_cast<char*>(std::aligned_alloc(4096, 2 * half + 4096)));
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory.get(), 0, 2 * half + 4096);
    source = reinterpret_cast<float*>(memory.get());
    // Half a page apart: processors compare loads with earlier stores by their offsets within a page.
    destination = reinterpret_cast<float*>(memory.get() + half + 2048);
  }
};

std::vector<Part>& parts() {
  static std::vector<Part> all(static_cast<std::size_t>(threads));
  return all;
}

/// Passes through caches what a vector loop can.
#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
void scale(float* __restrict to, const float* __restrict from, std::size_t n, float by) {
  for (std::size_t i = 0; i < n; ++i) to[i] = by * from[i];
}

#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
void update(float* x, std::size_t n, float by) {
  for (std::size_t i = 0; i < n; ++i) x[i] *= by;
}

/// The library's copy goes around the caches where that is faster, but is slow at some small sizes on some processors.
enum class Way { library, loop, in_place };

/// `bytes` are read and as many written in each repeat; in place, of either array in turn.
void copy(Part& part, std::size_t bytes, std::size_t repeats, Way way) {
  const std::size_t n = bytes / sizeof(float);
  for (std::size_t i = 0; i < repeats; ++i) {
    switch (way) {
      case Way::library: std::memcpy(part.destination, part.source, bytes); break;
      case Way::loop: scale(part.destination, part.source, n, 1.0F); break;
      case Way::in_place: update(i % 2 == 0 ? part.source : part.destination, n, 1.0F); break;
    }
    asm volatile("" : : "r"(part.destination) : "memory");  // the copies must not be taken for one
  }
}

void copy_all(std::size_t bytes, Way way) {
  auto& all = parts();
  const std::size_t each = bytes / 2 / all.size();
  const std::size_t repeats = rates::copy_repeats(bytes);
  std::vector<std::thread> others;
  for (std::size_t t = 1; t < all.size(); ++t) {
    others.emplace_back([&part = all[t], each, repeats, way] { copy(part, each, repeats, way); });
  }
  copy(all[0], each, repeats, way);
  for (auto& other : others) other.join();
}

/// The fastest way at this size; found once, by processor time, which other programs disturb least.
Way fastest_way(std::size_t bytes) {
  static std::map<std::size_t, Way> known;
  const auto found = known.find(bytes);
  if (found != known.end()) return found->second;
  std::clock_t least = std::numeric_limits<std::clock_t>::max();
  for (int i = 0; i < 3; ++i) {
    for (const Way way : {Way::library, Way::loop, Way::in_place}) {
      const std::clock_t start = std::clock();
      copy_all(bytes, way);
      const std::clock_t took = std::clock() - start;
      if (took < least) {
        least = took;
        known[bytes] = way;
      }
    }
  }
  return known[bytes];
}

Workload copies(std::size_t bytes) {
  for (auto& part : parts()) part.reserve(bytes / 2 / parts().size());
  const auto step = [bytes, way = fastest_way(bytes)] { copy_all(bytes, way); };
  return {step, [bytes](Fingerprint& print) {
            parts()[0].source[0] = 1;
            copy_all(bytes, Way::library);
            print.add("copied", static_cast<double>(parts()[0].destination[0]));
          }};
}

struct Copies {
  Copies() {
    for (const std::size_t bytes : rates::copy_sizes()) {
      const Workloads one{{rates::copy_name(bytes).c_str(), [bytes] { return copies(bytes); }}};
    }
  }
};
const Copies all_copies;

}  // namespace

Library library() {
  return {"copies", [](int n) { threads = n; }};
}

}  // namespace bench
