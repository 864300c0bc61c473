// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>

#include <iterator>

/// Splits beyond Dataset::split: by class, and for cross-validation. Parts are copies of their examples.
namespace newtape::data {

/// `auto [train, valid] = stratified_split(set, set.array("labels"), 0.9, generator)`: two parts, shuffled. Each class
/// (labels i64 [n]) is split with this share, rounded up or down so that the first part has round(fraction n) examples.
std::pair<Dataset, Dataset> stratified_split(const Dataset& set, const Array& labels, double fraction,
                                             Generator& generator);

struct Fold {
  Dataset train, valid;
};

/// The k ways to keep one of k parts of a set for validation: `for (const auto& [train, valid] : k_fold(set, 5, g))`.
/// A fold is copied together when it is asked for.
class Folds {
 public:
  class iterator;

  /// `order` holds the numbers of all examples; part_of[i] says which part order[i] belongs to.
  Folds(Dataset set, std::int64_t k, std::vector<std::int64_t> order, std::vector<std::int64_t> part_of);

  std::int64_t size() const noexcept { return k_; }
  /// ValueError when there is no such fold.
  Fold operator[](std::int64_t i) const;
  iterator begin() const;
  iterator end() const;

 private:
  Dataset set_;
  std::int64_t k_;
  std::vector<std::int64_t> order_, part_of_;
};

/// A fold at a time; it must not outlive the Folds.
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

/// Parts of neighbouring examples, in order; their sizes differ by one at most. ValueError unless 2 <= k <= n.
Folds k_fold(const Dataset& set, std::int64_t k);
/// The same, shuffled first.
Folds k_fold(const Dataset& set, std::int64_t k, Generator& generator);
/// Shuffled, and each class (labels i64 [n]) dealt out evenly: its numbers in two parts differ by one at most, and so
/// do the parts' sizes.
Folds stratified_k_fold(const Dataset& set, const Array& labels, std::int64_t k, Generator& generator);

}  // namespace newtape::data
