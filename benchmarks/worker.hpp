// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "inputs.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>

/// The worker's end of a benchmark: a program that holds one library and runs its workloads when told to. Its argument
/// is the number of threads. It answers requests, one line each, until standard input ends:
///
///     title              title <text>
///     list               list <name>...
///     look <name>        look <array> <norm> <projection> ...
///     run <name> <n>     run <wall seconds> <processor seconds>, both per step; a fresh workload, warmed up first
///     count <name>       count <multiply-adds of one step>, below 0 where the library does not count them
///
/// or `error <text>`. Answers go to what was standard output at the start; whatever the library prints goes to
/// standard error.
namespace bench {

/// One workload, freshly set up.
struct Workload {
  /// The work that is timed, once.
  std::function<void()> step;
  /// What a fresh workload computes. Leaves it unfit for timing.
  std::function<void(Fingerprint&)> look;
};

/// Adds workloads to those of this program: `static const Workloads family{{"name", set_up}, ...};`.
struct Workloads {
  Workloads(std::initializer_list<std::pair<const char*, std::function<Workload()>>> added);
};

/// The library that this program measures; defined once beside its workloads.
struct Library {
  /// Its name and version, in one line.
  std::string title;
  void (*set_threads)(int);
  /// Multiply-adds in matrix products and convolutions so far, where the library counts them.
  std::int64_t (*multiply_adds)() = nullptr;
};
Library library();

}  // namespace bench
