// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::data {

/// State from which a run resumes with bitwise equal results, as the state_dicts of its parts:
///
///     data::save_checkpoint("run.safetensors", {{{"model", model.state_dict()},
///                                                {"optimizer", optimizer.state_dict()},
///                                                {"generator", nt::default_generator().state_dict()},
///                                                {"loader", loader.state_dict()}}});
struct Checkpoint {
  std::vector<std::pair<std::string, NamedArrays>> parts;
  std::map<std::string, std::string> metadata = {};

  /// Whether there is a part of this name.
  bool contains(std::string_view part) const;
  /// ValueError listing the existing parts.
  const NamedArrays& operator[](std::string_view part) const;
};

/// Writes one safetensors file with names such as "model.fc1.weight". The file is replaced atomically: after a failure
/// the old one is intact. IoError; ValueError for a part name that is empty, duplicate or contains a dot.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// IoError unless it is a complete safetensors file written by save_checkpoint.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace newtape::data
