// SPDX-License-Identifier: BSD-3-Clause
#include "reader.hpp"

#include <newtape/data/formats/bal.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::read(data, size, [](const std::string& path) { newtape::data::read_bal(path); });
}
