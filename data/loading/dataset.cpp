// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/loading/dataset.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace newtape::data {
namespace {

/// Specialized for a few row lengths known at compile time, so that short rows are copied without a memcpy call.
template <std::size_t Bytes>
void copy_rows(const std::byte* from, std::byte* to, std::span<const std::int64_t> rows, std::size_t bytes) {
  if constexpr (Bytes != 0) bytes = Bytes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to + i * bytes, from + static_cast<std::size_t>(rows[i]) * bytes, bytes);
  }
}

/// Copies rows of the contiguous array `x`; the indices must be in range.
Array gather_rows(const Array& x, std::span<const std::int64_t> rows) {
  Shape shape = x.shape();
  shape[0] = static_cast<std::int64_t>(rows.size());
  Array y = Array::empty(shape, x.dtype());
  if (y.size() == 0) return y;
  const auto bytes = static_cast<std::size_t>(x.size() / x.shape(0)) * item_size(x.dtype());
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  switch (bytes) {
    case 1: copy_rows<1>(from, to, rows, bytes); break;
    case 4: copy_rows<4>(from, to, rows, bytes); break;
    case 8: copy_rows<8>(from, to, rows, bytes); break;
    default: copy_rows<0>(from, to, rows, bytes);
  }
  return y;
}

std::int64_t checked(std::int64_t i, std::int64_t n) {
  if (i < -n || i >= n) {
    raise<ValueError>("dataset: example index out of range", fmt::format("an index from {} to {}", -n, n - 1),
                      std::to_string(i));
  }
  return i < 0 ? i + n : i;
}

std::vector<std::string> first_of(std::initializer_list<std::pair<std::string, ArrayLike>> arrays) {
  std::vector<std::string> names;
  for (const auto& a : arrays) names.push_back(a.first);
  return names;
}

std::vector<Array> second_of(std::initializer_list<std::pair<std::string, ArrayLike>> arrays) {
  std::vector<Array> values;
  for (const auto& a : arrays) values.push_back(a.second);
  return values;
}

}  // namespace

Dataset::Dataset(std::initializer_list<ArrayLike> arrays) : Dataset(std::vector<Array>(arrays.begin(), arrays.end())) {}

Dataset::Dataset(std::initializer_list<std::pair<std::string, ArrayLike>> arrays)
    : Dataset(second_of(arrays), first_of(arrays)) {}

Dataset::Dataset(std::vector<Array> arrays, std::vector<std::string> names) {
  if (arrays.empty()) raise<ValueError>("dataset: at least one array is required", "one array or more", "none");
  if (!names.empty()) {
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (names.size() != arrays.size() || std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      raise<ValueError>("dataset: array names must be distinct", fmt::format("{} distinct names", arrays.size()),
                        fmt::format("{}", fmt::join(names, ", ")));
    }
  }
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (!arrays[i].defined()) raise<ValueError>(fmt::format("dataset: array {} is undefined", i), "an array", "none");
    if (arrays[i].ndim() == 0 || arrays[i].shape()[0] != arrays[0].shape()[0]) {
      raise<ShapeError>(fmt::format("dataset: array {} has a different number of examples", i),
                        arrays[0].ndim() == 0 ? "at least one axis" : fmt::format("[{}, ..]", arrays[0].shape()[0]),
                        to_string(arrays[i].shape()));
    }
    arrays[i] = core::contiguous(std::move(arrays[i]));  // so that an example is contiguous
  }
  size_ = arrays[0].shape()[0];
  if (!names.empty()) names_ = std::make_shared<const std::vector<std::string>>(std::move(names));
  arrays_ = Batch(std::move(arrays), names_);
}

Dataset Dataset::with(std::vector<Array> arrays) const {
  Dataset d;
  d.size_ = arrays.empty() ? 0 : arrays[0].shape()[0];
  d.arrays_ = Batch(std::move(arrays), names_);
  d.names_ = names_;
  d.transform_ = transform_;
  return d;
}

Batch Dataset::operator[](std::int64_t example) const {
  const auto i = checked(example, size_);
  std::vector<Array> parts;
  for (const auto& a : arrays_) parts.push_back(core::select(a, 0, i));
  return Batch(std::move(parts), names_);
}

Dataset Dataset::operator[](Range range) const {
  std::vector<Array> parts;
  for (const auto& a : arrays_) parts.push_back(core::slice(a, 0, range.start, range.stop));
  return with(std::move(parts));
}

Dataset Dataset::operator[](const ArrayLike& indices) const {
  if (indices.ndim() != 1) {
    raise<ShapeError>("dataset: indices must be one-dimensional", "shape [n]", to_string(indices.shape()));
  }
  const Array dense = core::contiguous(core::as_indices("dataset", indices));
  std::vector<std::int64_t> rows(dense.data<std::int64_t>(), dense.data<std::int64_t>() + dense.size());
  for (auto& r : rows) r = checked(r, size_);
  std::vector<Array> parts;
  for (const auto& a : arrays_) parts.push_back(gather_rows(a, rows));
  return with(std::move(parts));
}

std::vector<Dataset> Dataset::split(std::initializer_list<std::int64_t> sizes) const {
  std::int64_t sum = 0;
  int open = 0;
  bool negative = false;
  bool overflow = false;
  for (const auto n : sizes) {
    if (n == -1) {
      ++open;
    } else {
      negative |= n < 0;
      overflow |= __builtin_add_overflow(sum, n, &sum);
    }
  }
  if (negative || overflow || open > 1 || sum > size_ || (open == 0 && sum != size_)) {
    raise<ValueError>("dataset: the sizes of a split must add up to that of the set",
                      fmt::format("a sum of {}, with at most one -1 for the remainder", size_), to_string(Dims(sizes)));
  }
  std::vector<Dataset> parts;
  std::int64_t start = 0;
  for (const auto n : sizes) {
    const auto length = n == -1 ? size_ - sum : n;
    parts.push_back((*this)[Range{start, start + length}]);
    start += length;
  }
  return parts;
}

std::vector<Dataset> Dataset::split(std::initializer_list<std::int64_t> sizes, Generator& generator) const {
  static_cast<void>(split(sizes));  // validates the sizes before advancing the generator
  return (*this)[random::permutation(size_, generator)].split(sizes);
}

std::int64_t Dataset::cut(double fraction) const {
  if (!(fraction >= 0 && fraction <= 1)) {
    raise<ValueError>("dataset: the fraction of a split is out of range", "from 0 to 1", fmt::format("{}", fraction));
  }
  return static_cast<std::int64_t>(std::llround(fraction * static_cast<double>(size_)));
}

std::pair<Dataset, Dataset> Dataset::split(double fraction) const {
  const auto first = cut(fraction);
  return {(*this)[Range{0, first}], (*this)[Range{first, size_}]};
}

std::pair<Dataset, Dataset> Dataset::split(double fraction, Generator& generator) const {
  const auto first = cut(fraction);
  auto parts = split({first, size_ - first}, generator);
  return {std::move(parts[0]), std::move(parts[1])};
}

Dataset Dataset::map(Transform transform) const {
  Dataset d = *this;
  if (transform_ == nullptr) {
    d.transform_ = std::make_shared<const Transform>(std::move(transform));
  } else {
    d.transform_ = std::make_shared<const Transform>(
        [before = transform_, after = std::move(transform)](Batch batch, Generator& generator) {
          return after((*before)(std::move(batch), generator), generator);
        });
  }
  return d;
}

Batch Dataset::all(Generator& generator) const {
  return transform_ == nullptr ? arrays_ : (*transform_)(arrays_, generator);
}

Batch Dataset::gather(std::span<const std::int64_t> indices, Generator& generator) const {
  std::vector<std::int64_t> rows(indices.begin(), indices.end());
  for (auto& r : rows) r = checked(r, size_);
  std::vector<Array> parts;
  parts.reserve(arrays_.size());
  for (const auto& a : arrays_) parts.push_back(gather_rows(a, rows));
  Batch batch(std::move(parts), names_);
  return transform_ == nullptr ? batch : (*transform_)(std::move(batch), generator);
}

}  // namespace newtape::data
