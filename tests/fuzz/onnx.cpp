// SPDX-License-Identifier: BSD-3-Clause
#include "reader.hpp"

#include <newtape/onnx/onnx.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::read(data, size, [](const std::string& path) {
    const auto model = newtape::onnx::load(path);
    unsupported(model);
  });
}
