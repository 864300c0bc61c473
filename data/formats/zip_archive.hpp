// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>

struct zip;

/// Zip archives, read by libzip; compiled only where it is found.
namespace newtape::data::detail {

class ZipArchive {
 public:
  /// `op` is the function named in error messages. IoError if the file is not a whole archive.
  ZipArchive(std::string op, std::string path);
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;
  ~ZipArchive();

  std::uint64_t count() const;
  std::string name(std::uint64_t entry) const;
  std::optional<std::uint64_t> find(const std::string& name) const;
  /// Bytes of an entry that is stored without compression; none for another.
  std::optional<std::uint64_t> stored_size(std::uint64_t entry) const;
  /// All of an entry, unpacked; allocates only for data that are really present, whatever the archive says.
  std::string read(std::uint64_t entry) const;
  /// An entry of exactly `n` bytes; IoError if it has more or less.
  void read_into(std::uint64_t entry, void* to, std::size_t n) const;

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& why) const;

  std::string op_, path_;
  zip* archive_ = nullptr;
};

}  // namespace newtape::data::detail
