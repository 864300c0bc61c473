// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
  /// The same in parts of `size` bytes, the last one maybe of fewer: each is read into `to`, then `take(bytes)` is called.
  void read_parts(std::uint64_t entry, void* to, std::size_t size, std::size_t n,
                  const std::function<void(std::size_t)>& take) const;

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& why) const;

  std::string op_, path_;
  zip* archive_ = nullptr;
};

}  // namespace newtape::data::detail
