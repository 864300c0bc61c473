// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace newtape::mpi::detail {

/// Continues a hash by n bytes: 64-bit words mixed one by one (a multiply-xorshift as in SplitMix64, Steele et al. 2014).
std::uint64_t hash_bytes(std::uint64_t hash, const void* data, std::size_t n);

/// A hash of each array's name, dtype and shape and, with `values`, of its bits.
std::vector<std::uint64_t> hashes(const NamedArrays& arrays, bool values);

}  // namespace newtape::mpi::detail
