// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/system_files.hpp>

#include <cerrno>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <sys/stat.h>

#include <cstdlib>
#include <new>
#else
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace newtape::platform {

#if defined(_WIN32)

int create_file(const std::string& path) noexcept {
  return _open(path.c_str(), _O_WRONLY | _O_CREAT | _O_EXCL | _O_APPEND | _O_BINARY | _O_NOINHERIT,
               _S_IREAD | _S_IWRITE);
}

std::ptrdiff_t write_some(int descriptor, const void* from, std::size_t n) noexcept {
  return _write(descriptor, from, static_cast<unsigned>(n < (1U << 30) ? n : 1U << 30));
}

bool sync_file(int descriptor) noexcept { return _commit(descriptor) == 0; }
bool cut_file(int descriptor, std::int64_t length) noexcept { return _chsize_s(descriptor, length) == 0; }
bool close_file(int descriptor) noexcept { return _close(descriptor) == 0; }
int duplicate(int descriptor) noexcept { return _dup(descriptor); }
void sync_directory(const std::string&) noexcept {}

FileStatus file_status(const std::string& path) noexcept {
  struct _stat64 status {};
  if (_stat64(path.c_str(), &status) != 0) return {};
  return {true, (status.st_mode & _S_IFREG) != 0, 0};
}

void keep_permissions(int, unsigned) noexcept {}

MappedFile::MappedFile(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    error_ = errno;
    return;
  }
  struct _stat64 status {};
  if (_fstat64(_fileno(file), &status) != 0) {
    error_ = errno;
  } else if ((status.st_mode & _S_IFREG) == 0) {
    error_ = EINVAL;
  } else if (status.st_size > 0) {
    size_ = static_cast<std::size_t>(status.st_size);
    data_ = static_cast<std::byte*>(::operator new (size_, std::align_val_t{64}, std::nothrow));
    if (data_ == nullptr) {
      error_ = ENOMEM;
    } else if (std::fread(data_, 1, size_, file) != size_) {
      error_ = EIO;
    }
  }
  std::fclose(file);
}

MappedFile::~MappedFile() { ::operator delete (data_, std::align_val_t{64}); }
void MappedFile::drop(const void*, std::size_t) const noexcept {}

bool is_terminal(std::FILE* stream) noexcept { return stream != nullptr && _isatty(_fileno(stream)) != 0; }
TerminalSize terminal_size(std::FILE*) noexcept { return {}; }
int process_id() noexcept { return _getpid(); }

std::string host_name() {
  const char* const name = std::getenv("COMPUTERNAME");
  return name == nullptr ? "localhost" : name;
}

#else

int create_file(const std::string& path) noexcept {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
}

std::ptrdiff_t write_some(int descriptor, const void* from, std::size_t n) noexcept {
  while (true) {
    const auto done = ::write(descriptor, from, n);
    if (done >= 0 || errno != EINTR) return done;
  }
}

bool sync_file(int descriptor) noexcept { return ::fsync(descriptor) == 0; }
bool cut_file(int descriptor, std::int64_t length) noexcept {
  return ::ftruncate(descriptor, static_cast<off_t>(length)) == 0;
}
bool close_file(int descriptor) noexcept { return ::close(descriptor) == 0; }
int duplicate(int descriptor) noexcept { return ::dup(descriptor); }

void sync_directory(const std::string& path) noexcept {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  static_cast<void>(::fsync(descriptor));  // some file systems reject this
  ::close(descriptor);
}

FileStatus file_status(const std::string& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {true, S_ISREG(status.st_mode), static_cast<unsigned>(status.st_mode & 07777)};
}

void keep_permissions(int descriptor, unsigned permissions) noexcept {
  static_cast<void>(::fchmod(descriptor, static_cast<mode_t>(permissions)));
}

MappedFile::MappedFile(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    error_ = errno;
  } else if (!S_ISREG(status.st_mode)) {
    error_ = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  } else if (status.st_size > 0) {
    void* const p =
        ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
    if (p == MAP_FAILED) {
      error_ = errno;
    } else {
      data_ = static_cast<std::byte*>(p);
      size_ = static_cast<std::size_t>(status.st_size);
    }
  }
  if (descriptor >= 0) ::close(descriptor);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void MappedFile::drop(const void* from, std::size_t n) const noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(from) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(from) + n) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

bool is_terminal(std::FILE* stream) noexcept { return stream != nullptr && ::isatty(::fileno(stream)) == 1; }

TerminalSize terminal_size(std::FILE* stream) noexcept {
  winsize size{};
  if (stream == nullptr || ::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_col, size.ws_row};
}

int process_id() noexcept { return static_cast<int>(::getpid()); }

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

#endif

}  // namespace newtape::platform
