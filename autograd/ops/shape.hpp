// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Changes of shape; the results are views where strides allow.
namespace newtape {

Tensor reshape(In x, const Shape& shape);  ///< one length may be -1
Tensor ravel(In x);                        ///< flattened to one axis
/// Merges axes `first` to `last`, inclusive.
Tensor flatten(In x, std::int64_t first = 0, std::int64_t last = -1);
/// Splits one axis into several of the given lengths, one of which may be -1.
Tensor unflatten(In x, std::int64_t axis, const Shape& lengths);
Tensor squeeze(In x, const Axes& axes = {});  ///< drops axes of length 1
Tensor unsqueeze(In x, std::int64_t axis);    ///< inserts an axis of length 1, which is `axis` of the result
Tensor atleast_1d(In x);                      ///< a 0-d tensor becomes a vector of one element
Tensor atleast_2d(In x);                      ///< a vector becomes a row
Tensor atleast_3d(In x);                      ///< [n] -> [1, n, 1], [n, m] -> [n, m, 1]

/// Axis i of the result is axis `order[i]` of x. ShapeError unless `order` has every axis once.
Tensor permute(In x, const Dims& order);
/// Exchanges two axes, by default the last two; swapaxes is NumPy's name. ShapeError for a vector by default.
Tensor transpose(In x, std::int64_t axis0 = -2, std::int64_t axis1 = -1);
Tensor t(In x);  ///< the transpose of a matrix; a vector or a 0-d tensor itself
inline Tensor swapaxes(In x, std::int64_t axis0, std::int64_t axis1) { return transpose(std::move(x), axis0, axis1); }
/// Moves axis `from` to position `to`; the others keep their order.
Tensor moveaxis(In x, std::int64_t from, std::int64_t to);
/// Moves several axes. ValueError unless each has one position, and no axis or position is given twice.
Tensor moveaxis(In x, const Dims& from, const Dims& to);

Tensor expand(In x, const Shape& shape);  ///< broadcast to `shape`; new axes lead
/// NumPy's name of expand.
inline Tensor broadcast_to(In x, const Shape& shape) { return expand(std::move(x), shape); }
/// All tensors broadcast to their common shape.
std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& xs,
                                      SourceLocation location = SourceLocation::current());
/// Coordinates of the grid over the vectors xs, each of shape [len(xs[0]), len(xs[1]), ..]; for "xy" the first two axes
/// are exchanged. ShapeError unless xs are vectors or scalars, ValueError for another indexing.
std::vector<Tensor> meshgrid(const std::vector<Tensor>& xs, const char* indexing = "ij",
                             SourceLocation location = SourceLocation::current());

}  // namespace newtape
