// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/error.hpp>

#include <stdexcept>

namespace newtape::mpi {

/// Another rank failed, left, or calls something else: the message names it. The groups of this process are of no use
/// afterwards: every later call throws it again, and the end of the process ends all ranks.
class Error : public newtape::detail::LocatedError<std::runtime_error> {
  using LocatedError::LocatedError;
};

/// Other ranks did not arrive within the time-out of the group; the message names them.
class TimeoutError : public Error {
  using Error::Error;
};

}  // namespace newtape::mpi
