// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/loading/split.hpp>
#include <newtape/data/sets/labels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace newtape::data {
namespace {

using Numbers = std::vector<std::int64_t>;

Numbers labels_of(const char* op, const Dataset& set, const ArrayLike& labels) {
  auto known = detail::read_labels(op, labels);
  if (static_cast<std::int64_t>(known.size()) != set.size()) {
    raise<ShapeError>(fmt::format("{}: one label per example is required", op), fmt::format("labels [{}]", set.size()),
                      to_string(labels.shape()));
  }
  return known;
}

void check_k(const char* op, const Dataset& set, std::int64_t k) {
  if (k < 2 || k > set.size()) {
    raise<ValueError>(fmt::format("{}: invalid number of parts", op),
                      fmt::format("k from 2 to the number of examples, {}", set.size()), std::to_string(k));
  }
}

void shuffle(Numbers& numbers, Generator& generator) {
  const Array order = random::permutation(static_cast<std::int64_t>(numbers.size()), generator);
  const auto* at = order.data<std::int64_t>();
  Numbers shuffled(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) shuffled[i] = numbers[static_cast<std::size_t>(at[i])];
  numbers = std::move(shuffled);
}

/// Folds of consecutive examples of `order`, the first n % k of them one longer, as in scikit-learn's KFold.
Folds consecutive_folds(const Dataset& set, std::int64_t k, Numbers order) {
  Numbers part_of(order.size());
  const auto n = set.size();
  std::size_t i = 0;
  for (std::int64_t part = 0; part < k; ++part) {
    const auto length = n / k + (part < n % k ? 1 : 0);
    for (std::int64_t j = 0; j < length; ++j) part_of[i++] = part;
  }
  return Folds(set, k, std::move(order), std::move(part_of));
}

}  // namespace

std::pair<Dataset, Dataset> stratified_split(const Dataset& set, const ArrayLike& labels, double fraction,
                                             Generator& generator) {
  const auto known = labels_of("stratified_split", set, labels);
  if (!(fraction >= 0 && fraction <= 1)) {
    raise<ValueError>("stratified_split: fraction out of range", "from 0 to 1", fmt::format("{}", fraction));
  }
  const auto n = static_cast<double>(known.size());
  const double wanted = std::round(fraction * n);
  Numbers first;
  Numbers second;
  double before = 0;
  std::size_t i = 0;
  // The first part takes floor(i wanted / n) of the first i examples, so its fraction of any consecutive range, such as
  // a class, is exact up to rounding.
  for (const auto example : detail::by_class(known, generator)) {
    const double after = std::floor(static_cast<double>(++i) * wanted / n);
    (after > before ? first : second).push_back(example);
    before = after;
  }
  shuffle(first, generator);
  shuffle(second, generator);
  return {set[detail::index_array(first)], set[detail::index_array(second)]};
}

Folds::Folds(Dataset set, std::int64_t k, Numbers order, Numbers part_of)
    : set_(std::move(set)), k_(k), order_(std::move(order)), part_of_(std::move(part_of)) {
  if (order_.size() != part_of_.size() || static_cast<std::int64_t>(order_.size()) != set_.size()) {
    raise<ValueError>("Folds: one part per example is required", fmt::format("{} examples", set_.size()),
                      fmt::format("{} examples, {} parts", order_.size(), part_of_.size()));
  }
}

Fold Folds::operator[](std::int64_t i) const {
  if (i < 0 || i >= k_) {
    raise<ValueError>("Folds: fold index out of range", fmt::format("from 0 to {}", k_ - 1), std::to_string(i));
  }
  Numbers train;
  Numbers valid;
  for (std::size_t j = 0; j < order_.size(); ++j) (part_of_[j] == i ? valid : train).push_back(order_[j]);
  return {set_[detail::index_array(train)], set_[detail::index_array(valid)]};
}

Folds::iterator Folds::begin() const { return {this, 0}; }
Folds::iterator Folds::end() const { return {this, k_}; }

Folds k_fold(const Dataset& set, std::int64_t k) {
  check_k("k_fold", set, k);
  Numbers order(static_cast<std::size_t>(set.size()));
  std::iota(order.begin(), order.end(), 0);
  return consecutive_folds(set, k, std::move(order));
}

Folds k_fold(const Dataset& set, std::int64_t k, Generator& generator) {
  check_k("k_fold", set, k);
  Numbers order(static_cast<std::size_t>(set.size()));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order, generator);
  return consecutive_folds(set, k, std::move(order));
}

Folds stratified_k_fold(const Dataset& set, const ArrayLike& labels, std::int64_t k, Generator& generator) {
  check_k("stratified_k_fold", set, k);
  const auto known = labels_of("stratified_k_fold", set, labels);
  // Assigned to the parts cyclically, class by class; then shuffled together with the part numbers.
  const auto by_class = detail::by_class(known, generator);
  Numbers at(by_class.size());
  std::iota(at.begin(), at.end(), 0);
  shuffle(at, generator);
  Numbers order;
  Numbers part_of;
  for (const auto i : at) {
    order.push_back(by_class[static_cast<std::size_t>(i)]);
    part_of.push_back(i % k);
  }
  return Folds(set, k, std::move(order), std::move(part_of));
}

}  // namespace newtape::data
