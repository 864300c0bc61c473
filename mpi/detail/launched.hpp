// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace newtape::mpi::detail {

/// Whether a launcher, such as mpirun, started this process as one of several.
bool launched();

}  // namespace newtape::mpi::detail
