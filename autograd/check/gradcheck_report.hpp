// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <string>
#include <vector>

/// What gradcheck tells a person: numbers, the worst entries, and what is likely to have caused them.
namespace newtape::detail {

/// The derivative in one entry of an input, both ways.
struct CheckedEntry {
  std::size_t input = 0;
  std::size_t at = 0;  ///< in C order
  double numeric = 0;
  double tape = 0;
  double error = -1;     ///< relative
  std::string row = {};  ///< of which entry of the result, when not of their weighted sum
};

std::string number_text(double x);
/// `[1, 2]` for the flat index 5 in a shape [2, 3].
std::string entry_text(std::size_t flat, const Shape& shape);

/// The worst entries, a line each.
std::string worst_entries(std::vector<CheckedEntry> entries, std::span<const std::string> names,
                          std::span<const Shape> shapes);
/// What the entries of the input of the worst one have in common: how many are wrong, a factor, a transposition.
std::string hint(std::span<const CheckedEntry> entries, const CheckedEntry& worst, std::span<const Shape> shapes,
                 double tolerance);

}  // namespace newtape::detail
