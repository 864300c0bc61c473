// SPDX-License-Identifier: BSD-3-Clause
// Copies of so many bytes, again and again, each thread its part of them: what caches and memory pass on.
#include "rates.hpp"
#include "worker.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
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

/// The library's copy goes around the caches where that is faster, but is slow at some small sizes on some processors.
void copy(Part& part, std::size_t bytes, std::size_t repeats, bool by_loop) {
  for (std::size_t i = 0; i < repeats; ++i) {
    if (by_loop) {
      scale(part.destination, part.source, bytes / sizeof(float), 1.0F);
    } else {
      std::memcpy(part.destination, part.source, bytes);
    }
    asm volatile("" : : "r"(part.destination) : "memory");  // the copies must not be taken for one
  }
}

void copy_all(std::size_t bytes, bool by_loop) {
  auto& all = parts();
  const std::size_t each = bytes / 2 / all.size();
  const std::size_t repeats = rates::copy_repeats(bytes);
  std::vector<std::thread> others;
  for (std::size_t t = 1; t < all.size(); ++t) {
    others.emplace_back([&part = all[t], each, repeats, by_loop] { copy(part, each, repeats, by_loop); });
  }
  copy(all[0], each, repeats, by_loop);
  for (auto& other : others) other.join();
}

/// Which of the two ways is faster at this size; found once.
bool loop_is_faster(std::size_t bytes) {
  static std::map<std::size_t, bool> known;
  const auto found = known.find(bytes);
  if (found != known.end()) return found->second;
  double best[2] = {1e30, 1e30};
  for (int i = 0; i < 3; ++i) {
    for (const bool by_loop : {false, true}) {
      const auto start = std::chrono::steady_clock::now();
      copy_all(bytes, by_loop);
      best[by_loop] =
          std::min(best[by_loop], std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  }
  return known[bytes] = best[true] < best[false];
}

Workload copies(std::size_t bytes) {
  for (auto& part : parts()) part.reserve(bytes / 2 / parts().size());
  const auto step = [bytes, by_loop = loop_is_faster(bytes)] { copy_all(bytes, by_loop); };
  return {step, [step](Fingerprint& print) {
            parts()[0].source[0] = 1;
            step();
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
