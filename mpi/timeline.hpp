// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>
#include <newtape/inspect/profile/profiler.hpp>
#include <newtape/mpi/group.hpp>

#include <cstddef>
#include <string>

namespace newtape::mpi {

/// Records when this rank communicates, from its construction to `write_trace`, for a trace of all ranks:
///
///     mpi::Timeline timeline(world);
///     inspect::Profiler profiler(model);
///     for (..) parallel.step(..);
///     profiler.stop();
///     timeline.write_trace("trace.json", profiler);  // for ui.perfetto.dev
///
/// Each rank is a process of the trace: its operations and layers, its calls of a group with the time that it waits in them,
/// and the transfers of DataParallel's buckets, which overlap the sweep.
class Timeline {
 public:
  explicit Timeline(const Group& group);
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;
  ~Timeline();

  /// Ends the recording, and lets rank 0 write the events of all ranks in Chrome's trace event format, at the times of its
  /// clock: the others' differ by what messages there and back show, to half of the shortest round trip (Cristian 1989).
  /// All ranks call it, once (ValueError). IoError on all ranks; the file is replaced atomically.
  void write_trace(const std::string& path, const inspect::Profiler& profiler,
                   SourceLocation at = SourceLocation::current());

 private:
  Group group_;
  std::size_t first_;
  bool running_ = true;
};

}  // namespace newtape::mpi
