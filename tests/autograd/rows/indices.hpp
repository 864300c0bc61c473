// SPDX-License-Identifier: BSD-3-Clause
// Index arrays, and where their elements read or write, for the rows that gather and those that scatter.
#pragma once

#include "autograd/rows/operands.hpp"

#include <algorithm>

namespace newtape::table {

inline Tensor indices(const Shape& shape, std::vector<std::int64_t> list) {
  Array a = Array::empty(shape, i64);
  std::copy(list.begin(), list.end(), a.data<std::int64_t>());
  return a;
}

inline Tensor pair() { return indices({2}, {0, 1}); }

/// x has shape `shape`; the axes of the indices, in [-length, length), replace its axis `axis`.
struct Taking {
  Shape shape;
  std::int64_t axis;
  std::size_t meant;
  Shape index_shape;
  std::vector<std::int64_t> list;

  Shape result() const {
    Shape r = shape;
    r.erase(meant);
    for (std::size_t i = 0; i < index_shape.size(); ++i) r.insert(meant + i, index_shape[i]);
    return r;
  }
  /// The source index of the result's element at `i`.
  Dims source(const Dims& i) const {
    std::size_t k = 0;
    for (std::size_t a = 0; a < index_shape.size(); ++a) {
      k = k * static_cast<std::size_t>(index_shape[a]) + static_cast<std::size_t>(i[meant + a]);
    }
    Dims from;
    for (std::size_t a = 0; a < meant; ++a) from.push_back(i[a]);
    from.push_back(list[k] < 0 ? list[k] + shape[meant] : list[k]);
    for (std::size_t a = meant + index_shape.size(); a < i.size(); ++a) from.push_back(i[a]);
    return from;
  }
};

inline const std::vector<Taking> takings{{{5}, 0, 0, {3}, {4, 0, 4}},
                                         {{3, 2}, 0, 0, {}, {-1}},
                                         {{2, 3}, -1, 1, {2, 2}, {0, -1, 1, 0}},
                                         {{2, 3, 2}, 1, 1, {4}, {2, 2, 0, 2}},
                                         {{4, 2}, 0, 0, {2, 3}, {0, 1, 2, 3, -4, 0}},
                                         {{3, 2}, 0, 0, {0}, {}},
                                         {{0, 3}, 1, 1, {2}, {1, 1}}};

/// Indices have the shape of gather's result and of gather_adjoint's operand.
struct Gathering {
  Shape shape;
  std::int64_t axis;
  std::size_t meant;
  Shape index_shape;
  std::vector<std::int64_t> list;

  Dims source(Dims i) const {
    std::size_t k = 0;
    for (std::size_t a = 0; a < i.size(); ++a) {
      k = k * static_cast<std::size_t>(index_shape[a]) + static_cast<std::size_t>(i[a]);
    }
    i[meant] = list[k] < 0 ? list[k] + shape[meant] : list[k];
    return i;
  }
};

inline const std::vector<Gathering> gatherings{
    {{5}, 0, 0, {3}, {4, 0, 4}},    {{2, 3}, -1, 1, {2, 4}, {0, -1, 1, 0, 2, 2, 2, -3}},
    {{3, 2}, 0, 0, {1, 2}, {2, 0}}, {{2, 3, 2}, 1, 1, {2, 2, 2}, {0, 1, 2, 0, -1, -1, 1, 2}},
    {{2, 3}, 1, 1, {2, 0}, {}},     {{0, 3}, -1, 1, {0, 2}, {}}};

}  // namespace newtape::table
