// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/system_files.hpp>
#include <newtape/data/formats/file.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

namespace newtape::data::detail {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Input::Input(std::string op, std::string path) : who_(std::move(op)), path_(std::move(path)) {
  errno = 0;
  file_ = gzopen(path_.c_str(), "rb");
  if (file_ == nullptr) fail("cannot be opened", {}, reason(errno == 0 ? ENOMEM : errno));
  gzbuffer(file_, 1 << 17);
}

Input::Input(std::string op, std::string path, std::string bytes)
    : who_(std::move(op)), path_(std::move(path)), memory_(std::move(bytes)) {}

Input::~Input() {
  if (file_ != nullptr) gzclose(file_);
}

std::size_t Input::read(void* to, std::size_t n) {
  auto* p = static_cast<char*>(to);
  if (file_ == nullptr) {
    const std::size_t got = memory_.copy(p, n, offset_);
    offset_ += got;
    return got;
  }
  std::size_t done = 0;
  while (done < n) {
    const auto ask = static_cast<unsigned>(std::min<std::size_t>(n - done, 1U << 30));
    errno = 0;
    const int got = gzread(file_, p + done, ask);
    const int system_error = errno;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      offset_ += static_cast<std::size_t>(got);
    }
    if (got < 0 || static_cast<unsigned>(got) < ask) {
      int code = Z_OK;
      const std::string text = gzerror(file_, &code);
      if (code == Z_ERRNO) fail(fmt::format("reading failed at byte {}", offset_), {}, reason(system_error));
      // zlib reports truncation only here, after all available data are unpacked.
      if (code != Z_OK && code != Z_STREAM_END) {
        fail(fmt::format("truncated or corrupt gzip data after {} unpacked bytes", offset_), {}, text);
      }
      break;
    }
  }
  return done;
}

std::string Input::read_up_to(std::size_t n) {
  std::string bytes;
  while (bytes.size() < n) {
    const std::size_t before = bytes.size();
    const std::size_t step = std::min(n - before, std::max<std::size_t>(1 << 16, before));
    bytes.resize(before + step);
    const std::size_t got = read(bytes.data() + before, step);
    if (got < step) {
      bytes.resize(before + got);
      break;
    }
  }
  return bytes;
}

std::string Input::read_all() { return read_up_to(std::numeric_limits<std::size_t>::max()); }

bool Input::could_hold(std::size_t bytes) const {
  if (file_ == nullptr) return bytes <= memory_.size();
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path_, unknown);
  return !unknown && bytes / 1032 <= size;
}

void Input::fail(std::string_view what, std::string_view expected, std::string_view got) const {
  raise<IoError>(fmt::format("{}: '{}': {}", who_, path_, what), expected, got);
}

Output::Output(std::string op, const std::string& path) : who_(std::move(op)), path_(path) {
  std::error_code ignored;
  // If the path is a symbolic link, its target is replaced, not the link.
  if (const auto target = std::filesystem::canonical(path, ignored); !ignored) path_ = target.string();
  const auto old = platform::file_status(path_);
  if (old.exists && !old.regular) {
    raise<IoError>(fmt::format("{}: '{}': cannot be written", who_, path_), "a regular file", "something else");
  }

  static std::atomic<unsigned> counter{0};
  do {
    temporary_ = fmt::format("{}.{}-{}.tmp", path_, platform::process_id(), counter++);
    descriptor_ = platform::create_file(temporary_);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) fail("cannot be written", errno);
  if (old.exists) platform::keep_permissions(descriptor_, old.permissions);
  if (path.ends_with(".gz")) {
    const int copy = platform::duplicate(descriptor_);
    gzip_ = copy < 0 ? nullptr : gzdopen(copy, "wb");
    if (gzip_ == nullptr) {
      if (copy >= 0) platform::close_file(copy);
      platform::close_file(descriptor_);
      std::remove(temporary_.c_str());
      fail("cannot be written", ENOMEM);
    }
  }
}

Output::~Output() {
  if (gzip_ != nullptr) gzclose(gzip_);
  if (descriptor_ >= 0) platform::close_file(descriptor_);
  if (!temporary_.empty()) std::remove(temporary_.c_str());
}

void Output::write(const void* from, std::size_t n) {
  const auto* p = static_cast<const char*>(from);
  while (n > 0) {
    errno = 0;
    const std::size_t ask = std::min<std::size_t>(n, 1U << 30);
    const auto done = gzip_ != nullptr ? std::ptrdiff_t{gzwrite(gzip_, p, static_cast<unsigned>(ask))}
                                       : platform::write_some(descriptor_, p, ask);
    if (done <= 0) fail("writing failed", errno);
    p += done;
    n -= static_cast<std::size_t>(done);
  }
}

void Output::commit() {
  if (gzip_ != nullptr) {
    errno = 0;
    if (gzclose(std::exchange(gzip_, nullptr)) != Z_OK) fail("writing failed", errno);
  }
  if (!platform::sync_file(descriptor_)) fail("writing failed", errno);
  if (!platform::close_file(std::exchange(descriptor_, -1))) fail("writing failed", errno);
  std::error_code failed;  // std::rename of C does not replace files on Windows
  std::filesystem::rename(temporary_, path_, failed);
  if (failed) fail("cannot be replaced", failed.value());
  temporary_.clear();
  // The directory entry must survive a power failure too.
  const auto folder = std::filesystem::path(path_).parent_path();
  platform::sync_directory(folder.empty() ? "." : folder.string());
}

void Output::fail(std::string_view what, int error) const {
  raise<IoError>(fmt::format("{}: '{}': {}", who_, path_, what), {}, error == 0 ? "an unknown reason" : reason(error));
}

}  // namespace newtape::data::detail
