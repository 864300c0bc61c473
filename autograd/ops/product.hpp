// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Products.
namespace newtape {

/// a [.., n, k] b [.., k, m] -> [.., n, m], leading axes broadcast; a vector on either side loses its axis again.
Tensor matmul(In a, In b);
/// x [.., k] w [m, k]^T + b [m] -> [.., m].
Tensor linear(In x, In w, In b);

}  // namespace newtape
