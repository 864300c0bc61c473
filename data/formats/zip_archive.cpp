// SPDX-License-Identifier: BSD-3-Clause
#if defined(NEWTAPE_HAVE_LIBZIP)

#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/zip_archive.hpp>

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

namespace newtape::data::detail {
namespace {

struct CloseZipEntry {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using ZipEntry = std::unique_ptr<zip_file_t, CloseZipEntry>;

}  // namespace

ZipArchive::ZipArchive(std::string op, std::string path) : op_(std::move(op)), path_(std::move(path)) {
  int code = 0;
  archive_ = zip_open(path_.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (archive_ != nullptr) return;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  fail("cannot be opened as an archive", text);
}

ZipArchive::~ZipArchive() { zip_discard(archive_); }

std::uint64_t ZipArchive::count() const { return static_cast<std::uint64_t>(zip_get_num_entries(archive_, 0)); }

std::string ZipArchive::name(std::uint64_t entry) const {
  const char* text = zip_get_name(archive_, entry, ZIP_FL_ENC_GUESS);
  if (text == nullptr) fail("an entry has no name", zip_strerror(archive_));
  return text;
}

std::optional<std::uint64_t> ZipArchive::find(const std::string& name) const {
  const auto at = zip_name_locate(archive_, name.c_str(), ZIP_FL_ENC_GUESS);
  if (at < 0) return std::nullopt;
  return static_cast<std::uint64_t>(at);
}

std::optional<std::uint64_t> ZipArchive::stored_size(std::uint64_t entry) const {
  zip_stat_t status;
  constexpr auto known = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(archive_, entry, 0, &status) != 0 || (status.valid & known) != known ||
      status.comp_method != ZIP_CM_STORE || status.size != status.comp_size) {
    return std::nullopt;
  }
  // An archive may claim anything; no stored entry is longer than the file.
  std::error_code unknown;
  const auto file = std::filesystem::file_size(path_, unknown);
  if (unknown || status.size > file) return std::nullopt;
  return status.size;
}

std::string ZipArchive::read(std::uint64_t entry) const {
  const ZipEntry file(zip_fopen_index(archive_, entry, 0));
  if (!file) fail(fmt::format("'{}' cannot be unpacked", name(entry)), zip_strerror(archive_));
  std::string bytes;
  while (true) {
    const std::size_t before = bytes.size();
    const std::size_t step = std::max<std::size_t>(1 << 16, before / 2);
    bytes.resize(before + step);
    const auto got = zip_fread(file.get(), bytes.data() + before, step);
    if (got < 0) {
      fail(fmt::format("'{}' is corrupt after {} unpacked bytes", name(entry), before), zip_file_strerror(file.get()));
    }
    bytes.resize(before + static_cast<std::size_t>(got));
    if (got == 0) return bytes;
  }
}

void ZipArchive::read_into(std::uint64_t entry, void* to, std::size_t n) const {
  read_parts(entry, to, n, n, [](std::size_t) {});
}

void ZipArchive::read_parts(std::uint64_t entry, void* to, std::size_t size, std::size_t n,
                            const std::function<void(std::size_t)>& take) const {
  const ZipEntry file(zip_fopen_index(archive_, entry, 0));
  if (!file) fail(fmt::format("'{}' cannot be unpacked", name(entry)), zip_strerror(archive_));
  std::size_t done = 0;
  const auto read_some = [&](void* at, std::size_t wanted) {
    const auto got = zip_fread(file.get(), at, std::min<std::size_t>(wanted, 1U << 30));
    if (got < 0) {
      fail(fmt::format("'{}' is corrupt after {} unpacked bytes", name(entry), done), zip_file_strerror(file.get()));
    }
    return static_cast<std::size_t>(got);
  };
  const auto expect_size = [&](bool right, const char* more) {
    if (!right) fail(fmt::format("'{}' has the wrong size", name(entry)), fmt::format("{} bytes {}", done, more));
  };
  while (done < n) {
    const std::size_t part = std::min(size, n - done);
    for (std::size_t filled = 0; filled < part;) {
      const auto got = read_some(static_cast<char*>(to) + filled, part - filled);
      expect_size(got != 0, "");
      filled += got;
      done += got;
    }
    take(part);
  }
  char more = 0;  // libzip checks the sum at the end
  expect_size(read_some(&more, 1) == 0, "and more");
}

void ZipArchive::fail(const std::string& what, const std::string& why) const {
  raise<IoError>(fmt::format("{}: '{}': {}", op_, path_, what), {}, why);
}

}  // namespace newtape::data::detail

#endif
