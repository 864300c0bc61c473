// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/torch.hpp>

#include <cstdint>
#include <functional>

namespace newtape::data::detail {

/// A storage of a PyTorch file as the pickle names it: `size` elements.
struct TorchStorage {
  std::string key;
  DType dtype;
  std::int64_t size;
};

/// The tensors of a PyTorch pickle; `load` reads the elements of a storage [size], once for each, in whatever dtype the
/// tensors are to have. IoErrors start with `where`.
TorchFile read_torch_state(std::string_view pickle, const std::string& where,
                           const std::function<Array(const TorchStorage&)>& load);

}  // namespace newtape::data::detail
