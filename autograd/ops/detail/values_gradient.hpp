// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/linalg/factorizations.hpp>

/// Gradients of functions f of eigenvalues or singular values w alone, whose derivative is right at equal values too.
///
/// With g = f'(w) the gradient is left diag(g) right. Its derivative mixes the vectors i and j by (g_i - g_j) / (w_i -
/// w_j); for a symmetric f this is f_ii - f_ij where w_i = w_j (Lewis & Sendov 2001, Twice differentiable spectral
/// functions), which a sweep from g to w finds. Singular values are eigenvalues +-s of [[0, a], [a^T, 0]].
namespace newtape::linalg {

/// Values of `a` as a result of its factorization, in the graph, and the vectors.
struct ValuesOf {
  core::SpectralOp op;
  Tensor a;
  Tensor w;                      ///< [.., k]
  Tensor left;                   ///< [.., m, k], columns
  Tensor right;                  ///< [.., k, n], rows
  bool singular_values = false;  ///< else eigenvalues
};

/// left diag(g) right, the gradient with respect to `a` for the cotangent g of the values alone. At equal values of a
/// function that is not differentiable there, such as the largest value, g's mean over them: a generalized derivative.
/// Where values are equal or so near that (g_i - g_j) / (w_i - w_j) loses its digits, third derivatives are a
/// NumericalError, and second ones are where f is not twice differentiable or this cannot be told from g.
Tensor gradient_of_values(const Tensor& g, const ValuesOf& values);

/// x, whose derivatives with respect to `a` and `g` (or undefined) are not known: NumericalError for any cotangent but 0.
Tensor without_derivative(const Tensor& x, const Tensor& a, const Tensor& g, const core::SpectralOp& op);

}  // namespace newtape::linalg
