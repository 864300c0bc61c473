// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>
#include <newtape/mpi/group.hpp>

#include <newtape/mpi/detail/messages.hpp>
#include <newtape/mpi/detail/packing.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace newtape::mpi {

/// A metric of inspect/metrics over the examples of all ranks, on all of them: those of this rank's `mine`, merged in the
/// order of ranks. All ranks give metrics of the same options.
///
///     inspect::Accuracy accuracy;
///     for (auto& [x, y] : my_part) accuracy.update(model(x), y);
///     fmt::print("{}", mpi::merged(accuracy, world).compute());
template <class Metric>
Metric merged(const Metric& mine, const Group& group, SourceLocation at = SourceLocation::current()) {
  const CallSite here(at);
  Metric total = mine;
  if (group.size() == 1) return total;
  std::string text;
  total.each_state([&](auto& part) { detail::pack(text, part); });
  const auto texts = detail::all_gather_text(group, text);
  const auto of_rank = [&](int r) {
    Metric metric = mine;
    std::string_view rest = texts[static_cast<std::size_t>(r)];
    metric.each_state([&](auto& part) { detail::unpack(rest, part); });
    return metric;
  };
  total = of_rank(0);
  for (int r = 1; r < group.size(); ++r) total.merge(of_rank(r));
  return total;
}

}  // namespace newtape::mpi
