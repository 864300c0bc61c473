// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/checkpoint_plan.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/mpi/detail/layout.hpp>
#include <newtape/mpi/detail/messages.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace newtape::mpi::detail {
namespace {

std::int64_t bytes_of(const CheckpointEntry& e) {
  return element_count(e.shape) * static_cast<std::int64_t>(item_size(e.dtype));
}

std::string part_names(const data::Checkpoint& c) {
  std::string names;
  for (const auto& [name, arrays] : c.parts) names += name + "\n";
  return names;
}

/// The ranks that have each entry, in ascending order.
using Holders = std::vector<std::vector<int>>;

/// Adds what each rank has in part `part`.
void add_part(std::size_t part, const NamedArrays& mine, const Group& group, CheckpointPlan& plan, Holders& holders) {
  std::map<std::string, std::size_t> known;
  const auto layouts = all_gather_text(group, layout_text(mine));
  for (int r = 0; r < group.size(); ++r) {
    for (auto& [name, x] : arrays_of_layout(layouts[static_cast<std::size_t>(r)])) {
      const auto [at, added] = known.emplace(name, plan.entries.size());
      if (added) {
        plan.entries.push_back({part, name, x.dtype(), x.shape(), r, r});
        holders.emplace_back();
      }
      const auto& entry = plan.entries[at->second];
      if (entry.dtype != x.dtype() || entry.shape != x.shape()) {
        raise<ValueError>(fmt::format("mpi::save_checkpoint: ranks {} and {} have different arrays '{}' in part {}",
                                      entry.holder, r, name, plan.parts[part]),
                          fmt::format("{} {}", newtape::name(entry.dtype), to_string(entry.shape)), describe(x));
      }
      auto& of = holders[at->second];
      if (!of.empty() && of.back() == r) {
        raise<ValueError>("mpi::save_checkpoint: a name occurs twice in a part", "distinct names", name);
      }
      of.push_back(r);
    }
  }
}

/// Entries of one rank stay there; the others go, the largest first, to that of their holders with the fewest bytes.
void divide_bytes(CheckpointPlan& plan, const Holders& holders, int ranks) {
  std::vector<std::int64_t> load(static_cast<std::size_t>(ranks));
  std::vector<std::size_t> shared;
  for (std::size_t i = 0; i < plan.entries.size(); ++i) {
    if (holders[i].size() > 1) {
      shared.push_back(i);
    } else {
      load[static_cast<std::size_t>(plan.entries[i].holder)] += bytes_of(plan.entries[i]);
    }
  }
  std::stable_sort(shared.begin(), shared.end(),
                   [&](std::size_t a, std::size_t b) { return bytes_of(plan.entries[a]) > bytes_of(plan.entries[b]); });
  for (const auto i : shared) {
    const auto& of = holders[i];
    const int least = *std::min_element(of.begin(), of.end(), [&](int a, int b) {
      return load[static_cast<std::size_t>(a)] < load[static_cast<std::size_t>(b)];
    });
    plan.entries[i].writer = least;
    load[static_cast<std::size_t>(least)] += bytes_of(plan.entries[i]);
  }
}

}  // namespace

CheckpointPlan plan_checkpoint(const data::Checkpoint& mine, const Group& group) {
  const auto names = all_gather_text(group, part_names(mine));
  for (int r = 1; r < group.size(); ++r) {
    const auto& other = names[static_cast<std::size_t>(r)];
    if (other == names[0]) continue;
    raise<ValueError>(fmt::format("mpi::save_checkpoint: rank {} gives other parts than rank 0", r), names[0], other);
  }
  all_succeed(group, "save_checkpoint", [&] {
    for (const auto& [part, arrays] : mine.parts) {
      for (const auto& [name, x] : arrays) {
        if (!x.defined()) raise<ValueError>(fmt::format("save_checkpoint: '{}.{}' is undefined", part, name));
      }
    }
  });
  CheckpointPlan plan;
  Holders holders;
  for (const auto& [name, arrays] : mine.parts) plan.parts.push_back(name);
  for (std::size_t i = 0; i < mine.parts.size(); ++i) add_part(i, mine.parts[i].second, group, plan, holders);
  divide_bytes(plan, holders, group.size());
  return plan;
}

data::Checkpoint CheckpointPlan::collect(const data::Checkpoint& mine, const Group& group,
                                         const std::function<int(const CheckpointEntry&)>& target) const {
  std::map<std::pair<std::size_t, std::string>, Array> own;
  for (std::size_t i = 0; i < mine.parts.size(); ++i) {
    for (const auto& [name, x] : mine.parts[i].second) own.emplace(std::pair(i, name), x);
  }
  data::Checkpoint result;
  for (const auto& name : parts) result.parts.emplace_back(name, NamedArrays());
  for (const auto& e : entries) {
    const int to = target(e);
    const auto here = own.find({e.part, e.name});
    // Of what it has in common with others a rank writes its own, in shards; rank 0 does so in any case.
    const int from = to == e.writer ? to : e.holder;
    if (group.rank() != to && group.rank() != from) continue;
    Array x = here != own.end() ? core::contiguous(here->second) : Array::empty(e.shape, e.dtype);
    send_bytes(group, const_cast<void*>(std::as_const(x).raw()), byte_size(x), from, to);
    if (group.rank() == to) result.parts[e.part].second.emplace_back(e.name, std::move(x));
  }
  return result;
}

std::string CheckpointPlan::index(std::map<std::string, std::string> metadata, const std::string& content_key,
                                  const std::string& content, const std::vector<std::string>& names) const {
  std::string list;
  for (const auto& part : parts) list += part + "\n";
  metadata["newtape.checkpoint"] = list;
  metadata[content_key] = content;
  nlohmann::ordered_json map = nlohmann::ordered_json::object();
  for (const auto& e : entries) map[parts[e.part] + "." + e.name] = names[static_cast<std::size_t>(e.writer)];
  return nlohmann::ordered_json{{"metadata", metadata}, {"weight_map", map}}.dump(1) + "\n";
}

}  // namespace newtape::mpi::detail
