// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/parallel.hpp>

/// Sets the number of threads for a scope.
class Threads {
 public:
  explicit Threads(int n) : before_(newtape::num_threads()) { newtape::set_num_threads(n); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { newtape::set_num_threads(before_); }

 private:
  int before_;
};
