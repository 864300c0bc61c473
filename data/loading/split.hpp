// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/data/loading/dataset.hpp>

#include <iterator>

/// Stratified splits and cross-validation, in addition to Dataset::split. Parts are copies of their examples.
namespace newtape::data {

/// `auto [train, valid] = stratified_split(set, set.array("labels"), 0.9, generator)`: two shuffled parts. Each class
/// (labels i64 [n]) is split with this fraction, rounded such that the first part has round(fraction n) examples.
std::pair<Dataset, Dataset> stratified_split(const Dataset& set, const ArrayLike& labels, double fraction,
                                             Generator& generator);

/// One fold of a cross-validation: its training set and its validation set.
struct Fold {
  Dataset train, valid;
};

/// k-fold cross-validation: each of k parts is the validation set once: `for (const auto& [train, valid] : k_fold(set,
/// 5, g))`. A fold is copied on access.
class Folds {
 public:
  class iterator;

  /// `order` lists all examples; part_of[i] is the part of order[i].
  Folds(Dataset set, std::int64_t k, std::vector<std::int64_t> order, std::vector<std::int64_t> part_of);

  /// The number of folds, k.
  std::int64_t size() const noexcept { return k_; }
  /// ValueError if i is out of range.
  Fold operator[](std::int64_t i) const;
  iterator begin() const;
  iterator end() const;

 private:
  Dataset set_;
  std::int64_t k_;
  std::vector<std::int64_t> order_, part_of_;
};

/// Iterates over the folds; must not outlive the Folds.
class Folds::iterator {
 public:
  using value_type = Fold;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;

  iterator() = default;
  iterator(const Folds* folds, std::int64_t i) : folds_(folds), i_(i) {}
  Fold operator*() const { return (*folds_)[i_]; }
  iterator& operator++() {
    ++i_;
    return *this;
  }
  void operator++(int) { ++i_; }
  friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.i_ == b.i_; }

 private:
  const Folds* folds_ = nullptr;
  std::int64_t i_ = 0;
};

/// Parts of consecutive examples; sizes differ by at most one. ValueError unless 2 <= k <= n.
Folds k_fold(const Dataset& set, std::int64_t k);
/// The same after shuffling.
Folds k_fold(const Dataset& set, std::int64_t k, Generator& generator);
/// Shuffled and stratified by class (labels i64 [n]): the numbers of examples per class in two parts differ by at most
/// one, and so do the sizes of the parts.
Folds stratified_k_fold(const Dataset& set, const ArrayLike& labels, std::int64_t k, Generator& generator);

}  // namespace newtape::data
