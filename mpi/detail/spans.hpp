// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace newtape::mpi::detail {

/// A part of this rank's time that it communicates in; seconds of the steady clock.
struct Span {
  std::string track;  ///< "calls", or "gradients", which overlap each other
  std::string name;
  double start, end;
};

/// Whether spans are recorded, by the mpi::Timelines of this process.
bool records_spans() noexcept;
/// Records a span, where spans are recorded and there is memory for it.
void record_span(Span span) noexcept;

/// Starts to record for one more Timeline, and returns the number of the spans so far.
std::size_t start_spans();
/// The spans from `first` on. Ends recording for one Timeline; the last one's end forgets the spans.
std::vector<Span> stop_spans(std::size_t first);

}  // namespace newtape::mpi::detail
