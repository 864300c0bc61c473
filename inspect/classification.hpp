// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>

#include <span>
#include <string>

/// Evaluation of classifiers.
namespace newtape::inspect {

/// counts[t][p] (i64 [classes, classes]): number of examples of class t predicted as p. `predicted` and `target` are
/// i64 [n]; ShapeError if their shapes differ, ValueError for a class out of range.
Array confusion_matrix(const ArrayLike& predicted, const ArrayLike& target, std::int64_t classes);

/// Fraction of correct predictions: the trace of the confusion matrix over its sum.
double accuracy(const ArrayLike& confusion);

/// The matrix as a table with class names and the recall per class.
std::string format_confusion(const ArrayLike& confusion, std::span<const char* const> names);

/// A grey image [h, w] (0 dark, 1 bright) as terminal text: two pixel rows per line, at most `columns` columns.
std::string draw_image(const ArrayLike& image, int columns = 28);
/// Several images side by side, captions below.
std::string draw_images(std::span<const Array> images, std::span<const std::string> captions, int columns = 28);

}  // namespace newtape::inspect
