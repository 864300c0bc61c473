// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Matrix, vector and tensor products.
namespace newtape {

/// a [.., n, k] b [.., k, m] -> [.., n, m], leading axes broadcast; a vector on either side contributes no axis. One matrix
/// [k, m] of f16 or bf16 multiplies f32 without a widened copy, with sums in f32.
Tensor matmul(In a, In b);
/// x [.., k] w [m, k]^T + b [m] -> [.., m]; w as in `matmul`.
Tensor linear(In x, In w, In b);
/// x [.., k] w [m, k]^T -> [.., m].
Tensor linear(In x, In w);

Tensor dot(In a, In b);    ///< of two vectors of equal length
Tensor vdot(In a, In b);   ///< dot product of the flattened operands
Tensor inner(In a, In b);  ///< sums over the last axes: a [.., k], b [.., k] -> [a's .., b's ..]
Tensor outer(In a, In b);  ///< a [n], b [m] -> [n, m]
Tensor kron(In a, In b);   ///< Kronecker product; lengths multiply axis by axis, aligned at the last
/// The cross product along an axis of length 3; a and b broadcast.
Tensor cross(In a, In b, std::int64_t axis = -1);
/// y_k = x1^T w_k x2 + b_k: x1 [.., n], x2 [.., m], w [k, n, m], b [k] -> [.., k]; leading axes broadcast.
Tensor bilinear(In x1, In x2, In w, In b);

struct AddmmOptions {
  double beta = 1;   ///< factor of the added term
  double alpha = 1;  ///< factor of the product
};
/// beta c + alpha a b: a [n, k], b [k, m], and c broadcasts to [n, m].
Tensor addmm(In c, In a, In b, const AddmmOptions& options = {});
/// beta c + alpha a b for a matrix a [n, k] and a vector b [k].
Tensor addmv(In c, In a, In b, const AddmmOptions& options = {});
/// addmm for batches: a [i, n, k], b [i, k, m].
Tensor baddbmm(In c, In a, In b, const AddmmOptions& options = {});

}  // namespace newtape
