// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/hash.hpp>

#include <newtape/core/ops/creation.hpp>

#include <cstring>

namespace newtape::mpi::detail {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0xBF58476D1CE4E5B9U;
  return hash ^ (hash >> 29);
}

}  // namespace

std::uint64_t hash_bytes(std::uint64_t hash, const void* data, std::size_t n) {
  const auto* p = static_cast<const std::byte*>(data);
  std::uint64_t word = 0;
  for (; n >= 8; n -= 8, p += 8) {
    std::memcpy(&word, p, 8);
    hash = mix(hash, word);
  }
  word = n;
  if (n > 0) std::memcpy(reinterpret_cast<std::byte*>(&word) + 1, p, n);
  return mix(hash, word);
}

std::vector<std::uint64_t> hashes(const NamedArrays& arrays, bool values) {
  std::vector<std::uint64_t> all;
  all.reserve(arrays.size());
  for (const auto& [key, array] : arrays) {
    std::uint64_t hash = hash_bytes(0, key.data(), key.size());
    hash = mix(hash, static_cast<std::uint64_t>(array.dtype()));
    for (const auto n : array.shape()) hash = mix(hash, static_cast<std::uint64_t>(n));
    if (values) {
      const Array x = core::contiguous(array);
      hash = hash_bytes(hash, x.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype()));
    }
    all.push_back(hash);
  }
  return all;
}

}  // namespace newtape::mpi::detail
