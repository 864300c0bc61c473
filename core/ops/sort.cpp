// SPDX-License-Identifier: BSD-3-Clause
// Every element is mapped to an unsigned key with the same order, paired with its position. Keys are sorted by LSD
// radix sort (stable), or by comparisons if rows are short.
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/as_vector.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/sort.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>

namespace newtape::core {

namespace {

template <class T>
using Key = std::conditional_t<(sizeof(T) <= 4), std::uint32_t, std::uint64_t>;

template <class T>
Key<T> key_of(T x) {
  using K = Key<T>;
  constexpr K top = K(1) << (8 * sizeof(K) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return std::numeric_limits<K>::max();
    const auto bits = std::bit_cast<K>(x + T(0));  // maps -0 to 0
    return (bits & top) != 0 ? static_cast<K>(~bits) : bits | top;
  } else {
    return static_cast<K>(x) ^ top;
  }
}

/// The position has the width of the key, so that an item is moved as one word.
template <class K>
struct Item {
  K key, index;
  friend bool operator<(const Item& a, const Item& b) { return a.key != b.key ? a.key < b.key : a.index < b.index; }
};

template <class K>
void radix_sort(std::vector<Item<K>>& items, std::vector<Item<K>>& spare) {
  constexpr std::size_t digits = sizeof(K);
  std::array<std::array<std::size_t, 256>, digits> counts{};
  for (const auto& item : items) {
    for (std::size_t d = 0; d < digits; ++d) ++counts[d][item.key >> (8 * d) & 255];
  }
  spare.resize(items.size());
  for (std::size_t d = 0; d < digits; ++d) {
    auto& starts = counts[d];
    if (starts[items[0].key >> (8 * d) & 255] == items.size()) continue;  // all keys have the same digit
    std::size_t start = 0;
    for (auto& c : starts) start += std::exchange(c, start);
    for (const auto& item : items) spare[starts[item.key >> (8 * d) & 255]++] = item;
    items.swap(spare);
  }
}

/// Rows of at least this length are radix-sorted; shorter ones are sorted by comparisons.
template <class K>
constexpr std::size_t radix_length = 32 * sizeof(K);

/// Whether radix-sorting the whole row is at least as fast as a selection by comparisons.
template <class K>
bool radix_sort_is_faster(const std::vector<Item<K>>& items) {
  return sizeof(K) == 4 && items.size() >= radix_length<K> && items.size() < (1 << 17);
}

/// Sorts by key, then position.
template <class K>
void sort_items(std::vector<Item<K>>& items, std::vector<Item<K>>& spare) {
  if (items.size() < radix_length<K>) {
    std::sort(items.begin(), items.end());
  } else {
    radix_sort(items, spare);
  }
}

void expect_index_fits(const char* op, const Array& x, std::int64_t n) {
  if (n > std::numeric_limits<std::uint32_t>::max()) {
    raise<ShapeError>(std::string(op) + ": the axis is too long", "fewer than 2^32 elements", to_string(x.shape()));
  }
}

/// Swaps the axis with the last one.
Array axis_to_last(const Array& x, std::size_t axis) { return transpose(x, static_cast<std::int64_t>(axis), -1); }

/// Calls choose(items, spare) for every row along the axis; it must put the `count` selected items first.
template <class Choose>
ValuesIndices choose_rows(const char* op, const Array& x, std::int64_t axis, std::int64_t count, bool descending,
                          bool values, const Choose& choose) {
  expect_computed(op, x);
  const auto a = normalize_axis(op, axis, x.ndim());
  const auto n = x.shape()[a];
  expect_index_fits(op, x, n);
  const Array in = contiguous(axis_to_last(x, a));
  Shape shape = in.shape();
  shape[shape.size() - 1] = count;
  ValuesIndices out{values ? Array::empty(shape, x.dtype()) : Array(), Array::empty(shape, i64)};
  const auto rows = n == 0 || count == 0 ? 0 : in.size() / n;
  auto* indices = out.indices.data<std::int64_t>();
  visit_dtype(x.dtype(), [&]<class T>() {
    using K = Key<T>;
    const T* from = in.data<T>();
    T* to = values ? out.values.data<T>() : nullptr;
    const auto grain = std::max<std::int64_t>(1, (1 << 11) / std::max<std::int64_t>(1, n));
    newtape::detail::parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
      std::vector<Item<K>> items;
      std::vector<Item<K>> spare;
      for (auto r = begin; r < end; ++r) {
        const T* row = from + r * n;
        items.resize(static_cast<std::size_t>(n));
        for (std::int64_t i = 0; i < n; ++i) {
          const K key = key_of(row[i]);
          items[static_cast<std::size_t>(i)] = {descending ? static_cast<K>(~key) : key, static_cast<K>(i)};
        }
        choose(items, spare);
        for (std::int64_t i = 0; i < count; ++i) {
          const auto index = static_cast<std::int64_t>(items[static_cast<std::size_t>(i)].index);
          indices[r * count + i] = index;
          if (values) to[r * count + i] = row[index];
        }
      }
    });
  });
  if (values) out.values = contiguous(axis_to_last(out.values, a));
  out.indices = contiguous(axis_to_last(out.indices, a));
  return out;
}

ValuesIndices sorted(const char* op, const Array& x, std::int64_t axis, bool descending, bool values) {
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return sorted(op, v, axis, descending, values); });
  const auto n = x.shape()[normalize_axis(op, axis, x.ndim())];
  return choose_rows(op, x, axis, n, descending, values, [](auto& items, auto& spare) { sort_items(items, spare); });
}

}  // namespace

ValuesIndices sort(const Array& x, std::int64_t axis, bool descending) {
  if (recorder() != nullptr) {
    return record_arrays<ValuesIndices>(
        "sort", [=](const Array& a) { return sort(a, axis, descending); }, x);
  }
  return sorted("sort", x, axis, descending, true);
}

Array argsort(const Array& x, std::int64_t axis, bool descending) {
  if (recorder() != nullptr)
    return record_call(
        "argsort", [=](const Array& a) { return argsort(a, axis, descending); }, x);
  return sorted("argsort", x, axis, descending, false).indices;
}

ValuesIndices topk(const Array& x, std::int64_t k, std::int64_t axis, bool largest, bool sorted) {
  if (recorder() != nullptr) {
    return record_arrays<ValuesIndices>(
        "topk", [=](const Array& a) { return topk(a, k, axis, largest, sorted); }, x);
  }
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return topk(v, k, axis, largest, sorted); });
  const auto n = x.shape()[normalize_axis("topk", axis, x.ndim())];
  if (k < 0 || k > n) {
    raise<ValueError>("topk: k out of range", "a number from 0 to " + std::to_string(n),
                      std::to_string(k) + " for shape " + to_string(x.shape()));
  }
  return choose_rows("topk", x, axis, k, largest, true, [k, sorted](auto& items, auto& spare) {
    const auto middle = items.begin() + k;
    if (k <= 64 && static_cast<std::size_t>(8 * k) <= items.size()) {
      std::partial_sort(items.begin(), middle, items.end());  // few elements enter the heap
      return;
    }
    if (radix_sort_is_faster(items)) return sort_items(items, spare);
    if (middle != items.end()) std::nth_element(items.begin(), middle - 1, items.end());
    items.resize(static_cast<std::size_t>(k));
    if (sorted) std::sort(items.begin(), items.end());
  });
}

Array argrank(const Array& x, const std::vector<std::int64_t>& ranks, std::int64_t axis, bool nan_wins) {
  if (recorder() != nullptr)
    return record_call(
        "argrank", [=](const Array& a) { return argrank(a, ranks, axis, nan_wins); }, x);
  const auto n = x.shape()[normalize_axis("argrank", axis, x.ndim())];
  std::vector<std::size_t> order(ranks.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] < 0 || ranks[i] >= n) {
      raise<ValueError>("argrank: rank out of range", "ranks below " + std::to_string(n),
                        std::to_string(ranks[i]) + " for shape " + to_string(x.shape()));
    }
    order[i] = i;
  }
  std::sort(order.begin(), order.end(), [&ranks](auto i, auto j) { return ranks[i] < ranks[j]; });
  const bool floats = is_floating(x.dtype());
  const auto count = static_cast<std::int64_t>(ranks.size());
  return choose_rows("argrank", x, axis, count, false, false,
                     [&](auto& items, auto& spare) {
                       using I = std::remove_reference_t<decltype(items[0])>;
                       using K = decltype(I::key);
                       spare.resize(ranks.size());
                       auto from = items.begin();
                       for (const auto i : order) {
                         const auto at = items.begin() + ranks[i];
                         if (at >= from) {
                           std::nth_element(from, at, items.end());
                           from = at + 1;
                         }
                         spare[i] = *at;
                       }
                       if (nan_wins && floats) {
                         const auto nan = std::find_if(items.begin(), items.end(), [](const I& i) {
                           return i.key == std::numeric_limits<K>::max();
                         });
                         if (nan != items.end()) std::fill(spare.begin(), spare.end(), *nan);
                       }
                       items = spare;
                     })
      .indices;
}

Unique unique(const Array& x) {
  if (recorder() != nullptr)
    return record_arrays<Unique>(
        "unique", [](const Array& a) { return unique(a); }, x);
  const Array flat = contiguous(reshape(x, {-1}));
  const auto n = flat.size();
  const ValuesIndices all = sort(flat, 0);
  Unique out;
  out.inverse = Array::empty(x.shape(), i64);
  visit_dtype(x.dtype(), [&]<class T>() {
    const T* value = all.values.data<T>();
    const auto* index = all.indices.data<std::int64_t>();
    auto* inverse = out.inverse.data<std::int64_t>();
    std::vector<std::int64_t> starts;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i == 0 || key_of(value[i]) != key_of(value[i - 1])) starts.push_back(i);
      inverse[index[i]] = static_cast<std::int64_t>(starts.size()) - 1;
    }
    const auto count = static_cast<std::int64_t>(starts.size());
    starts.push_back(n);
    out.values = Array::empty({count}, x.dtype());
    out.counts = Array::empty({count}, i64);
    for (std::int64_t k = 0; k < count; ++k) {
      const auto at = static_cast<std::size_t>(k);
      out.values.data<T>()[k] = value[starts[at]];
      out.counts.data<std::int64_t>()[k] = starts[at + 1] - starts[at];
    }
  });
  return out;
}

Unique unique(const Array& x, std::int64_t axis) {
  Dims axes{axis};
  for (std::int64_t a = 0; a < static_cast<std::int64_t>(x.ndim()); ++a) {
    if (a != axis) axes.push_back(a);
  }
  const Array front = contiguous(permute(x, axes));
  const auto n = front.shape()[0];
  const auto width = n == 0 ? 0 : front.size() / n;
  std::vector<std::int64_t> order(static_cast<std::size_t>(n)), firsts;
  std::iota(order.begin(), order.end(), 0);
  Unique out{{}, Array::empty({n}, i64), {}};
  visit_dtype(x.dtype(), [&]<class T>() {
    const T* data = front.data<T>();
    const auto before = [](T p, T q) { return key_of(p) < key_of(q); };
    const auto less = [&](std::int64_t i, std::int64_t j) {
      return std::lexicographical_compare(data + i * width, data + (i + 1) * width, data + j * width,
                                          data + (j + 1) * width, before);
    };
    std::stable_sort(order.begin(), order.end(), less);
    for (std::size_t k = 0; k < order.size(); ++k) {
      if (k == 0 || less(order[k - 1], order[k])) firsts.push_back(static_cast<std::int64_t>(k));
      out.inverse.data<std::int64_t>()[order[k]] = std::ssize(firsts) - 1;
    }
  });
  const auto count = std::ssize(firsts);
  Array rows = Array::empty({count}, i64);
  out.counts = Array::empty({count}, i64);
  firsts.push_back(n);
  for (std::int64_t k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(k);
    rows.data<std::int64_t>()[k] = order[static_cast<std::size_t>(firsts[at])];
    out.counts.data<std::int64_t>()[k] = firsts[at + 1] - firsts[at];
  }
  out.values = take(x, rows, axis);
  return out;
}

Array bincount(const Array& x, std::int64_t minlength) {
  if (recorder() != nullptr)
    return record_call(
        "bincount", [=](const Array& a) { return bincount(a, minlength); }, x);
  if (!is_integer(x.dtype())) {
    raise<DTypeError>("bincount: integers are required", "i64", describe(x));
  }
  const Array in = contiguous(cast(x, i64));
  const auto* value = in.data<std::int64_t>();
  auto length = std::max<std::int64_t>(0, minlength);
  for (std::int64_t i = 0; i < in.size(); ++i) {
    if (value[i] < 0) raise<ValueError>("bincount: negative number", "numbers >= 0", std::to_string(value[i]));
    if (value[i] == std::numeric_limits<std::int64_t>::max()) {
      raise<ValueError>("bincount: the number is too large", "numbers below 2^63 - 1", std::to_string(value[i]));
    }
    length = std::max(length, value[i] + 1);
  }
  Array counts = zeros({length}, i64);
  auto* count = counts.data<std::int64_t>();
  for (std::int64_t i = 0; i < in.size(); ++i) ++count[value[i]];
  return counts;
}

Array searchsorted(const Array& sorted, const Array& values, bool right) {
  if (recorder() != nullptr)
    return record_call(
        "searchsorted", [=](const Array& s, const Array& v) { return searchsorted(s, v, right); }, sorted, values);
  const auto n = sorted.ndim() == 0 ? 0 : sorted.shape().back();
  Shape rows = sorted.shape(), wanted_rows = values.shape();
  if (!rows.empty()) rows.erase(rows.size() - 1);
  if (sorted.ndim() > 1 && !wanted_rows.empty()) wanted_rows.erase(wanted_rows.size() - 1);
  if (sorted.ndim() == 0 || (sorted.ndim() > 1 && (values.ndim() == 0 || rows != wanted_rows))) {
    raise<ShapeError>("searchsorted: the sorted array must be a vector, or have the leading axes of the values",
                      "sorted [n], or sorted [.., n] and values [.., m]",
                      to_string(sorted.shape()) + " and " + to_string(values.shape()));
  }
  if (sorted.dtype() != values.dtype()) {
    raise<DTypeError>("searchsorted: the operands must have the same dtype", std::string(name(sorted.dtype())),
                      std::string(name(values.dtype())));
  }
  expect_computed("searchsorted", sorted);
  const Array in = contiguous(sorted);
  const Array wanted = contiguous(values);
  const auto per_row = sorted.ndim() == 1 ? std::max<std::int64_t>(values.size(), 1) : values.shape().back();
  Array out = Array::empty(values.shape(), i64);
  auto* indices = out.data<std::int64_t>();
  visit_dtype(sorted.dtype(), [&]<class T>() {
    const T* from = in.data<T>();
    const T* value = wanted.data<T>();
    const auto before = [](T a, T b) { return key_of(a) < key_of(b); };
    newtape::detail::parallel_for(wanted.size(), 1 << 10, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const T* first = from + i / per_row * n;
        const T* last = first + n;
        indices[i] = (right ? std::upper_bound(first, last, value[i], before)
                            : std::lower_bound(first, last, value[i], before)) -
                     first;
      }
    });
  });
  return out;
}

}  // namespace newtape::core
