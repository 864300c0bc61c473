// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <utility>
#include <vector>

/// Products of tensors with named axes, for einsum and tensordot.
namespace newtape::detail {

/// A set of axis names, numbers below 64, as a bit mask.
using Labels = std::uint64_t;

/// A tensor with a distinct name for each of its axes.
struct Labeled {
  Tensor tensor;
  std::vector<unsigned> labels;

  Labels set() const {
    Labels s = 0;
    for (const auto l : labels) s |= Labels{1} << l;
    return s;
  }
};

/// Sums over the axes that are not in `keep`.
Labeled sum_out(Labeled x, Labels keep);
/// The tensor with its axes permuted to `order`.
Tensor arranged(const Labeled& x, const std::vector<unsigned>& order);
/// The product of a and b, summed over the names not in `keep`. Axes of the same name have the same length. One matmul,
/// of views where strides allow.
Labeled contract(Labeled a, Labeled b, Labels keep);

/// The order of pairwise contractions with the fewest multiplications: optimal for up to 8 operands, greedy for more.
/// Each step is a pair of positions in the list of operands, the smaller first; both are removed and their product is
/// appended.
struct ContractionPath {
  std::vector<std::pair<std::size_t, std::size_t>> steps;
  double multiplications = 0;
};
ContractionPath contraction_path(std::vector<Labels> operands, Labels output, const std::vector<double>& lengths);

}  // namespace newtape::detail
