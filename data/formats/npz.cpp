// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/npy_format.hpp>
#include <newtape/data/formats/zip_archive.hpp>

#include <fmt/format.h>

#if defined(NEWTAPE_HAVE_LIBZIP)
#include <zip.h>
#endif

#include <algorithm>
#include <memory>
#include <unordered_set>

namespace newtape::data {

bool Npz::contains(std::string_view name) const {
  return std::any_of(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == name; });
}

const Array& Npz::operator[](std::string_view name) const {
  std::string known;
  for (const auto& [n, array] : arrays) {
    if (n == name) return array;
    known += (known.empty() ? "" : ", ") + n;
  }
  raise<ValueError>("Npz: no array of this name", known, name);
}

#if defined(NEWTAPE_HAVE_LIBZIP)

namespace {

constexpr std::string_view reader = "read_npz";
constexpr std::string_view writer = "write_npz";

[[noreturn]] void fail(std::string_view op, const std::string& path, std::string_view what, const std::string& why) {
  raise<IoError>(fmt::format("{}: '{}': {}", op, path, what), {}, why);
}

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

}  // namespace

Npz read_npz(const std::string& path, const ReadNpyOptions& options) {
  const detail::ZipArchive archive{std::string(reader), path};
  Npz result;
  for (std::uint64_t i = 0; i < archive.count(); ++i) {
    std::string key = archive.name(i);
    if (!key.ends_with(".npy")) fail(reader, path, "an entry is not an array", fmt::format("'{}'", key));
    detail::Input file(std::string(reader), path + "/" + key, archive.read(i));
    key.resize(key.size() - 4);
    result.arrays.emplace_back(std::move(key), detail::parse_npy(file, options));
  }
  return result;
}

void write_npz(const std::string& path, const NamedArrays& arrays, bool compressed) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [name, array] : arrays) {
    if (name.empty() || !array.defined() || !seen.insert(name).second) {
      raise<ValueError>("write_npz: every array must be defined and have a unique name", "distinct, nonempty names",
                        "\"" + name + "\"");
    }
  }
  if (arrays.empty()) {  // libzip creates no empty archives: this is one, an end-of-directory record
    detail::Output file(std::string(writer), path);
    file.write(std::string("PK\5\6") + std::string(18, '\0'));
    file.commit();
    return;
  }
  // The archive is built in memory, so that the file can be replaced atomically.
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* memory = zip_source_buffer_create(nullptr, 0, 0, &error);
  Archive archive(memory == nullptr ? nullptr : zip_open_from_source(memory, ZIP_TRUNCATE, &error));
  if (!archive) fail(writer, path, "the archive cannot be created", zip_error_strerror(&error));
  zip_source_keep(memory);
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> hold(memory, zip_source_free);
  std::vector<std::string> contents;  // must outlive the archive
  contents.reserve(arrays.size());
  for (const auto& [name, array] : arrays) {
    const Array dense = core::contiguous(array);
    std::string bytes = detail::npy_header(dense);
    bytes.append(static_cast<const char*>(dense.raw()),
                 static_cast<std::size_t>(dense.size()) * item_size(dense.dtype()));
    contents.push_back(std::move(bytes));
    zip_source_t* source = zip_source_buffer(archive.get(), contents.back().data(), contents.back().size(), 0);
    const auto index =
        source == nullptr ? -1 : zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(writer, path, "an array cannot be added", zip_strerror(archive.get()));
    }
    const auto at = static_cast<zip_uint64_t>(index);
    zip_set_file_compression(archive.get(), at, compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    zip_file_set_mtime(archive.get(), at, 315532800, 0);  // 1980-01-01, so that equal arrays give equal files
  }
  if (zip_close(archive.get()) != 0) fail(writer, path, "the archive cannot be written", zip_strerror(archive.get()));
  static_cast<void>(archive.release());

  zip_stat_t status;
  if (zip_source_open(memory) != 0 || zip_source_stat(memory, &status) != 0) {
    fail(writer, path, "the archive cannot be read back", zip_error_strerror(zip_source_error(memory)));
  }
  detail::Output file(std::string(writer), path);
  std::string piece(1 << 18, '\0');
  zip_int64_t got = 0;
  while ((got = zip_source_read(memory, piece.data(), piece.size())) > 0) {
    file.write(piece.data(), static_cast<std::size_t>(got));
  }
  if (got < 0) fail(writer, path, "the archive cannot be read back", zip_error_strerror(zip_source_error(memory)));
  zip_source_close(memory);
  file.commit();
}

#else

Npz read_npz(const std::string& path, const ReadNpyOptions&) {
  raise<IoError>("read_npz: '" + path + "': Newtape was built without libzip", "libzip when Newtape is configured",
                 "none");
}
void write_npz(const std::string& path, const NamedArrays&, bool) {
  raise<IoError>("write_npz: '" + path + "': Newtape was built without libzip", "libzip when Newtape is configured",
                 "none");
}

#endif

}  // namespace newtape::data
