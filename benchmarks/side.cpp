// SPDX-License-Identifier: BSD-3-Clause
#include "side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace bench {

Side::Side(Child& child, std::string workload, const Clock& clock)
    : child_(child), workload_(std::move(workload)), clock_(clock) {
  while (true) {
    const double step = time_of(steps_);
    const double took = step * static_cast<double>(steps_);
    const long filling = std::max(3L, static_cast<long>(clock_.seconds / step));
    steps_ = std::min(filling, 100 * steps_);
    if (took >= clock_.seconds / 4) break;
  }
}

double Side::time_of(long steps) {
  std::istringstream answer(child_.ask(fmt::format("run {} {}", workload_, steps)));
  double wall = 0;
  double processor = 0;
  answer >> wall >> processor;
  return clock_.processor_time ? processor : wall;
}

Fingerprint look(Child& child, const std::string& workload) {
  Fingerprint print;
  std::istringstream answer(child.ask(fmt::format("look {}", workload)));
  for (Fingerprint::Entry e; answer >> e.name >> e.norm >> e.projection;) print.entries.push_back(e);
  return print;
}

}  // namespace bench
