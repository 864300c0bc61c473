// SPDX-License-Identifier: BSD-3-Clause
#include "reader.hpp"

#include <newtape/data/sets/cifar.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto format = size % 2 == 0 ? newtape::data::CifarFormat::cifar100 : newtape::data::CifarFormat::cifar10;
  return fuzz::read(data, size, [&](const std::string& path) { newtape::data::read_cifar({path}, format); });
}
