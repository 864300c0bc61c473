// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <vector>

/// The operations. Tensors broadcast by NumPy's rules; a number takes the dtype of the other operand; two float dtypes
/// do not mix (DTypeError names both). Axes may be negative. Every operation differentiates to any order unless it says
/// otherwise, and takes constants, variables and temporaries alike.
namespace newtape {

// --- arithmetic ---
Tensor operator+(In a, In b);
Tensor operator-(In a, In b);
Tensor operator*(In a, In b);  ///< elementwise; for the matrix product see matmul
Tensor operator/(In a, In b);
Tensor operator-(In x);
Tensor pow(In a, In b);  ///< a^b; the derivative in b wants a > 0 (at a = 0, b > 0 it is 0)
Tensor square(In x);
Tensor abs(In x);            ///< derivative 0 at 0
Tensor sign(In x);           ///< -1, 0 or 1; constant, without derivative
Tensor maximum(In a, In b);  ///< equal operands share the gradient
Tensor minimum(In a, In b);
Tensor clip(In x, In low, In high);  ///< gradient 1 within the bounds, both included
/// `a` where `condition` (boolean) holds, else `b`. What is not chosen gets gradient 0.
Tensor where(const Tensor& condition, In a, In b);

// --- comparisons: boolean constants ---
Tensor operator==(In a, In b);
Tensor operator!=(In a, In b);
Tensor operator<(In a, In b);
Tensor operator<=(In a, In b);
Tensor operator>(In a, In b);
Tensor operator>=(In a, In b);

// --- functions of one number ---
Tensor exp(In x);
Tensor expm1(In x);
Tensor log(In x);
Tensor log1p(In x);
Tensor sqrt(In x);
Tensor sin(In x);
Tensor cos(In x);
Tensor tanh(In x);
Tensor erf(In x);
Tensor sigmoid(In x);
Tensor softplus(In x);  ///< log(1 + exp(x))
Tensor relu(In x);      ///< max(x, 0); derivative 0 at 0
Tensor gelu(In x);      ///< x Phi(x), exact (erf)

// --- reductions: over all axes unless some are named ---
Tensor sum(In x, const Axes& axes = {}, bool keepdims = false);
Tensor mean(In x, const Axes& axes = {}, bool keepdims = false);
Tensor prod(In x, const Axes& axes = {}, bool keepdims = false);  ///< right at zeros too, to any order
Tensor max(In x, const Axes& axes = {}, bool keepdims = false);   ///< ties share the gradient equally
Tensor min(In x, const Axes& axes = {}, bool keepdims = false);
Tensor argmax(const Tensor& x, std::int64_t axis, bool keepdims = false);  ///< i64 constant; the first of equals
Tensor argmin(const Tensor& x, std::int64_t axis, bool keepdims = false);
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);  ///< of booleans
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor logsumexp(In x, std::int64_t axis = -1, bool keepdims = false);
Tensor softmax(In x, std::int64_t axis = -1);
Tensor log_softmax(In x, std::int64_t axis = -1);
/// Sums over broadcast axes: x [batch.., extra.., shape'..] -> [batch.., shape..], with `batch` leading axes kept.
Tensor sum_to(In x, const Shape& shape, std::size_t batch = 0);

// --- products ---
/// a [.., n, k] b [.., k, m] -> [.., n, m], leading axes broadcast; a vector on either side loses its axis again.
Tensor matmul(In a, In b);
/// x [.., k] w [m, k]^T + b [m] -> [.., m].
Tensor linear(In x, In w, In b);

// --- shapes: views where the memory allows ---
Tensor reshape(In x, const Shape& shape);  ///< one length may be -1
Tensor permute(In x, const Dims& order);
Tensor transpose(In x, std::int64_t axis0 = -2, std::int64_t axis1 = -1);
Tensor squeeze(In x, const Axes& axes = {});
Tensor unsqueeze(In x, std::int64_t axis);
Tensor expand(In x, const Shape& shape);  ///< broadcast to `shape`; new axes lead
Tensor slice(In x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
Tensor select(In x, std::int64_t axis, std::int64_t index);  ///< x[index] along an axis, which is dropped

// --- indexing: indices are i64 constants, negative ones count from the end ---
/// The elements `indices` (any shape, which takes the axis's place) along `axis`.
Tensor take(In x, const Tensor& indices, std::int64_t axis = 0);
/// y[i][j] = x[i][indices[i][j]] for axis 1, and so on.
Tensor gather(In x, const Tensor& indices, std::int64_t axis = -1);
/// Zeros of length `length` along `axis`, with x added at `indices`, which has x's shape: the adjoint of gather.
Tensor scatter_add(In x, const Tensor& indices, std::int64_t axis, std::int64_t length);
Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis = 0);
Tensor stack(std::span<const Tensor> parts, std::int64_t axis = 0);
inline Tensor concatenate(const std::vector<Tensor>& parts, std::int64_t axis = 0) {
  return concatenate(std::span<const Tensor>(parts), axis);
}
inline Tensor stack(const std::vector<Tensor>& parts, std::int64_t axis = 0) {
  return stack(std::span<const Tensor>(parts), axis);
}

}  // namespace newtape
