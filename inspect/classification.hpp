// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <string>

/// Looking at what a classifier does.
namespace newtape::inspect {

/// counts[t][p] (i64 [classes, classes]): how often class t was taken for class p. `predicted` and `target` are i64
/// [n]; ShapeError when they differ in length, ValueError for a class out of range.
Array confusion_matrix(const Array& predicted, const Array& target, std::int64_t classes);

/// The share of the right answers: the matrix's diagonal over its sum.
double accuracy(const Array& confusion);

/// The matrix as a table with the classes' names, and how many of each class were found (recall).
std::string format_confusion(const Array& confusion, std::span<const char* const> names);

/// A grey image [h, w] (0 dark, 1 bright) as text: two rows of pixels a line, in `columns` columns at most.
std::string draw_image(const Array& image, int columns = 28);
/// Several images side by side, each with a caption below.
std::string draw_images(std::span<const Array> images, std::span<const std::string> captions, int columns = 28);

}  // namespace newtape::inspect
