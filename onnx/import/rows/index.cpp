// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

/// Gathering, scattering and other selection by index.
namespace newtape::onnx::detail {
namespace {

/// Indices in [-n, n) as indices in [0, n).
Tensor wrapped_indices(const Tensor& indices, std::int64_t n) {
  return map_integers(indices, [n](std::int64_t i) { return i < 0 ? i + n : i; });
}

Results gather_row(Call& c) {
  const auto axis = c.integer("axis", 0);
  const Tensor indices = c.tensor(1);
  if (c.value(0).kind() == Value::Kind::strings) c.fail("strings are not gathered");
  return c.out(take(c.tensor(0), indices, axis));
}

Results gather_elements(Call& c) {
  const auto axis = c.integer("axis", 0);
  const Tensor indices = c.tensor(1);
  return c.out(gather(c.tensor(0), axis, indices));
}

/// For indices [batch.., i.., k] into the axes after the `batch` first ones of `shape`: flat indices [batch.., i..] into
/// the first batch + k axes.
Tensor flat_indices(Call& c, const Tensor& indices, const Shape& shape, std::size_t batch) {
  const Shape from = indices.shape();
  if (from.empty() || batch >= from.size() || batch + static_cast<std::size_t>(from.back()) > shape.size()) {
    c.fail("the indices do not fit", "indices [.., k] with k at most the number of axes", to_string(from));
  }
  const auto k = from.back();
  Shape to = lengths(from, 0, from.size() - 1);
  const Dims all = integers_of(indices.value());
  const auto each = element_count(lengths(to, batch, to.size()));
  std::vector<std::int64_t> flat(static_cast<std::size_t>(element_count(to)));
  for (std::size_t i = 0; i < flat.size(); ++i) {
    std::int64_t at = batch == 0 ? 0 : static_cast<std::int64_t>(i) / each;
    for (std::int64_t j = 0; j < k; ++j) {
      const auto n = shape[batch + static_cast<std::size_t>(j)];
      auto index = all[i * static_cast<std::size_t>(k) + static_cast<std::size_t>(j)];
      if (index < 0) index += n;
      if (index < 0 || index >= n) {
        c.fail("an index is out of range", fmt::format("[-{}, {})", n, n), std::to_string(index));
      }
      at = at * n + index;
    }
    flat[i] = at;
  }
  return tensor(flat, to, i64);
}

/// x with the first `axes` axes as one.
Tensor front_flattened(Tensor x, std::size_t axes) {
  Shape shape{element_count(lengths(x.shape(), 0, axes))};
  for (std::size_t i = axes; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  return reshape(std::move(x), shape);
}

Results gather_nd(Call& c) {
  const auto batch = static_cast<std::size_t>(c.integer("batch_dims", 0));
  const Tensor indices = c.tensor(1);
  Tensor x = c.tensor(0);
  const Tensor flat = flat_indices(c, indices, x.shape(), batch);
  const auto axes = batch + static_cast<std::size_t>(indices.shape().back());
  return c.out(take(front_flattened(std::move(x), axes), flat, 0));
}

ScatterReduce reduction_of(Call& c, std::string_view name) {
  if (name == "add") return ScatterReduce::sum;
  if (name == "mul") return ScatterReduce::prod;
  if (name == "max") return ScatterReduce::amax;
  if (name == "min") return ScatterReduce::amin;
  c.fail("unknown reduction", "none, add, mul, max or min", name);
}

Results scatter_elements(Call& c) {
  const auto axis = c.integer("axis", 0);
  const auto reduction = c.text("reduction", "none");
  Tensor x = c.tensor(0), updates = c.tensor(2);
  const Tensor indices = wrapped_indices(c.tensor(1), x.shape(axis));
  if (reduction == "none") return c.out(scatter(std::move(x), axis, indices, std::move(updates)));
  return c.out(scatter_reduce(std::move(x), axis, indices, std::move(updates), reduction_of(c, reduction)));
}

Results scatter_nd(Call& c) {
  const auto reduction = c.text("reduction", "none");
  const Tensor indices = c.tensor(1);
  Tensor x = c.tensor(0), updates = c.tensor(2);
  const Shape shape = x.shape();
  const Tensor flat = reshape(flat_indices(c, indices, shape, 0), {-1});
  const auto axes = static_cast<std::size_t>(indices.shape().back());
  x = front_flattened(std::move(x), axes);
  Shape rows_shape = x.shape();
  rows_shape[0] = flat.size();
  updates = reshape(std::move(updates), rows_shape);
  if (reduction == "none") {
    x = index_copy(std::move(x), 0, flat, std::move(updates));
  } else if (reduction == "add") {
    x = index_add(std::move(x), 0, flat, std::move(updates));
  } else {
    Shape column(rows_shape.size(), 1);
    column[0] = flat.size();
    const Tensor each = expand(reshape(flat, column), rows_shape);
    x = scatter_reduce(std::move(x), 0, each, std::move(updates), reduction_of(c, reduction));
  }
  return c.out(reshape(std::move(x), shape));
}

Results one_hot_row(Call& c) {
  const auto depth = static_cast<std::int64_t>(c.real(1));
  const Tensor values = c.tensor(2);
  if (values.size() != 2 || depth < 0) c.fail("values must be [off, on], depth at least 0");
  Tensor indices = c.tensor(0);
  if (indices.dtype() != i64) indices = indices.to(i64);
  const auto axis = from_front(c.integer("axis", -1), indices.ndim() + 1);
  Shape classes(indices.ndim() + 1, 1);
  classes[static_cast<std::size_t>(axis)] = depth;
  const Tensor hot = unsqueeze(wrapped_indices(indices, depth), axis) == reshape(arange(depth), classes);
  const Tensor pair = reshape(values, {2});
  return c.out(where(hot, pair[1], pair[0]), c.type(2));
}

Results compress(Call& c) {
  const auto* axis = c.find("axis");
  Tensor x = c.tensor(0);
  if (axis == nullptr) x = ravel(std::move(x));
  const Array chosen = core::flatnonzero(c.tensor(1).value());
  return c.out(take(std::move(x), Tensor(chosen), axis == nullptr ? 0 : axis->i));
}

Results non_zero(Call& c) {
  Tensor x = c.tensor(0);
  if (x.ndim() == 0) x = reshape(std::move(x), {1});
  return c.out(transpose(argwhere(std::move(x)), 0, 1), ElementType::int64);
}

/// Order of the distinct rows of a matrix: first occurrences, and for each row its place among them.
struct UniqueRows {
  std::vector<std::int64_t> first, inverse, counts;
};

UniqueRows unique_rows(const Array& matrix, bool sorted) {
  const Array rows = core::contiguous(matrix);
  const auto n = rows.shape()[0], m = rows.shape()[1];
  UniqueRows result;
  visit_dtype(rows.dtype(), [&]<class T>() {
    const T* p = rows.data<T>();
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const auto less = [&](std::int64_t a, std::int64_t b) {
      return std::lexicographical_compare(p + a * m, p + (a + 1) * m, p + b * m, p + (b + 1) * m);
    };
    std::stable_sort(order.begin(), order.end(), less);
    result.inverse.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || less(order[i - 1], order[i])) {
        result.first.push_back(order[i]);
        result.counts.push_back(0);
      }
      ++result.counts.back();
      result.inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(result.first.size()) - 1;
    }
  });
  if (sorted) return result;
  // In the order of first occurrence.
  std::vector<std::int64_t> order(result.first.size()), rank(order.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return result.first[static_cast<std::size_t>(a)] < result.first[static_cast<std::size_t>(b)];
  });
  UniqueRows moved;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto from = static_cast<std::size_t>(order[i]);
    rank[from] = static_cast<std::int64_t>(i);
    moved.first.push_back(result.first[from]);
    moved.counts.push_back(result.counts[from]);
  }
  for (const auto i : result.inverse) moved.inverse.push_back(rank[static_cast<std::size_t>(i)]);
  return moved;
}

Results unique_row(Call& c) {
  const auto* attribute = c.find("axis");
  Tensor x = c.tensor(0);
  if (attribute == nullptr) x = ravel(std::move(x));
  const auto axis = attribute == nullptr ? 0 : from_front(attribute->i, x.ndim());
  const Tensor matrix = reshape(moveaxis(x, axis, 0), {x.shape(axis), x.shape(axis) == 0 ? 0 : -1});
  const UniqueRows u = unique_rows(matrix.value(), c.integer("sorted", 1) != 0);
  const auto integers = [&](const std::vector<std::int64_t>& v) { return c.as(tensor(v, i64), ElementType::int64); };
  return {c.as(take(x, tensor(u.first, i64), axis), c.type(0)), integers(u.first), integers(u.inverse),
          integers(u.counts)};
}

Results reverse_sequence(Call& c) {
  const auto batch_axis = c.integer("batch_axis", 1), time_axis = c.integer("time_axis", 0);
  const Dims steps = c.integers(1);
  Tensor x = c.tensor(0);
  if (!((batch_axis == 0 && time_axis == 1) || (batch_axis == 1 && time_axis == 0)) || x.ndim() < 2) {
    c.fail("batch and time must be the first two axes", "axes 0 and 1", to_string(x.shape()));
  }
  if (time_axis == 1) x = transpose(std::move(x), 0, 1);
  const Shape shape = x.shape();
  const auto n = shape[0], b = shape[1];
  if (static_cast<std::int64_t>(steps.size()) != b) c.fail("there must be a length for each batch entry");
  std::vector<std::int64_t> from(static_cast<std::size_t>(n * b));
  for (std::int64_t t = 0; t < n; ++t) {
    for (std::int64_t j = 0; j < b; ++j) {
      const auto length = steps[static_cast<std::size_t>(j)];
      if (length < 0 || length > n)
        c.fail("a length is out of range", fmt::format("0 to {}", n), std::to_string(length));
      from[static_cast<std::size_t>(t * b + j)] = (t < length ? length - 1 - t : t) * b + j;
    }
  }
  Tensor y = reshape(take(front_flattened(std::move(x), 2), tensor(from, i64), 0), shape);
  if (time_axis == 1) y = transpose(std::move(y), 0, 1);
  return c.out(std::move(y));
}

constexpr Row index_table[] = {
    {"Compress", {9, 11}, compress},
    {"Gather", {1, 11, 13}, gather_row},
    {"GatherElements", {11, 13}, gather_elements},
    {"GatherND", {11, 12, 13}, gather_nd},
    {"NonZero", {9, 13}, non_zero},
    {"OneHot", {9, 11}, one_hot_row, {.settings = input_bits({1})}},
    {"ReverseSequence", {10}, reverse_sequence},
    {"Scatter", {9}, scatter_elements},
    {"ScatterElements", {11, 13, 16, 18}, scatter_elements},
    {"ScatterND", {11, 13, 16, 18}, scatter_nd},
    {"Unique", {11}, unique_row},
};

}  // namespace

Rows index_rows() { return index_table; }

}  // namespace newtape::onnx::detail
