// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/checkpoint.hpp>
#include <newtape/data/formats/safetensors.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace newtape::data {

namespace {
/// Metadata key whose value lists the part names, one per line, including parts without arrays.
const std::string parts_key = "newtape.checkpoint";
}  // namespace

bool Checkpoint::contains(std::string_view part) const {
  return std::any_of(parts.begin(), parts.end(), [&](const auto& p) { return p.first == part; });
}

const NamedArrays& Checkpoint::operator[](std::string_view part) const {
  std::string known;
  for (const auto& [name, arrays] : parts) {
    if (name == part) return arrays;
    known += (known.empty() ? "" : ", ") + name;
  }
  raise<ValueError>("Checkpoint: no part of this name", known, part);
}

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  NamedArrays all;
  auto metadata = checkpoint.metadata;
  std::string& list = metadata[parts_key];
  list.clear();
  for (auto part = checkpoint.parts.begin(); part != checkpoint.parts.end(); ++part) {
    const auto& [name, arrays] = *part;
    const bool twice = std::any_of(checkpoint.parts.begin(), part, [&n = name](const auto& p) { return p.first == n; });
    if (name.empty() || name.find_first_of(".\n") != std::string::npos || twice) {
      raise<ValueError>("save_checkpoint: invalid part name", "distinct, nonempty names without dots",
                        "\"" + name + "\"");
    }
    list += name + "\n";
    for (const auto& [entry, array] : arrays) all.emplace_back(fmt::format("{}.{}", name, entry), array);
  }
  save_safetensors(path, all, metadata);
}

Checkpoint load_checkpoint(const std::string& path) {
  Safetensors file = load_safetensors(path);
  const auto listed = file.metadata.find(parts_key);
  if (listed == file.metadata.end()) {
    raise<IoError>(fmt::format("load_checkpoint: '{}': not a checkpoint", path), "a list of parts in the metadata",
                   "none");
  }
  Checkpoint result;
  const std::string& list = listed->second;
  for (std::size_t at = 0; at < list.size();) {
    const auto end = std::min(list.find('\n', at), list.size());
    result.parts.emplace_back(list.substr(at, end - at), NamedArrays());
    at = end + 1;
  }
  for (auto& [name, array] : file.arrays) {
    const auto dot = name.find('.');
    const auto part = std::find_if(result.parts.begin(), result.parts.end(),
                                   [&n = name, dot](const auto& p) { return p.first == n.substr(0, dot); });
    if (dot == std::string::npos || part == result.parts.end()) {
      raise<IoError>(fmt::format("load_checkpoint: '{}': an array belongs to none of the parts", path), list, name);
    }
    part->second.emplace_back(name.substr(dot + 1), std::move(array));
  }
  file.metadata.erase(parts_key);
  result.metadata = std::move(file.metadata);
  return result;
}

}  // namespace newtape::data
