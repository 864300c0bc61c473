// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/slice.hpp>

#include <concepts>
#include <span>
#include <vector>

/// NumPy's indexing: x[2], x[-1], x[Slice(1, none, 2)], x[mask], and, with one entry for each axis, x[{0, Slice(), i}].
///
/// An integer drops its axis, a Slice keeps part of it, `ellipsis` stands for all axes without an entry (and is implied
/// at the end), `newaxis` inserts an axis of length 1. These return a view, unless a step is negative. Tensors of i64
/// broadcast together, and their common axes replace the indexed axes; a boolean tensor indexes as many axes as it has,
/// and stands for the indices of its true elements. Where a Slice, ellipsis or newaxis separates tensors (or integers
/// among them), the common axes come first. Indexing by tensors returns a copy.
///
/// ShapeError for too many entries or a mask of another shape, ValueError for an index out of range, DTypeError for
/// tensors of floats. Tensors are immutable: `index_put` returns one with other elements.
namespace newtape {

/// The type of `ellipsis`.
struct Ellipsis {};
/// The type of `newaxis`.
struct NewAxis {};
inline constexpr Ellipsis ellipsis{};  ///< index entry: all axes that have no entry of their own
inline constexpr NewAxis newaxis{};    ///< index entry: a new axis of length 1

/// An integer type other than bool.
template <class I> concept IndexInteger = std::integral<I> && !std::same_as<I, bool>;

/// One entry of an index: an integer, a Slice, `ellipsis`, `newaxis`, or a tensor of i64 or booleans.
class Index {
 public:
  /// What the entry is; `axes` is the ellipsis.
  enum class Kind { integer, slice, axes, new_axis, tensor };

  /// From what stands for it in x[{..}].
  template <IndexInteger I>
  Index(I at, SourceLocation location = SourceLocation::current()) noexcept
      : integer_(static_cast<std::int64_t>(at)), location_(location), kind_(Kind::integer) {}
  Index(Slice slice, SourceLocation location = SourceLocation::current()) noexcept
      : slice_(slice), location_(location), kind_(Kind::slice) {}
  Index(Ellipsis, SourceLocation location = SourceLocation::current()) noexcept
      : location_(location), kind_(Kind::axes) {}
  Index(NewAxis, SourceLocation location = SourceLocation::current()) noexcept
      : location_(location), kind_(Kind::new_axis) {}
  Index(const Tensor& at, SourceLocation location = SourceLocation::current()) noexcept
      : array_(at.value()), location_(location), kind_(Kind::tensor) {}

  /// The kind, and the entry of this kind; the other entries have their defaults.
  Kind kind() const noexcept { return kind_; }
  std::int64_t integer() const noexcept { return integer_; }
  const Slice& slice() const noexcept { return slice_; }
  const Array& array() const noexcept { return array_; }
  SourceLocation location() const noexcept { return location_; }

 private:
  Slice slice_;
  std::int64_t integer_ = 0;
  Array array_;
  SourceLocation location_;
  Kind kind_;
};

/// x[{indices..}], for a list of indices known at run time.
Tensor index(In x, std::span<const Index> indices);
inline Tensor index(In x, const std::vector<Index>& indices) {
  return index(std::move(x), std::span<const Index>(indices));
}

/// x with x[{indices..}] replaced by `values`, which broadcast, or with `values` added (`accumulate`). Of repeated
/// indices the last value counts, also for the gradient; with `accumulate` all of them do.
Tensor index_put(In x, std::span<const Index> indices, In values, bool accumulate = false);
inline Tensor index_put(In x, const std::vector<Index>& indices, In values, bool accumulate = false) {
  return index_put(std::move(x), std::span<const Index>(indices), std::move(values), accumulate);
}

}  // namespace newtape
