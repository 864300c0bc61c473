// SPDX-License-Identifier: BSD-3-Clause
// Operands and samples for rows of linear algebra.
#pragma once

#include "autograd/dense.hpp"
#include "autograd/rows/operands.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace newtape::table {

/// The range of the elements from which dense.hpp constructs operands.
inline const std::vector<Domain> small{{.low = -1, .high = 1, .above = -1, .below = 1}};

inline Tensor not_a_number() { return full({2, 2}, std::nan("")); }

/// A sample with one argument, and a function of each of its matrices as the reference.
template <class F>
Sample one(Shape shape, Call call, F reference, std::size_t drop = 0) {
  return {{std::move(shape)},
          std::move(call),
          over_stacks([reference](const Matrices& x) { return reference(x[0]); }, drop)};
}

}  // namespace newtape::table
