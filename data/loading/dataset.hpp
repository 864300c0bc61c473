// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/batch.hpp>

#include <functional>
#include <span>

namespace newtape::data {

/// Examples start, ..., stop - 1, as in Python slices: negative from the end, clipped.
struct Range {
  std::int64_t start, stop;
};

/// Applied to every gathered batch: augmentation, normalization. May run in several threads at once; random numbers
/// from the generator (or the default one) do not depend on the number of threads.
using Transform = std::function<Batch(Batch, Generator&)>;

/// Arrays (or tensors, whose values count) with a common first axis, the examples. Value semantics: copies share the
/// arrays' memory.
class Dataset {
 public:
  Dataset() = default;
  /// `Dataset{images, labels}`. ShapeError if the first axes differ.
  Dataset(std::initializer_list<ArrayLike> arrays);
  /// `Dataset{{"images", images}, {"labels", labels}}`
  Dataset(std::initializer_list<std::pair<std::string, ArrayLike>> arrays);
  explicit Dataset(std::vector<Array> arrays, std::vector<std::string> names = {});

  /// Number of examples.
  std::int64_t size() const noexcept { return size_; }
  /// One array with all examples; ValueError if it does not exist.
  const Array& array(std::size_t i) const { return arrays_[i]; }
  const Array& array(std::string_view name) const { return arrays_[name]; }
  /// All arrays: `const auto& [images, labels] = set.arrays();`
  const Batch& arrays() const noexcept { return arrays_; }

  /// The same as one batch, with transforms: `const auto& [images, labels] = set.all();`
  Batch all(Generator& generator = default_generator()) const;

  /// One example without the first axis and without transforms: `auto [image, label] = set[5]`.
  Batch operator[](std::int64_t example) const;
  /// A subset: `set[{0, 100}]` (views), `set[indices]` with an i64 array [n] (copies).
  Dataset operator[](Range range) const;
  Dataset operator[](const ArrayLike& indices) const;

  /// Splits the set into consecutive parts of these sizes (views). One size may be -1: the remainder. ValueError if
  /// they do not add up.
  std::vector<Dataset> split(std::initializer_list<std::int64_t> sizes) const;
  /// The same after shuffling the examples (copies).
  std::vector<Dataset> split(std::initializer_list<std::int64_t> sizes, Generator& generator) const;
  /// `auto [train, valid] = set.split(0.9, generator)`: two shuffled parts, the first with this fraction, rounded.
  std::pair<Dataset, Dataset> split(double fraction, Generator& generator) const;
  std::pair<Dataset, Dataset> split(double fraction) const;

  /// The same examples with `transform` applied to every batch, after existing transforms.
  Dataset map(Transform transform) const;
  /// Gathers and transforms a batch. ValueError naming an index out of range.
  Batch gather(std::span<const std::int64_t> indices, Generator& generator = default_generator()) const;

 private:
  std::int64_t cut(double fraction) const;
  Dataset with(std::vector<Array> arrays) const;

  Batch arrays_;
  detail::Names names_;
  std::shared_ptr<const Transform> transform_;
  std::int64_t size_ = 0;
};

}  // namespace newtape::data
