// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/runs.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/mpi/detail/messages.hpp>
#include <newtape/mpi/detail/packing.hpp>

#include <fmt/format.h>

namespace newtape::mpi {
namespace {

/// What run(i) gave as text, for all i, on all ranks.
std::vector<std::string> map_texts(int n, const std::function<std::string(int)>& run, const Group& group) {
  std::vector<std::string> mine;
  detail::all_succeed(group, "a run", [&] {
    const UserCode code;
    for (int i = group.rank(); i < n; i += group.size()) mine.push_back(run(i));
  });
  std::string packed;
  detail::pack(packed, mine);
  std::vector<std::string> all(static_cast<std::size_t>(n));
  const auto of_ranks = detail::all_gather_text(group, packed);
  for (int r = 0; r < group.size(); ++r) {
    std::vector<std::string> theirs;
    std::string_view text = of_ranks[static_cast<std::size_t>(r)];
    detail::unpack(text, theirs);
    for (std::size_t k = 0; k < theirs.size(); ++k) {
      all[static_cast<std::size_t>(r) + k * static_cast<std::size_t>(group.size())] = std::move(theirs[k]);
    }
  }
  return all;
}

using Outcomes = std::vector<inspect::ExperimentOutcome>;

std::string packed_outcomes(const Outcomes& outcomes) {
  std::string text;
  for (const auto& o : outcomes) {
    detail::pack(text, o.value), detail::pack(text, o.seconds), detail::pack(text, o.peak_bytes);
    detail::pack(text, o.problem);
  }
  return text;
}

Outcomes unpacked_outcomes(std::string_view text) {
  Outcomes outcomes;
  while (!text.empty()) {
    auto& o = outcomes.emplace_back();
    detail::unpack(text, o.value), detail::unpack(text, o.seconds), detail::unpack(text, o.peak_bytes);
    detail::unpack(text, o.problem);
  }
  return outcomes;
}

}  // namespace

std::vector<double> map_runs(int n, const std::function<double(int)>& f, const Group& group, SourceLocation at) {
  const CallSite here(at);
  if (n < 0 || !f) {
    raise<ValueError>("mpi::map_runs: there must be runs and a function", "n >= 0, a function",
                      fmt::format("n = {}{}", n, f ? "" : ", an empty function"));
  }
  std::vector<double> values;
  for (const auto& text : map_texts(
           n,
           [&](int i) {
             std::string packed;
             detail::pack(packed, f(i));
             return packed;
           },
           group)) {
    std::string_view rest = text;
    detail::unpack(rest, values.emplace_back());
  }
  return values;
}

std::vector<inspect::Effect> measure_effects(const inspect::Experiment& baseline,
                                             const std::vector<std::pair<std::string, inspect::Experiment>>& techniques,
                                             const inspect::MeasureEffectOptions& options, const Group& group,
                                             SourceLocation at) {
  const CallSite here(at);
  auto spread = options;
  spread.quiet = options.quiet || group.rank() != 0;
  spread.run_jobs = [&group](int jobs, const std::function<Outcomes(int)>& run) {
    std::vector<Outcomes> all;
    for (const auto& text : map_texts(
             jobs, [&](int i) { return packed_outcomes(run(i)); }, group)) {
      all.push_back(unpacked_outcomes(text));
    }
    return all;
  };
  return inspect::measure_effects(baseline, techniques, spread);
}

inspect::Effect measure_effect(const inspect::Experiment& baseline, const inspect::Experiment& technique,
                               const inspect::MeasureEffectOptions& options, const Group& group, SourceLocation at) {
  return measure_effects(baseline, {{options.technique, technique}}, options, group, at).front();
}

}  // namespace newtape::mpi
