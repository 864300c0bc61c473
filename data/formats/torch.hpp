// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <map>
#include <string>
#include <string_view>

namespace newtape::data {

/// Contents of a file of torch.save: its tensors, in order, under the keys that lead to them, joined by dots
/// ("model.fc.weight", "optimizer.state.0.exp_avg"); and its numbers and texts likewise.
struct TorchFile {
  NamedArrays arrays;
  std::map<std::string, std::string> metadata;

  /// Whether there is an array of this name.
  bool contains(std::string_view name) const;
  /// The array of this name; ValueError listing existing names if there is none.
  const Array& operator[](std::string_view name) const;
};

struct LoadTorchOptions {
  bool widen = false;  ///< f16 and bf16 become f32, integers i64: the dtypes that are computed with
};

/// Reads the tensors of a file of torch.save (.pt, .pth, .bin; PyTorch 1.6 and newer): a state dict, or dicts, lists and
/// tuples of tensors in any nesting. Nothing in the file is executed: tensors, parameters, dtypes, OrderedDict and
/// torch.Size are the only objects that are understood, and any other is an IoError with its name. Tensors that share
/// memory there share it here. IoError also if the file is damaged or in the format of PyTorch before 1.6, or if Newtape
/// was built without libzip.
TorchFile load_torch(const std::string& path, const LoadTorchOptions& options = {});

}  // namespace newtape::data
