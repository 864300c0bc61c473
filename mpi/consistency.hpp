// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/mpi/group.hpp>

#include <string_view>

namespace newtape::mpi {

/// Error, on all ranks, unless all of them hold the same names, dtypes, shapes and bits; it names the first rank that
/// differs from rank 0 and its first array that does. Compares 64-bit hashes, so little is sent.
void check_equal(std::string_view what, const NamedArrays& arrays, const Group& group);

/// The same of names, dtypes and shapes alone.
void check_same_layout(std::string_view what, const NamedArrays& arrays, const Group& group);

}  // namespace newtape::mpi
