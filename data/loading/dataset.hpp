// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/batch.hpp>

#include <functional>
#include <span>

namespace newtape::data {

/// Examples start, ..., stop - 1, as Python counts: negative from the end, clipped.
struct Range {
  std::int64_t start, stop;
};

/// What a loader does to every batch it has gathered: augmentation, normalisation. It may run in several threads at
/// once. Randomness taken from the generator (or from the default one) is the same however many threads there are.
using Transform = std::function<Batch(Batch, Generator&)>;

/// Arrays with a common first axis, the examples. A value: copies share the arrays' memory.
class Dataset {
 public:
  Dataset() = default;
  /// `Dataset{images, labels}`. ShapeError when the first axes differ.
  Dataset(std::initializer_list<Array> arrays);
  /// `Dataset{{"images", images}, {"labels", labels}}`
  Dataset(std::initializer_list<std::pair<std::string, Array>> arrays);
  explicit Dataset(std::vector<Array> arrays, std::vector<std::string> names = {});

  /// How many examples.
  std::int64_t size() const noexcept { return size_; }
  /// One array with all the examples; ValueError when there is no such one.
  const Array& array(std::size_t i) const { return arrays_[i]; }
  const Array& array(std::string_view name) const { return arrays_[name]; }
  /// All of them: `const auto& [images, labels] = set.arrays();`
  const Batch& arrays() const noexcept { return arrays_; }

  /// One example, without the first axis and without the transform: `auto [image, label] = set[5]`.
  Batch operator[](std::int64_t example) const;
  /// Some of the examples: `set[{0, 100}]` (views), `set[indices]` with an i64 array [n] (copies).
  Dataset operator[](Range range) const;
  Dataset operator[](const Array& indices) const;

  /// Cuts the set into parts of these sizes, in order: views. One size may be -1, what is left over. ValueError when
  /// they do not add up.
  std::vector<Dataset> split(std::initializer_list<std::int64_t> sizes) const;
  /// The same with the examples shuffled first: copies.
  std::vector<Dataset> split(std::initializer_list<std::int64_t> sizes, Generator& generator) const;
  /// `auto [train, valid] = set.split(0.9, generator)`: two parts, shuffled, the first with this share, rounded.
  std::pair<Dataset, Dataset> split(double fraction, Generator& generator) const;
  std::pair<Dataset, Dataset> split(double fraction) const;

  /// The same examples, with `transform` applied (after any there already is) to every batch.
  Dataset map(Transform transform) const;
  /// Gathers a batch, row by row, and transforms it. ValueError names an index out of range.
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
