// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/checkpoint.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/mpi/detail/checkpoint_plan.hpp>
#include <newtape/mpi/detail/hash.hpp>
#include <newtape/mpi/detail/layout.hpp>
#include <newtape/mpi/detail/messages.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::mpi {
namespace {

namespace files = std::filesystem;

constexpr std::string_view index_end = ".index.json";
/// Metadata that tell whether two ranks see the same checkpoint: a hash of all that is in it.
constexpr const char* content_key = "newtape.mpi.content";

std::string content_of(const std::vector<std::string>& of_ranks) {
  std::uint64_t hash = 0;
  for (const auto& text : of_ranks) hash = detail::hash_bytes(hash, text.data(), text.size());
  return fmt::format("{:016x}", hash);
}

/// The hash of what a rank writes, as text.
std::string hash_of(const data::Checkpoint& part) {
  std::uint64_t hash = 0;
  for (const auto& [name, arrays] : part.parts) {
    hash = detail::hash_bytes(hash, name.data(), name.size());
    for (const auto h : detail::hashes(arrays, true)) hash = detail::hash_bytes(hash, &h, sizeof h);
  }
  return fmt::format("{:016x}", hash);
}

/// The folder and the file's name of a path.
std::pair<files::path, std::string> parts_of(const std::string& path) {
  const files::path p(path);
  return {p.has_parent_path() ? p.parent_path() : files::path("."), p.filename().string()};
}

/// Removes the files of a folder whose names `is_left` accepts; what cannot be removed stays.
void remove_left(const files::path& folder, const std::function<bool(const std::string&)>& is_left) {
  std::error_code ignored;
  std::vector<files::path> left;
  for (files::directory_iterator at(folder, ignored), end; !ignored && at != end; at.increment(ignored)) {
    if (is_left(at->path().filename().string())) left.push_back(at->path());
  }
  for (const auto& file : left) files::remove(file, ignored);
}

/// "<name>.<process>-<number>.tmp", which a writer that was killed leaves.
bool is_temporary_of(const std::string& name, const std::string& file) {
  return name.size() > file.size() && name.starts_with(file + ".") && name.ends_with(".tmp");
}

void save_as_one(const std::string& path, const data::Checkpoint& mine, const Group& group,
                 const detail::CheckpointPlan& plan) {
  auto whole = plan.collect(mine, group, [](const detail::CheckpointEntry&) { return 0; });
  detail::all_succeed(group, "save_checkpoint", [&] {
    if (group.rank() != 0) return;
    whole.metadata = mine.metadata;
    whole.metadata[content_key] = content_of({hash_of(whole)});
    data::save_checkpoint(path, whole);
    const auto [folder, file] = parts_of(path);
    remove_left(folder, [&f = file](const std::string& name) { return is_temporary_of(name, f); });
  });
}

void write_index(const std::string& path, const data::Checkpoint& mine, const detail::CheckpointPlan& plan,
                 const std::string& content, const std::vector<std::string>& names) {
  data::detail::Output file("save_checkpoint", path);
  file.write(plan.index(mine.metadata, content_key, content, names));
  file.commit();
}

void save_in_shards(const std::string& path, const data::Checkpoint& mine, const Group& group,
                    const detail::CheckpointPlan& plan) {
  const auto part = plan.collect(mine, group, [](const detail::CheckpointEntry& e) { return e.writer; });
  const std::string content = content_of(detail::all_gather_text(group, hash_of(part)));
  const auto [folder, index] = parts_of(path);
  const std::string stem = index.substr(0, index.size() - index_end.size());
  std::vector<std::string> names;
  for (int r = 0; r < group.size(); ++r) {
    names.push_back(fmt::format("{}-{}-{:05}-of-{:05}.safetensors", stem, content, r + 1, group.size()));
  }
  detail::all_succeed(group, "save_checkpoint", [&, &to = folder] {
    data::save_checkpoint((to / names[static_cast<std::size_t>(group.rank())]).string(), part);
  });
  // All shards are on disk: from here on the new checkpoint counts.
  detail::all_succeed(group, "save_checkpoint", [&] {
    if (group.rank() == 0) write_index(path, mine, plan, content, names);
  });
  if (group.rank() != 0) return;
  remove_left(folder, [&, &i = index](const std::string& name) {
    const bool shard = name.starts_with(stem + "-") && name.find("-of-") != std::string::npos &&
                       name.find(".safetensors") != std::string::npos;
    return is_temporary_of(name, i) || (shard && std::find(names.begin(), names.end(), name) == names.end());
  });
}

/// Rank 0's checkpoint, sent to all; those that have it keep theirs.
void receive(data::Checkpoint& checkpoint, const Group& group, bool have) {
  std::string names;
  for (const auto& [name, arrays] : checkpoint.parts) names += name + "\n";
  names = detail::broadcast_text(group, names, 0);
  if (!have) checkpoint = {};
  for (std::size_t at = 0, i = 0; at < names.size(); ++i) {
    const auto end = names.find('\n', at);
    if (!have) checkpoint.parts.emplace_back(names.substr(at, end - at), NamedArrays());
    at = end + 1;
    auto& arrays = checkpoint.parts[i].second;
    const auto layout = detail::broadcast_text(group, group.rank() == 0 ? detail::layout_text(arrays) : "", 0);
    auto sent = have ? arrays : detail::arrays_of_layout(layout);
    std::vector<detail::Piece> pieces;
    std::vector<Array> kept;
    for (auto& [key, x] : sent) {
      Array bytes = !have ? x : group.rank() == 0 ? core::contiguous(x) : Array::empty(x.shape(), x.dtype());
      pieces.push_back({const_cast<void*>(std::as_const(bytes).raw()), detail::byte_size(bytes), 0});
      kept.push_back(std::move(bytes));
    }
    detail::broadcast_pieces(group, "a checkpoint", pieces);
    if (!have) arrays = std::move(sent);
  }
  std::string metadata;
  for (const auto& [key, value] : checkpoint.metadata) metadata += key + '\0' + value + '\0';
  metadata = detail::broadcast_text(group, metadata, 0);
  for (std::size_t at = 0; !have && at < metadata.size();) {
    const std::string key = metadata.c_str() + at;
    at += key.size() + 1;
    checkpoint.metadata[key] = metadata.c_str() + at;
    at += checkpoint.metadata[key].size() + 1;
  }
}

data::Checkpoint load(const std::string& path, const Group& group) {
  data::Checkpoint checkpoint;
  detail::all_succeed(group, "load_checkpoint", [&] {
    if (group.rank() == 0) checkpoint = data::load_checkpoint(path);
  });
  if (group.size() > 1) {
    const auto content = detail::broadcast_text(
        group, group.rank() == 0 && checkpoint.metadata.contains(content_key) ? checkpoint.metadata[content_key] : "",
        0);
    bool have = group.rank() == 0;
    if (!have && !content.empty()) {
      try {
        checkpoint = data::load_checkpoint(path);
        const auto own = checkpoint.metadata.find(content_key);
        have = own != checkpoint.metadata.end() && own->second == content;
      } catch (const IoError&) {  // rank 0 sends it
      }
    }
    const bool all_have = group.all_reduce(core::full({}, have ? 1 : 0, i64), ReduceOp::min).item<std::int64_t>() == 1;
    if (!all_have) receive(checkpoint, group, have);
  }
  checkpoint.metadata.erase(content_key);
  return checkpoint;
}

}  // namespace

void save_checkpoint(const std::string& path, const data::Checkpoint& checkpoint, const Group& group,
                     SourceLocation at) {
  const CallSite here(at);
  const auto plan = detail::plan_checkpoint(checkpoint, group);
  if (path.ends_with(index_end)) {
    save_in_shards(path, checkpoint, group, plan);
  } else {
    save_as_one(path, checkpoint, group, plan);
  }
}

data::Checkpoint load_checkpoint(const std::string& path, const Group& group, SourceLocation at) {
  const CallSite here(at);
  return load(path, group);
}

std::optional<data::Checkpoint> find_checkpoint(const std::string& path, const Group& group, SourceLocation at) {
  const CallSite here(at);
  std::error_code ignored;
  const std::string found = group.rank() == 0 && files::exists(path, ignored) ? "yes" : "";
  if (detail::broadcast_text(group, found, 0).empty()) return {};
  return load(path, group);
}

}  // namespace newtape::mpi
