// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Splitting, joining and mirroring along the first three axes, and parts replaced by others.
namespace newtape {

/// Columns in reverse order. ShapeError for fewer than two axes.
Tensor fliplr(In x);
/// Rows in reverse order. ShapeError for a 0-d tensor.
Tensor flipud(In x);

/// tensor_split along axis 1, of a vector along axis 0, into `count` equal parts, or before each of the indices.
/// ValueError unless count divides the length; ShapeError for a 0-d tensor.
std::vector<Tensor> hsplit(In x, std::int64_t count);
std::vector<Tensor> hsplit(In x, const Dims& indices);
/// Likewise along axis 0. ShapeError for fewer than two axes.
std::vector<Tensor> vsplit(In x, std::int64_t count);
std::vector<Tensor> vsplit(In x, const Dims& indices);
/// Likewise along axis 2. ShapeError for fewer than three axes.
std::vector<Tensor> dsplit(In x, std::int64_t count);
std::vector<Tensor> dsplit(In x, const Dims& indices);
/// Concatenates along axis 2, after atleast_3d.
Tensor dstack(const std::vector<Tensor>& parts, SourceLocation location = SourceLocation::current());

/// The matrix with the elements of x, in C order, on a diagonal.
Tensor diagflat(In x, std::int64_t offset = 0);
/// x with select(x, axis, index) replaced by src. ShapeError unless src has its shape.
Tensor select_scatter(In x, In src, std::int64_t axis, std::int64_t index);
/// x with slice(x, axis, start, stop, step) replaced by src. ShapeError unless src has its shape.
Tensor slice_scatter(In x, In src, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);

/// Channels of x [n, c, spatial..] in another order: as [groups, c / groups], transposed (Zhang et al. 2018). ShapeError unless
/// x has three axes or more, of which `groups` divides the second.
Tensor channel_shuffle(In x, std::int64_t groups);

}  // namespace newtape
