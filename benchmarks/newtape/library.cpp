// SPDX-License-Identifier: BSD-3-Clause
#include "worker.hpp"

#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/core/runtime/parallel.hpp>

bench::Library bench::library() {
  return {"Newtape", [](int n) { newtape::set_num_threads(n); }, [] { return newtape::detail::multiply_adds; }};
}
