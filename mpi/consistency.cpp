// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/consistency.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi/detail/comm.hpp>

#include <fmt/format.h>

#include <cstring>
#include <vector>

namespace newtape::mpi {
namespace {

/// 64-bit words mixed one by one (a multiply-xorshift as in SplitMix64, Steele et al. 2014).
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0xBF58476D1CE4E5B9U;
  return hash ^ (hash >> 29);
}

std::uint64_t hash_bytes(std::uint64_t hash, const void* data, std::size_t n) {
  const auto* p = static_cast<const std::byte*>(data);
  std::uint64_t word = 0;
  for (; n >= 8; n -= 8, p += 8) {
    std::memcpy(&word, p, 8);
    hash = mix(hash, word);
  }
  word = n;
  std::memcpy(reinterpret_cast<std::byte*>(&word) + 1, p, n > 6 ? 7 : n);
  return mix(hash, word);
}

Array hashes(const NamedArrays& arrays, bool values) {
  Array all = Array::empty({static_cast<std::int64_t>(arrays.size())}, i64);
  auto* to = all.data<std::int64_t>();
  for (const auto& [key, array] : arrays) {
    std::uint64_t hash = hash_bytes(0, key.data(), key.size());
    hash = mix(hash, static_cast<std::uint64_t>(array.dtype()));
    for (const auto n : array.shape()) hash = mix(hash, static_cast<std::uint64_t>(n));
    if (values) {
      const Array x = core::contiguous(array);
      hash = hash_bytes(hash, x.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype()));
    }
    *to++ = static_cast<std::int64_t>(hash);
  }
  return all;
}

void compare(std::string_view what, const NamedArrays& arrays, const Group& group, bool values) {
  if (group.size() == 1) return;
  const Array counts = group.all_gather(core::full({}, static_cast<double>(arrays.size()), i64));
  const Array all = group.all_gather(hashes(arrays, values));
  const auto* n = counts.data<std::int64_t>();
  const auto* first = all.data<std::int64_t>();
  const auto* here = first + n[0];
  for (int r = 1; r < group.size(); here += n[r++]) {
    std::int64_t i = 0;
    while (i < n[0] && i < n[r] && first[i] == here[i]) ++i;
    if (i == n[0] && i == n[r]) continue;
    const bool known = i < static_cast<std::int64_t>(arrays.size());
    const auto& entry = known ? arrays[static_cast<std::size_t>(i)] : arrays.back();
    const std::string own = arrays.empty() ? "nothing" : entry.first + " " + describe(entry.second);
    detail::break_down(error_message(
        fmt::format("mpi: the {} of rank {} differs from that of rank 0", what, r),
        fmt::format("{} arrays, {}", n[0], values ? "with the same bits" : "with the same names, dtypes and shapes"),
        fmt::format("{} arrays; the first that differs is number {}: on rank {}, {}", n[r], i, group.rank(),
                    known ? own : "there is none")));
  }
}

}  // namespace

void check_equal(std::string_view what, const NamedArrays& arrays, const Group& group) {
  compare(what, arrays, group, true);
}

void check_same_layout(std::string_view what, const NamedArrays& arrays, const Group& group) {
  compare(what, arrays, group, false);
}

}  // namespace newtape::mpi
