// SPDX-License-Identifier: BSD-3-Clause
// The pickle in a file of torch.save, without the archive around it, whose checksums few damaged files pass.
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/torch_state.hpp>

#include <cstdint>

using newtape::data::detail::TorchStorage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto load = [](const TorchStorage& s) {
    if (s.size > 1 << 16) newtape::raise<newtape::IoError>("a storage is too large", "2^16 elements", "more");
    return newtape::core::zeros({s.size}, s.dtype);
  };
  try {
    newtape::data::detail::read_torch_state({reinterpret_cast<const char*>(data), size}, "fuzz", load);
  } catch (const newtape::IoError&) {
    return 0;
  }
  return 0;
}
