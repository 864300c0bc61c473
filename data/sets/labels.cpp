// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/stable_sort.hpp>
#include <newtape/data/sets/labels.hpp>

#include <algorithm>
#include <string>

namespace newtape::data::detail {

std::vector<std::int64_t> read_labels(std::string_view what, const Array& labels) {
  const std::string prefix(what);
  if (!labels.defined()) raise<ValueError>(prefix + ": labels are undefined", "an array", "none");
  const Array numbers = core::as_indices(prefix + ": labels", labels);
  if (labels.ndim() != 1) {
    raise<ShapeError>(prefix + ": labels must be one-dimensional", "shape [n]", to_string(labels.shape()));
  }
  const Array dense = core::contiguous(numbers);
  const auto* first = dense.data<std::int64_t>();
  return {first, first + dense.size()};
}

std::vector<std::int64_t> by_class(const std::vector<std::int64_t>& labels, Generator& generator) {
  const Array shuffled = random::permutation(static_cast<std::int64_t>(labels.size()), generator);
  const auto* first = shuffled.data<std::int64_t>();
  std::vector<std::int64_t> order(first, first + shuffled.size());
  const auto label = [&](std::int64_t i) { return labels[static_cast<std::size_t>(i)]; };
  newtape::detail::stable_sort(order, [&](auto a, auto b) { return label(a) < label(b); });
  return order;
}

Array index_array(const std::vector<std::int64_t>& numbers) {
  Array x = Array::empty({static_cast<std::int64_t>(numbers.size())}, i64);
  std::copy(numbers.begin(), numbers.end(), x.data<std::int64_t>());
  return x;
}

}  // namespace newtape::data::detail
