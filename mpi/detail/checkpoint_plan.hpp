// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/checkpoint.hpp>
#include <newtape/mpi/group.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace newtape::mpi::detail {

/// An array of a checkpoint that the ranks give together.
struct CheckpointEntry {
  std::size_t part;
  std::string name;
  DType dtype;
  Shape shape;
  int holder;  ///< the lowest rank that has it
  int writer;  ///< of the file in shards that it goes to: one that has it
};

/// What a checkpoint consists of, known to all ranks.
struct CheckpointPlan {
  std::vector<std::string> parts;
  std::vector<CheckpointEntry> entries;  ///< part by part: rank 0's in its order, then those that only others have

  /// The entries that this rank writes as `target` says, with those that it lacks sent to it. All ranks call it.
  data::Checkpoint collect(const data::Checkpoint& mine, const Group& group,
                           const std::function<int(const CheckpointEntry&)>& target) const;
  /// The text of an index of the files `names`, one for each rank, that data::load_checkpoint reads.
  std::string index(std::map<std::string, std::string> metadata, const std::string& content_key,
                    const std::string& content, const std::vector<std::string>& names) const;
};

/// Agrees on the entries, and divides the bytes of those that several ranks have among these. ValueError, on all ranks,
/// unless all give parts of the same names, and arrays that are defined.
CheckpointPlan plan_checkpoint(const data::Checkpoint& mine, const Group& group);

}  // namespace newtape::mpi::detail
