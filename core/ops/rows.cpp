// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/rows.hpp>

#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace newtape::core {
namespace {

/// An index, and the position at which it stands.
using IndexAt = std::pair<std::int64_t, std::int64_t>;

bool ascends(const std::int64_t* p, std::int64_t n) {
  return std::adjacent_find(p, p + n, [](std::int64_t a, std::int64_t b) { return a >= b; }) == p + n;
}

/// Row j of `out` becomes the sum of the rows of `x` at entries[begins[j]], .., entries[begins[j + 1] - 1].
template <class T>
void add_groups(const T* x, const std::vector<IndexAt>& entries, const std::vector<std::int64_t>& begins,
                std::int64_t width, T* out) {
  const auto n = static_cast<std::int64_t>(begins.size()) - 1;
  const std::int64_t grain = std::max<std::int64_t>(1, kernels::parallel_grain / std::max<std::int64_t>(1, width));
  newtape::detail::parallel_for(n, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t j = first; j < last; ++j) {
      T* const to = out + j * width;
      auto e = static_cast<std::size_t>(begins[static_cast<std::size_t>(j)]);
      const auto end = static_cast<std::size_t>(begins[static_cast<std::size_t>(j) + 1]);
      std::memcpy(to, x + entries[e].second * width, static_cast<std::size_t>(width) * sizeof(T));
      for (++e; e < end; ++e) {
        const T* const from = x + entries[e].second * width;
        for (std::int64_t i = 0; i < width; ++i) to[i] += from[i];
      }
    }
  });
}

}  // namespace

IndexedRows coalesce(const IndexedRows& x) {
  expect_floating("coalesce", x.rows);
  if (x.indices.dtype() != i64) raise<DTypeError>("coalesce: indices must be i64", "i64", name(x.indices.dtype()));
  if (x.indices.ndim() != 1 || x.rows.ndim() == 0 || x.rows.shape(0) != x.indices.shape(0)) {
    raise<ShapeError>("coalesce: there must be a row for each index", "indices [k], rows [k, ..]",
                      describe(x.indices) + ", " + describe(x.rows));
  }
  const std::int64_t k = x.indices.size();
  const Array at = contiguous(x.indices);
  const Array rows = contiguous(x.rows);
  const auto* const p = at.data<std::int64_t>();
  if (ascends(p, k)) return {at, rows};

  std::vector<IndexAt> entries(static_cast<std::size_t>(k));
  for (std::int64_t i = 0; i < k; ++i) entries[static_cast<std::size_t>(i)] = {p[i], i};
  std::sort(entries.begin(), entries.end());
  std::vector<std::int64_t> begins;
  for (std::int64_t i = 0; i < k; ++i) {
    const auto e = static_cast<std::size_t>(i);
    if (i == 0 || entries[e].first != entries[e - 1].first) begins.push_back(i);
  }
  Shape shape = rows.shape();
  shape[0] = static_cast<std::int64_t>(begins.size());
  Array indices = Array::empty({shape[0]}, i64);
  std::transform(begins.begin(), begins.end(), indices.data<std::int64_t>(),
                 [&](std::int64_t b) { return entries[static_cast<std::size_t>(b)].first; });
  begins.push_back(k);
  Array sums = Array::empty(shape, rows.dtype());
  const std::int64_t width = rows.size() / k;
  if (rows.dtype() == f32) {
    add_groups(rows.data<float>(), entries, begins, width, sums.data<float>());
  } else {
    add_groups(rows.data<double>(), entries, begins, width, sums.data<double>());
  }
  return {std::move(indices), std::move(sums)};
}

Array lookup(const Array& table, const Array& indices) {
  if (recorder() != nullptr) {
    return record_call(
        "lookup", [](const Array& t, const Array& at) { return lookup(t, at); }, table, indices);
  }
  const Array at = contiguous(indices);
  const auto* const p = at.data<std::int64_t>();
  const auto* const negative = std::find_if(p, p + at.size(), [](std::int64_t i) { return i < 0; });
  if (negative != p + at.size()) {
    raise<ValueError>("embedding: the indices must not be negative", "0 <= index < " + std::to_string(table.shape(0)),
                      std::to_string(*negative));
  }
  return take(table, at, 0);
}

}  // namespace newtape::core
