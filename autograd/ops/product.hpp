// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Products.
namespace newtape {

/// a [.., n, k] b [.., k, m] -> [.., n, m], leading axes broadcast; a vector on either side loses its axis again.
Tensor matmul(In a, In b);
/// x [.., k] w [m, k]^T + b [m] -> [.., m].
Tensor linear(In x, In w, In b);

Tensor dot(In a, In b);    ///< of two vectors of one length
Tensor vdot(In a, In b);   ///< of all elements, whatever the shapes
Tensor inner(In a, In b);  ///< sums over the last axes: a [.., k], b [.., k] -> [a's .., b's ..]
Tensor outer(In a, In b);  ///< a [n], b [m] -> [n, m]
Tensor kron(In a, In b);   ///< every element of a times all of b; the lengths multiply, axis by axis from the last
/// The vector product along an axis of length 3; a and b broadcast.
Tensor cross(In a, In b, std::int64_t axis = -1);
/// y_k = x1^T w_k x2 + b_k: x1 [.., n], x2 [.., m], w [k, n, m], b [k] -> [.., k]; leading axes broadcast.
Tensor bilinear(In x1, In x2, In w, In b);

struct AddmmOptions {
  double beta = 1;   ///< of the term that is added
  double alpha = 1;  ///< of the product
};
/// beta c + alpha a b: a [n, k], b [k, m], and c broadcasts to [n, m].
Tensor addmm(In c, In a, In b, const AddmmOptions& options = {});
/// The same with a matrix a [n, k] and a vector b [k].
Tensor addmv(In c, In a, In b, const AddmmOptions& options = {});
/// The same for batches: a [i, n, k], b [i, k, m].
Tensor baddbmm(In c, In a, In b, const AddmmOptions& options = {});

}  // namespace newtape
