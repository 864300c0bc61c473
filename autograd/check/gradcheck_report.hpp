// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <string>
#include <vector>

/// Text of gradcheck's messages: numbers, the worst entries, and the likely cause.
namespace newtape::detail {

/// The derivative with respect to one entry of an input, by differences and by the tape.
struct CheckedEntry {
  std::size_t input = 0;
  std::size_t at = 0;  ///< in C order
  double numeric = 0;
  double tape = 0;
  double error = -1;     ///< relative
  std::string row = {};  ///< names the entry of the result; empty for the weighted sum of all
};

std::string number_text(double x);
/// `[1, 2]` for the flat index 5 in a shape [2, 3].
std::string entry_text(std::size_t flat, const Shape& shape);

/// A table of the worst entries.
std::string worst_entries(std::vector<CheckedEntry> entries, std::span<const std::string> names,
                          std::span<const Shape> shapes);
/// Describes the pattern of errors in the input of the worst entry: number of wrong entries, a factor, a transposition.
std::string hint(std::span<const CheckedEntry> entries, const CheckedEntry& worst, std::span<const Shape> shapes,
                 double tolerance);

}  // namespace newtape::detail
