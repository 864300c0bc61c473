// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/timeline.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/mpi/detail/clocks.hpp>
#include <newtape/mpi/detail/messages.hpp>
#include <newtape/mpi/detail/spans.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace newtape::mpi {
namespace {

/// The first thread of a rank in the trace that shows communication; the profiler's is 1.
constexpr std::size_t first_lane = 2;

/// The spans as events. Those that overlap go to threads of their own.
std::string span_events(std::vector<detail::Span> spans, int process, double origin) {
  std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  struct Lane {
    std::string track;
    double end;
  };
  std::vector<Lane> lanes;
  std::string text;
  for (const auto& s : spans) {
    auto lane =
        std::find_if(lanes.begin(), lanes.end(), [&](const Lane& l) { return l.track == s.track && l.end <= s.start; });
    if (lane == lanes.end()) {
      lane = lanes.insert(lanes.end(), {s.track, 0});
      text +=
          fmt::format(",\n{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":\"{}\"}}}}",
                      process, first_lane + lanes.size() - 1, s.track);
    }
    lane->end = s.end;
    text += fmt::format(
        ",\n{{\"ph\":\"X\",\"cat\":\"communication\",\"name\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"pid\":{},\"tid\":{}}}",
        nlohmann::json(s.name).dump(), 1e6 * (s.start - origin), 1e6 * (s.end - s.start), process,
        first_lane + static_cast<std::size_t>(lane - lanes.begin()));
  }
  return text;
}

}  // namespace

Timeline::Timeline(const Group& group) : group_(group), first_(detail::start_spans()) {}

Timeline::~Timeline() {
  if (running_) detail::stop_spans(first_);
}

void Timeline::write_trace(const std::string& path, const inspect::Profiler& profiler, SourceLocation at) {
  const CallSite here(at);
  if (!running_) raise<ValueError>("mpi::Timeline: the trace is written", "one call of write_trace", "a second one");
  running_ = false;
  const auto spans = detail::stop_spans(first_);
  // Ranks on one machine have one clock.
  double ahead = 0;
  if (group_.local_size() < group_.size()) {
    ahead = detail::clock_offsets(group_)[static_cast<std::size_t>(group_.rank())].seconds;
  }
  double begin = profiler.start_time();
  for (const auto& s : spans) begin = std::min(begin, s.start);
  const double origin = group_.all_reduce(core::full({}, begin - ahead, f64), ReduceOp::min).item() + ahead;
  const int rank = group_.rank();
  const std::string mine =
      profiler.trace_events({.process = rank + 1, .name = fmt::format("rank {}", rank), .origin = origin}) +
      span_events(spans, rank + 1, origin);

  std::optional<data::detail::Output> file;
  detail::all_succeed(group_, "Timeline::write_trace", [&] {
    if (rank == 0) file.emplace("Timeline::write_trace", path);
  });
  // One after the other, so that no rank holds more than the text of one.
  for (int r = 0; r < group_.size(); ++r) {
    const auto text = detail::broadcast_text(group_, mine, r);
    detail::all_succeed(group_, "Timeline::write_trace", [&] {
      if (file) file->write((r == 0 ? "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" : ",\n") + text);
    });
  }
  detail::all_succeed(group_, "Timeline::write_trace", [&] {
    if (!file) return;
    file->write("\n]}\n");
    file->commit();
  });
}

}  // namespace newtape::mpi
