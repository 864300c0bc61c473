// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

/// What both sides of a comparison must share: the numbers that go in, and how to tell that the same came out.
/// Neither library is included here.
namespace bench {

/// The i-th number of a stream, uniform in [-1, 1), with as many random bits as T holds; SplitMix64 (Steele, Lea, Flood
/// 2014).
template <class T = float>
T number(std::uint64_t stream, std::uint64_t i) {
  constexpr int bits = std::numeric_limits<T>::digits;
  constexpr std::int64_t half = std::int64_t{1} << (bits - 1);
  std::uint64_t z = (stream << 40) + (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<T>(static_cast<std::int64_t>(z >> (64 - bits)) - half) / static_cast<T>(half);
}

template <class T = float>
std::vector<T> numbers(std::size_t n, std::uint64_t stream, T scale = 1) {
  std::vector<T> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = scale * number<T>(stream, i);
  return out;
}

/// Class labels in [0, classes).
inline std::vector<std::int64_t> labels(std::size_t n, std::int64_t classes, std::uint64_t stream) {
  std::vector<std::int64_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<std::int64_t>(static_cast<float>(classes) * (number(stream, i) + 1) / 2);
  }
  return out;
}

/// Numbers by which two programs see that they computed the same: of each array its norm, and its projection on a fixed
/// random direction, which a transposed or permuted array would not share.
struct Fingerprint {
  struct Entry {
    std::string name;
    double norm = 0;
    double projection = 0;
  };
  std::vector<Entry> entries;

  template <class T>
  void add(std::string_view name, const T* data, std::size_t n) {
    double squares = 0;
    double projection = 0;
    for (std::size_t i = 0; i < n; ++i) {
      squares += static_cast<double>(data[i]) * data[i];
      projection += static_cast<double>(data[i]) * number(99, i);
    }
    entries.push_back({std::string(name), std::sqrt(squares), projection});
  }
  void add(std::string_view name, double value) { entries.push_back({std::string(name), std::abs(value), value}); }
};

/// What differs by more than `tolerance` times the norm, in words; empty when nothing does.
inline std::string difference(const Fingerprint& a, const Fingerprint& b, double tolerance) {
  if (a.entries.size() != b.entries.size()) return "different numbers of arrays";
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    const auto& p = a.entries[i];
    const auto& q = b.entries[i];
    if (p.name != q.name) return p.name + " against " + q.name;
    const double limit = tolerance * p.norm + 1e-12;
    // Written so that a NaN counts as a difference.
    if (!(std::abs(p.norm - q.norm) <= limit && std::abs(p.projection - q.projection) <= limit)) {
      return p.name + ": norm " + std::to_string(p.norm) + " against " + std::to_string(q.norm) + ", projection " +
             std::to_string(p.projection) + " against " + std::to_string(q.projection);
    }
  }
  return {};
}

}  // namespace bench
