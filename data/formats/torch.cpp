// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/elements.hpp>
#include <newtape/data/formats/torch.hpp>
#include <newtape/data/formats/torch_state.hpp>
#include <newtape/data/formats/zip_archive.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace newtape::data {

bool TorchFile::contains(std::string_view name) const {
  return std::any_of(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == name; });
}

const Array& TorchFile::operator[](std::string_view name) const {
  std::string known;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (arrays[i].first == name) return arrays[i].second;
    if (i < 10) known += (i == 0 ? "" : ", ") + arrays[i].first;
  }
  if (arrays.size() > 10) known += fmt::format(", ... ({} in all)", arrays.size());
  raise<ValueError>("TorchFile: no tensor of this name", known.empty() ? "(none)" : known, name);
}

#if defined(NEWTAPE_HAVE_LIBZIP)

namespace {

constexpr const char* torch_reader = "load_torch";

/// Files of PyTorch before 1.6 begin with a pickle of a number.
bool is_legacy_torch_file(const std::string& path) {
  constexpr std::string_view magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  std::string head(magic.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(head.data(), static_cast<std::streamsize>(head.size())) && head == magic;
}

class TorchArchive {
 public:
  TorchArchive(const std::string& path, bool widen)
      : widen_(widen), where_(fmt::format("{}: '{}'", torch_reader, path)), zip_(torch_reader, path) {
    // All entries are in one folder, whose name is that of the file when it was saved.
    for (std::uint64_t i = 0; i < zip_.count() && !pickle_; ++i) {
      const std::string name = zip_.name(i);
      if (name != "data.pkl" && !name.ends_with("/data.pkl")) continue;
      folder_ = name.substr(0, name.size() - 8);
      pickle_ = i;
    }
    if (!pickle_) raise<IoError>(where_ + ": not a file of torch.save", "an entry data.pkl", "none");
    if (const auto order = zip_.find(folder_ + "byteorder"); order && zip_.read(*order) != "little") {
      raise<IoError>(where_ + ": the elements are stored in another byte order", "little", "big");
    }
  }

  TorchFile read() const {
    return detail::read_torch_state(zip_.read(*pickle_), fmt::format("{}, {}data.pkl", where_, folder_),
                                    [this](const detail::TorchStorage& s) { return storage(s); });
  }

 private:
  Array storage(const detail::TorchStorage& s) const {
    const std::string name = folder_ + "data/" + s.key;
    const auto entry = zip_.find(name);
    const auto there = entry ? zip_.stored_size(*entry) : std::nullopt;
    const auto item = item_size(s.dtype);
    // What is stored is in the file: memory is allocated for what is there.
    if (!there || *there / item != static_cast<std::uint64_t>(s.size) || *there % item != 0) {
      raise<IoError>(fmt::format("{}: storage '{}' has the wrong size", where_, name),
                     fmt::format("{} elements of {}, uncompressed", s.size, newtape::name(s.dtype)),
                     there ? fmt::format("{} bytes", *there) : "none");
    }
    const auto bytes = static_cast<std::size_t>(*there);
    if (widen_ && is_storage(s.dtype)) return widened(*entry, s, bytes);
    Array x = Array::empty({s.size}, s.dtype);
    zip_.read_into(*entry, x.raw(), bytes);
    if (s.dtype == boolean) {
      const auto* first = static_cast<const unsigned char*>(x.raw());
      const auto* bad = std::find_if(first, first + s.size, [](unsigned char b) { return b > 1; });
      if (bad != first + s.size) {
        raise<IoError>(
            fmt::format("{}: storage '{}', byte {}: a boolean is neither 0 nor 1", where_, name, bad - first), "0 or 1",
            std::to_string(*bad));
      }
    }
    return x;
  }

  /// A few elements at a time, so that the file's are never in memory as a whole.
  Array widened(std::uint64_t entry, const detail::TorchStorage& s, std::size_t bytes) const {
    constexpr std::int64_t piece = std::int64_t{1} << 20;
    Array part = Array::empty({std::min(piece, s.size)}, s.dtype);
    const auto item = item_size(s.dtype);
    Array result = Array::empty({s.size}, detail::widened(s.dtype));
    std::int64_t done = 0;
    zip_.read_parts(entry, part.raw(), static_cast<std::size_t>(part.size()) * item, bytes, [&](std::size_t got) {
      const auto n = static_cast<std::int64_t>(got / item);
      Array to = core::slice(result, 0, done, done + n);
      core::assign(to, core::cast(core::slice(part, 0, 0, n), result.dtype()));
      done += n;
    });
    return result;
  }

  bool widen_;
  std::string where_, folder_;
  detail::ZipArchive zip_;
  std::optional<std::uint64_t> pickle_;
};

}  // namespace

TorchFile load_torch(const std::string& path, const LoadTorchOptions& options) {
  if (is_legacy_torch_file(path)) {
    raise<IoError>(fmt::format("{}: '{}': the format of PyTorch before 1.6", torch_reader, path),
                   "a zip archive: in Python, torch.save(torch.load(path), path) with a newer PyTorch",
                   "a bare pickle");
  }
  return TorchArchive(path, options.widen).read();
}

#else

TorchFile load_torch(const std::string& path, const LoadTorchOptions&) {
  raise<IoError>("load_torch: '" + path + "': Newtape was built without libzip", "libzip when Newtape is configured",
                 "none");
}

#endif

}  // namespace newtape::data
