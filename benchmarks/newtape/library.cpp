// SPDX-License-Identifier: BSD-3-Clause
#include "worker.hpp"

#include <newtape/core/parallel.hpp>
#include <newtape/core/tally.hpp>

bench::Library bench::library() {
  return {"Newtape", [](int n) { newtape::set_num_threads(n); }, [] { return newtape::detail::multiply_adds; }};
}
