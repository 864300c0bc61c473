// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/stable_sort.hpp>
#include <newtape/core/runtime/system_files.hpp>
#include <newtape/data/formats/elements.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/safetensors.hpp>
#include <newtape/data/formats/safetensors_header.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <numeric>
#include <system_error>
#include <unordered_set>

namespace newtape::data {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files hold little-endian numbers");

using detail::StoredTensor;

constexpr std::string_view op = "load_safetensors";

std::shared_ptr<platform::MappedFile> map_file(const std::string& path) {
  auto file = std::make_shared<platform::MappedFile>(path);
  if (file->error() != 0) {
    raise<IoError>(fmt::format("{}: '{}': cannot be read", op, path), {},
                   std::generic_category().message(file->error()));
  }
  return file;
}

class SafetensorsLoader {
 public:
  SafetensorsLoader(const std::string& path, const LoadSafetensorsOptions& options)
      : path_(path), options_(options), file_(map_file(path)) {}

  Safetensors load() {
    const auto header = detail::parse_safetensors_header({reinterpret_cast<const char*>(file_->data()), file_->size()},
                                                         fmt::format("{}: '{}'", op, path_));
    Safetensors result;
    result.metadata = header.metadata;
    result.arrays.reserve(header.tensors.size());
    for (const auto& t : header.tensors) result.arrays.emplace_back(t.name, array(t));
    return result;
  }

 private:
  Array array(const StoredTensor& t) {
    if (t.type->dtype == boolean) expect_booleans(t);
    Array x = native(t);
    if (!options_.widen || !is_storage(x.dtype())) return x;
    if (x.dtype() == u64) expect_below_2_63(t, x);
    // Pages that have been converted are dropped, or the file would be in memory beside its widened copy.
    const auto* const from = static_cast<const std::byte*>(x.raw());
    const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
    return detail::convert_in_pieces(x, detail::widened(x.dtype()), [&](std::int64_t begin, std::int64_t n) {
      if (from == file_->data() + t.begin) file_->drop(from + begin * item, static_cast<std::size_t>(n * item));
    });
  }

  /// The mapped memory itself if aligned, else a copy.
  Array native(const StoredTensor& t) {
    const DType dtype = t.type->dtype;
    std::byte* from = file_->data() + t.begin;
    if (t.count != 0 && reinterpret_cast<std::uintptr_t>(from) % item_size(dtype) == 0) {
      auto keep = std::make_unique<std::shared_ptr<platform::MappedFile>>(file_);
      auto result = Array::adopt(t.shape, dtype, from, keep.get(),
                                 [](void* p) { delete static_cast<std::shared_ptr<platform::MappedFile>*>(p); });
      static_cast<void>(keep.release());
      return result;
    }
    auto result = Array::empty(t.shape, dtype);
    if (t.count != 0) std::memcpy(result.raw(), from, static_cast<std::size_t>(t.count) * item_size(dtype));
    return result;
  }

  void expect_booleans(const StoredTensor& t) const {
    const std::byte* from = file_->data() + t.begin;
    const std::byte* end = from + t.count;
    const auto bad = std::find_if(from, end, [](std::byte b) { return b > std::byte{1}; });
    if (bad == end) return;
    fail(t, t.begin + static_cast<std::size_t>(bad - from), "a boolean is neither 0 nor 1", "0 or 1",
         std::to_string(std::to_integer<int>(*bad)));
  }

  void expect_below_2_63(const StoredTensor& t, const Array& x) const {
    const auto* v = x.data<std::uint64_t>();
    const auto* bad = std::find_if(v, v + x.size(), [](std::uint64_t n) { return n >> 63 != 0; });
    if (bad == v + x.size()) return;
    fail(t, t.begin + static_cast<std::size_t>(bad - v) * sizeof(*v), "an integer does not fit i64",
         "integers below 2^63", std::to_string(*bad));
  }

  [[noreturn]] void fail(const StoredTensor& t, std::size_t at, std::string_view what, std::string_view expected,
                         std::string_view got) const {
    raise<IoError>(fmt::format("{}: '{}': tensor '{}', byte {}: {}", op, path_, t.name, at, what), expected, got);
  }

  const std::string& path_;
  const LoadSafetensorsOptions& options_;
  std::shared_ptr<platform::MappedFile> file_;
};

/// The files that an index names, each once, and every tensor that it maps to one of them.
Safetensors load_shards(const std::string& path, const LoadSafetensorsOptions& options) {
  const auto text = map_file(path);
  const auto index = detail::parse_safetensors_index({reinterpret_cast<const char*>(text->data()), text->size()},
                                                     fmt::format("{}: '{}'", op, path));
  const auto folder = path.substr(0, path.find_last_of('/') + 1);
  Safetensors result;
  result.metadata = index.metadata;
  std::unordered_set<std::string_view> wanted;
  for (const auto& [name, file] : index.files) wanted.insert(name);
  for (const auto& file : index.shards) {
    const std::string shard = folder + file;
    Safetensors part = SafetensorsLoader(shard, options).load();
    for (auto& [name, array] : part.arrays) {
      const auto at = index.files.find(name);
      if (at == index.files.end() || at->second != file) {
        raise<IoError>(fmt::format("{}: '{}': tensor '{}' is not the index's", op, shard, name),
                       fmt::format("the tensors that '{}' maps to this file", path),
                       at == index.files.end() ? "one that it does not name" : "one that it maps to " + at->second);
      }
      wanted.erase(at->first);
      result.arrays.emplace_back(name, std::move(array));
    }
  }
  if (!wanted.empty()) {
    const std::string name(*std::min_element(wanted.begin(), wanted.end()));
    raise<IoError>(fmt::format("{}: '{}': tensor '{}' is in none of the files", op, path, name),
                   fmt::format("it in '{}'", folder + index.files.find(name)->second), "a file without it");
  }
  return result;
}

std::size_t byte_count(const Array& x) { return static_cast<std::size_t>(x.size()) * item_size(x.dtype()); }

}  // namespace

bool Safetensors::contains(std::string_view name) const {
  return std::any_of(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == name; });
}

const Array& Safetensors::operator[](std::string_view name) const {
  const auto at = std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == name; });
  if (at == arrays.end()) {
    std::string names;
    for (std::size_t i = 0; i < arrays.size() && i < 10; ++i) names += (i == 0 ? "" : ", ") + arrays[i].first;
    if (arrays.size() > 10) names += fmt::format(", ... ({} in all)", arrays.size());
    raise<ValueError>(fmt::format("safetensors: no tensor '{}'", name), names.empty() ? "(none)" : names,
                      std::string(name));
  }
  return at->second;
}

void save_safetensors(const std::string& path, const NamedArrays& arrays,
                      const std::map<std::string, std::string>& metadata) {
  std::unordered_set<std::string_view> names;
  for (const auto& [name, x] : arrays) {
    if (!x.defined()) raise<ValueError>(fmt::format("save_safetensors: '{}' is undefined", name), "an array", "none");
    if (!names.insert(name).second || name == "__metadata__") {
      raise<ValueError>("save_safetensors: invalid name", "distinct names other than __metadata__", name);
    }
  }

  // The format allows no gaps, so arrays are sorted by decreasing element size: all are then aligned in the mapping.
  std::vector<std::size_t> order(arrays.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  newtape::detail::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return item_size(arrays[a].second.dtype()) > item_size(arrays[b].second.dtype());
  });
  std::vector<std::size_t> begin(arrays.size());
  std::size_t end = 0;
  for (const auto i : order) {
    begin[i] = end;
    end += byte_count(arrays[i].second);
  }

  std::vector<detail::HeaderEntry> entries;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const auto& [name, x] = arrays[i];
    entries.push_back({name, detail::stored_type(x.dtype()), x.shape(), begin[i], begin[i] + byte_count(x)});
  }
  const std::string header = detail::format_safetensors_header(entries, metadata);

  detail::Output file("save_safetensors", path);
  const auto length = static_cast<std::uint64_t>(header.size());
  file.write(&length, sizeof length);
  file.write(header);
  for (const auto i : order) {
    const Array x = core::contiguous(arrays[i].second);
    file.write(x.raw(), byte_count(x));
  }
  file.commit();
}

Safetensors load_safetensors(const std::string& path, const LoadSafetensorsOptions& options) {
  if (path.ends_with(".index.json")) return load_shards(path, options);
  return SafetensorsLoader(path, options).load();
}

}  // namespace newtape::data
