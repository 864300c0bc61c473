// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/mapped_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace newtape::onnx::format {

MappedFile::MappedFile(const std::string& who, const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  bool ok = descriptor >= 0 && ::fstat(descriptor, &status) == 0;
  int error = ok ? 0 : errno;
  if (ok && !S_ISREG(status.st_mode)) {
    ok = false;
    error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  }
  if (ok && status.st_size > 0) {
    size_ = static_cast<std::size_t>(status.st_size);
    void* p = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
    ok = p != MAP_FAILED;
    error = errno;
    if (ok) data_ = static_cast<char*>(p);
    mapped_ = ok;
  }
  if (descriptor >= 0) ::close(descriptor);
  if (!ok) {
    raise<IoError>(fmt::format("{}: '{}' cannot be read", who, path), {}, std::generic_category().message(error));
  }
}

MappedFile::MappedFile(std::string bytes) : memory_(std::move(bytes)), data_(memory_.data()), size_(memory_.size()) {}

MappedFile::~MappedFile() {
  if (mapped_) ::munmap(data_, size_);
}

void MappedFile::drop(std::string_view part) const noexcept {
  if (!mapped_ || part.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace newtape::onnx::format
