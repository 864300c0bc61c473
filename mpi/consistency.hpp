// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/core/runtime/source_location.hpp>
#include <newtape/mpi/group.hpp>

#include <string_view>

namespace newtape::mpi {

/// Error, on all ranks, unless all of them hold the same names, dtypes, shapes and bits. It names the first rank that
/// differs from what the most ranks hold (of equally many, from what the lowest holds), and its first array that does.
/// Compares 64-bit hashes, so little is sent.
void check_equal(std::string_view what, const NamedArrays& arrays, const Group& group,
                 SourceLocation at = SourceLocation::current());

/// The same of names, dtypes and shapes alone.
void check_same_layout(std::string_view what, const NamedArrays& arrays, const Group& group,
                       SourceLocation at = SourceLocation::current());

}  // namespace newtape::mpi
