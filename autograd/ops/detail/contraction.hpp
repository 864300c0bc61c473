// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <utility>
#include <vector>

/// Products of tensors whose axes have names: what einsum and tensordot are made of.
namespace newtape::detail {

/// A set of names, which are numbers below 64.
using Labels = std::uint64_t;

/// A tensor, and a name for each of its axes: no name twice.
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
/// The axes in another order.
Tensor arranged(const Labeled& x, const std::vector<unsigned>& order);
/// The sum over all that is not in `keep` of a's elements times b's, which have one length along axes of one name. One
/// matmul, of views where the memory allows it.
Labeled contract(Labeled a, Labeled b, Labels keep);

/// In which order to contract the operands of a product two by two, for the least number of multiplications: the best
/// there is for up to 8 operands, greedily for more. Each step names two places in the list of what is left, the
/// smaller first; the two leave the list, and their product joins it at the end.
struct ContractionPath {
  std::vector<std::pair<std::size_t, std::size_t>> steps;
  double multiplications = 0;
};
ContractionPath contraction_path(std::vector<Labels> operands, Labels output, const std::vector<double>& lengths);

}  // namespace newtape::detail
