// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Other programs, run and measured from outside.
namespace bench {

/// `NAME=value` settings on top of this program's environment; `NAME` alone takes one away.
using Environment = std::vector<std::string>;

/// The settings that give each library in a child `n` threads, and its BLAS no others.
Environment thread_settings(int n);

/// A worker (see worker.hpp) at the other end of two pipes. std::runtime_error where it cannot be started or does not
/// answer; one that died is started anew for the next request, so that the other workloads are still measured.
class Child {
 public:
  Child(const std::filesystem::path& program, int threads, Environment settings = {});
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Sends a line and returns the answer without its first word, which is that of the request; std::runtime_error
  /// with the worker's words when that is not so.
  std::string ask(std::string_view request);

 private:
  void start();
  int stop();

  std::filesystem::path program_;
  int threads_;
  Environment settings_;
  pid_t pid_ = -1;  ///< below 0 while there is none
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

/// What running a program once took.
struct Run {
  double first_line = 0;  ///< wall seconds until its first line of output was complete; 0 when there was none
  double processor = 0;   ///< seconds, user and system, its own children included
  double user = 0;        ///< the user's part of it
  double peak_bytes = 0;
  std::string output;
};

/// Runs a program to its end and takes down its standard output. std::runtime_error when it fails.
Run run(const std::vector<std::string>& command, const Environment& settings = {});

}  // namespace bench
