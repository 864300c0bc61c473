// SPDX-License-Identifier: BSD-3-Clause
// Bytes as a file for the readers, which take paths: in memory, under the name that Linux gives an open descriptor.
#pragma once

#include <newtape/core/runtime/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace fuzz {

class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(::memfd_create("fuzz", 0)) {
    if (descriptor_ < 0 || ::write(descriptor_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// Whatever the bytes are: an array, or an IoError. Anything else is a defect.
template <class Read>
int read(const std::uint8_t* data, std::size_t size, Read&& read) {
  const MemoryFile file(data, size);
  try {
    read(file.path());
  } catch (const newtape::IoError&) {
    return 0;
  }
  return 0;
}

}  // namespace fuzz
