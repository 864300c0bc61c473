// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::data {

/// All that a run needs to go on bit for bit, as the parts' own state_dicts:
///
///     data::save_checkpoint("run.safetensors", {{{"model", model.state_dict()},
///                                                {"optimizer", optimizer.state_dict()},
///                                                {"generator", nt::default_generator().state_dict()},
///                                                {"loader", loader.state_dict()}}});
struct Checkpoint {
  std::vector<std::pair<std::string, NamedArrays>> parts;
  std::map<std::string, std::string> metadata = {};

  bool contains(std::string_view part) const;
  /// ValueError lists the parts there are.
  const NamedArrays& operator[](std::string_view part) const;
};

/// Writes one safetensors file, with names such as "model.fc1.weight". It is replaced in one step: whatever happens
/// meanwhile, the old file or the new one is there, whole. IoError; ValueError for a part without a name, with a dot in
/// it, or there twice.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// IoError when it is not a whole safetensors file that save_checkpoint wrote.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace newtape::data
