// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <string_view>
#include <utility>
#include <vector>

/// Sums of products.
namespace newtape {

/// Einstein summation: `ij,jk->ik` is the matrix product, `ii->i` the diagonal, `ij->` the sum. Letters name axes;
/// those not in the output are summed over. `...` stands for any further axes, which broadcast, as do axes of length 1.
/// Without `->` the output has the axes of `...` and then, in alphabetical order, the letters that occur once. Operands
/// are contracted in pairs, in the order with the fewest multiplications.
Tensor einsum(std::string_view expression, const std::vector<Tensor>& operands,
              SourceLocation location = SourceLocation::current());

/// The contraction order of einsum, and its number of multiplications. Each step is a pair of positions in the list of
/// operands; both are removed and their product is appended (NumPy's einsum_path).
struct EinsumPath {
  std::vector<std::pair<std::size_t, std::size_t>> steps;
  double multiplications;
};
EinsumPath einsum_path(std::string_view expression, const std::vector<Shape>& shapes);

/// Contracts the last `n` axes of a with the first `n` of b.
Tensor tensordot(In a, In b, std::int64_t n = 2);
/// Contracts axes_a[i] of a with axes_b[i] of b; the result has the remaining axes of a, then those of b.
Tensor tensordot(In a, In b, const Dims& axes_a, const Dims& axes_b);

}  // namespace newtape
