// SPDX-License-Identifier: BSD-3-Clause
#include "reader.hpp"

#include <newtape/data/formats/torch.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const newtape::data::LoadTorchOptions options{.widen = size % 2 == 0};
  return fuzz::read(data, size, [&](const std::string& path) { newtape::data::load_torch(path, options); });
}
