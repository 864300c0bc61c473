// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdexcept>

namespace newtape::mpi {

/// Another rank failed, left, or calls something else: the message names it. The groups of this process are of no use
/// afterwards: every later call throws it again, and the end of the process ends all ranks.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Other ranks did not arrive within the time-out of the group; the message names them.
class TimeoutError : public Error {
  using Error::Error;
};

}  // namespace newtape::mpi
