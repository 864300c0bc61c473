// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <string_view>
#include <utility>
#include <vector>

/// Sums of products.
namespace newtape {

/// The sum of products that `expression` names: `ij,jk->ik` is the matrix product, `ii->i` the diagonal, `ij->` the
/// sum. Letters name axes; those not in the output are summed over. `...` stands for any further axes, which broadcast,
/// as do axes of length 1. Without `->` the output has the axes of `...` and then, in alphabetical order, the letters
/// that occur once. Two operands at a time, in the order that takes the fewest multiplications.
Tensor einsum(std::string_view expression, const std::vector<Tensor>& operands);

/// The order that einsum takes, and its number of multiplications. Each step names two places in the list of operands;
/// the two leave it, and their product joins it at the end: NumPy's einsum_path.
struct EinsumPath {
  std::vector<std::pair<std::size_t, std::size_t>> steps;
  double multiplications;
};
EinsumPath einsum_path(std::string_view expression, const std::vector<Shape>& shapes);

/// The last `n` axes of a meet the first `n` of b, are multiplied and summed over.
Tensor tensordot(In a, In b, std::int64_t n = 2);
/// The axes of a meet those of b, pair by pair; what is left of a comes before what is left of b.
Tensor tensordot(In a, In b, const Dims& axes_a, const Dims& axes_b);

}  // namespace newtape
