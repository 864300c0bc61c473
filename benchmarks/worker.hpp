// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "inputs.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

/// The worker's end of a benchmark: a program that holds one library and runs its workloads when told to.
namespace bench {

/// One workload, freshly set up.
struct Workload {
  /// The work that is timed, once.
  std::function<void()> step;
  /// What a fresh workload computes. Leaves it unfit for timing.
  std::function<void(Fingerprint&)> look;
};

struct Worker {
  /// The library and its version, in one line.
  std::string title;
  /// Sets the library's threads.
  std::function<void(int)> set_threads;
  std::vector<std::pair<std::string, std::function<Workload()>>> workloads;
};

/// Answers requests, one line each, until standard input ends:
///
///     title              title <text>
///     list               list <name>...
///     look <name>        look <array> <norm> <projection> ...
///     run <name> <n>     run <wall seconds> <processor seconds>, both per step; a fresh workload, warmed up first
///
/// or `error <text>`. Answers go to what was standard output at the start; whatever the library prints goes to
/// standard error. The arguments of main: the number of threads.
int serve(const Worker& worker, int argc, char** argv);

}  // namespace bench
