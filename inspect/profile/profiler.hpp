// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>
#include <newtape/nn/module/module.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace newtape::inspect {

namespace detail {
class ProfileRecording;
}

struct ProfilerOptions {
  std::int64_t max_events = 500'000;  ///< that the trace keeps, 64 bytes each; the sums count all
};

/// Sums over all calls of an operation, or over all operations within a layer but not within its child layers.
struct ProfileEntry {
  std::string name;
  std::int64_t calls = 0;          ///< operations forward
  double seconds = 0;              ///< forward
  double backward_seconds = 0;     ///< in pullbacks
  std::int64_t bytes = 0;          ///< allocated for arrays, forward and backward
  std::int64_t multiply_adds = 0;  ///< in matrix products and convolutions, forward and backward
};

/// How the events of a profiler appear among those of other processes.
struct TraceOptions {
  int process = 1;               ///< its number
  std::string name = "newtape";  ///< its name
  double origin = 0;             ///< the time of the steady clock, in seconds, that the trace starts at
};

/// Measures the operations of this thread while it is in scope, until `stop`:
///
///     inspect::Profiler profiler(model);
///     for (..) { .. }
///     profiler.stop();
///     fmt::print("{}", profiler);
///     profiler.write_trace("trace.json");  // for ui.perfetto.dev
///
/// An operation lasts from its first allocation after the operation before, or else from the end of that one, to the
/// moment when its value is ready; work between operations that allocates arrays (loading of data) counts to the next
/// one, unless it is in a `range`. Pullbacks are timed as a whole, and belong to the layer whose result the sweep has
/// reached last. Layers are those of the model, by their paths; what is outside of them has the path "-".
class Profiler {
 public:
  explicit Profiler(const ProfilerOptions& options = {});
  explicit Profiler(const nn::ModuleBase& model, const ProfilerOptions& options = {});
  /// Stops.
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  /// Ends the measurement; the results stay.
  void stop();
  /// From the construction until `stop`.
  double seconds() const;
  /// In descending order of time.
  std::vector<ProfileEntry> by_op() const;
  std::vector<ProfileEntry> by_layer() const;
  /// Tables of both, with shares of the whole time.
  std::string to_string() const;
  /// The events in Chrome's trace event format (JSON), which Perfetto and chrome://tracing open. IoError; the file is
  /// replaced atomically.
  void write_trace(const std::string& path) const;
  /// The events alone, separated by commas, for a trace of several processes (mpi::Timeline).
  std::string trace_events(const TraceOptions& options) const;
  /// When it was constructed, in seconds of the steady clock.
  double start_time() const;

  /// A named part of the timeline, such as "load" or "update", for a scope. What is allocated in it does not count as
  /// part of an operation.
  class Range {
   public:
    Range(Profiler& profiler, std::string name);
    ~Range();
    Range(const Range&) = delete;
    Range& operator=(const Range&) = delete;

   private:
    Profiler& profiler_;
    std::string name_;
    std::int64_t start_;  ///< ticks
  };
  [[nodiscard]] Range range(std::string name) { return {*this, std::move(name)}; }

 private:
  void each_event(const TraceOptions& options, const std::function<void(const std::string&)>& write) const;

  std::shared_ptr<detail::ProfileRecording> recording_;  ///< hooks in graphs refer to it weakly
};

}  // namespace newtape::inspect

template <>
struct fmt::formatter<newtape::inspect::Profiler> : newtape::detail::StringFormatter {
  auto format(const newtape::inspect::Profiler& p, fmt::format_context& context) const {
    return write(p.to_string(), context);
  }
};
