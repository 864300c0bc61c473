// SPDX-License-Identifier: BSD-3-Clause
// Injected faults, as SQLite's tests do it: the memory or the disk fails at the n-th request, for every n.
#pragma once

#include "catch.hpp"

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/named_arrays.hpp>

#include <functional>
#include <string>

namespace faults {

enum class Resource {
  memory,  ///< operator new, aligned_alloc, malloc, calloc, realloc: also the requests of other libraries
  disk,    ///< write and fsync
};
enum class Lasting {
  once,     ///< one request fails
  forever,  ///< and so do all after it
};

/// While this lives, request number `n` (from 0) of the resource fails, in all threads of this process.
class Fault {
 public:
  Fault(Resource resource, Lasting lasting, long n);
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  ~Fault();
  /// Whether a request has failed.
  bool happened() const noexcept;
};

/// Shape and elements, or names and these, to compare answers.
std::string bytes_of(const newtape::Tensor& x);
std::string bytes_of(const newtape::NamedArrays& all);

/// An action under test. `run` gives an answer, as bytes.
struct Action {
  std::string name;
  std::function<std::string()> run;
  /// Called before each run, without faults.
  std::function<void()> prepare = [] {};
  /// Called after each failure: an empty string, or what was lost or left half-changed.
  std::function<std::string()> damage = [] { return std::string(); };
};

/// Runs the action with a fault at request 0, 1, .. until none happens. Each run ends with the right answer or an
/// exception, leaves no damage, and a run without a fault after it gives the right answer. `most` bounds the runs: beyond
/// it, requests are skipped evenly.
void survives(const Action& action, Resource resource, int most = 400);

}  // namespace faults
