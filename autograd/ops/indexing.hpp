// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/slice.hpp>

#include <span>
#include <vector>

/// NumPy's indexing: x[2], x[-1], x[Slice(1, none, 2)], x[mask], and, with one entry for each axis, x[{0, Slice(), i}].
///
/// An integer drops its axis, a Slice keeps part of it, `ellipsis` stands for as many whole axes as are missing (and
/// stands at the end when it is left out), `newaxis` puts in an axis of length 1. These give a view, unless a step is
/// negative. Tensors of i64 broadcast together, and their common axes take the place of the axes that they index; a
/// boolean one takes the place of as many axes as it has, and stands for the indices where it holds. Where a Slice,
/// ellipsis or newaxis stands between tensors (with integers among them), the common axes come first. These give a
/// copy.
///
/// ShapeError for too many entries or a mask of another shape, ValueError for an index out of range, DTypeError for
/// tensors of floats. A tensor never changes: `index_put` makes the one with other elements.
namespace newtape {

struct Ellipsis {};
struct NewAxis {};
inline constexpr Ellipsis ellipsis{};
inline constexpr NewAxis newaxis{};

/// One entry of an index: an integer, a Slice, `ellipsis`, `newaxis`, or a tensor of i64 or booleans.
class Index {
 public:
  enum class Kind { integer, slice, axes, new_axis, tensor };

  template <std::integral I>
    requires(!std::same_as<I, bool>)
  Index(I at, SourceLocation location = SourceLocation::current())
  noexcept : integer_(static_cast<std::int64_t>(at)), location_(location), kind_(Kind::integer) {}
  Index(Slice slice, SourceLocation location = SourceLocation::current()) noexcept
      : slice_(slice), location_(location), kind_(Kind::slice) {}
  Index(Ellipsis, SourceLocation location = SourceLocation::current()) noexcept
      : location_(location), kind_(Kind::axes) {}
  Index(NewAxis, SourceLocation location = SourceLocation::current()) noexcept
      : location_(location), kind_(Kind::new_axis) {}
  Index(const Tensor& at, SourceLocation location = SourceLocation::current()) noexcept
      : array_(at.value()), location_(location), kind_(Kind::tensor) {}

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

/// x[{indices..}], for indices that are put together at run time.
Tensor index(In x, std::span<const Index> indices);
inline Tensor index(In x, const std::vector<Index>& indices) {
  return index(std::move(x), std::span<const Index>(indices));
}

/// x with `values`, which broadcast, in the place of x[{indices..}]; or, with `accumulate`, added to it. Where an
/// element is named several times the last value counts, also for the gradient, or with `accumulate` all of them do.
Tensor index_put(In x, std::span<const Index> indices, In values, bool accumulate = false);
inline Tensor index_put(In x, const std::vector<Index>& indices, In values, bool accumulate = false) {
  return index_put(std::move(x), std::span<const Index>(indices), std::move(values), accumulate);
}

}  // namespace newtape
