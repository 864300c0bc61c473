// SPDX-License-Identifier: BSD-3-Clause
// For sources: std::stable_sort of libstdc++ calls the deprecated std::get_temporary_buffer, which Clang 19 reports in the
// code that uses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace newtape::detail {

/// Sorts by `less`; what is equal keeps its order. Merges sorted runs of doubling lengths; an order that NaN makes
/// inconsistent gives some permutation.
template <class T, class Less>
void stable_sort(std::vector<T>& v, Less less) {
  std::vector<T> merged;
  merged.reserve(v.size());
  for (std::size_t width = 1; width < v.size(); width *= 2) {
    for (std::size_t begin = 0; begin < v.size(); begin += 2 * width) {
      const auto at = [&](std::size_t i) {
        return std::make_move_iterator(v.begin() + static_cast<std::ptrdiff_t>(std::min(i, v.size())));
      };
      std::merge(at(begin), at(begin + width), at(begin + width), at(begin + 2 * width), std::back_inserter(merged),
                 less);
    }
    v.swap(merged);
    merged.clear();
  }
}

}  // namespace newtape::detail
