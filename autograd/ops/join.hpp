// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <vector>

/// Concatenation, and splitting into views.
namespace newtape {

/// The parts one after the other along `axis`. ValueError for no parts, ShapeError unless they have the same lengths
/// along the other axes, DTypeError unless they have one dtype.
Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis = 0,
                   SourceLocation location = SourceLocation::current());
/// The parts side by side along a new axis, `axis` of the result. ValueError for no parts, ShapeError unless they have
/// one shape, DTypeError unless they have one dtype.
Tensor stack(std::span<const Tensor> parts, std::int64_t axis = 0, SourceLocation location = SourceLocation::current());
/// The same for a vector.
inline Tensor concatenate(const std::vector<Tensor>& parts, std::int64_t axis = 0,
                          SourceLocation location = SourceLocation::current()) {
  return concatenate(std::span<const Tensor>(parts), axis, location);
}
/// PyTorch's name of concatenate.
inline Tensor cat(const std::vector<Tensor>& parts, std::int64_t axis = 0,
                  SourceLocation location = SourceLocation::current()) {
  return concatenate(std::span<const Tensor>(parts), axis, location);
}
/// stack for a vector.
inline Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0,
                    SourceLocation location = SourceLocation::current()) {
  return stack(std::span<const Tensor>(parts), axis, location);
}
/// Concatenates along axis 1, vectors along axis 0.
Tensor hstack(const std::vector<Tensor>& parts, SourceLocation location = SourceLocation::current());
/// Concatenates along axis 0; vectors are rows.
Tensor vstack(const std::vector<Tensor>& parts, SourceLocation location = SourceLocation::current());

/// Vectors and scalars as columns, joined with matrices along axis 1.
Tensor column_stack(const std::vector<Tensor>& parts, SourceLocation location = SourceLocation::current());
/// All combinations of one element of each vector, as rows [product of the lengths, number of vectors]; a single vector
/// itself. The first vector varies slowest. ShapeError unless all are vectors.
Tensor cartesian_prod(const std::vector<Tensor>& vectors, SourceLocation location = SourceLocation::current());
/// The combinations of r elements of a vector x, in the order of their positions, as rows [count, r]; with
/// `with_replacement` an element may occur several times. ValueError for r < 0.
Tensor combinations(In x, std::int64_t r = 2, bool with_replacement = false);

/// Parts of `size` along `axis`; the last one may be shorter. ValueError for a size below 1.
std::vector<Tensor> split(In x, std::int64_t size, std::int64_t axis = 0);
/// Parts of the given sizes. ValueError unless the sizes add up to the axis's length.
std::vector<Tensor> split(In x, const Dims& sizes, std::int64_t axis = 0);
/// At most `count` parts of equal size; the last one may be shorter.
std::vector<Tensor> chunk(In x, std::int64_t count, std::int64_t axis = 0);
/// Exactly `count` parts whose sizes differ by at most one, larger ones first (NumPy's array_split).
std::vector<Tensor> tensor_split(In x, std::int64_t count, std::int64_t axis = 0);
/// Splits before each of these indices; negative ones count from the end. ValueError unless they ascend.
std::vector<Tensor> tensor_split(In x, const Dims& indices, std::int64_t axis = 0);
/// All x[i] along `axis`, which is dropped; unbind is PyTorch's name.
std::vector<Tensor> unstack(In x, std::int64_t axis = 0);
inline std::vector<Tensor> unbind(In x, std::int64_t axis = 0) { return unstack(std::move(x), axis); }

}  // namespace newtape
