// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Constants with regular values; see also tensor.hpp.
namespace newtape {

namespace detail {
Tensor arange_of(double start, double stop, double step, DType dtype);
}

/// start, start + step, ... below `stop` (exclusive): by default i64 when all three are integers, else f32. ValueError
/// for a step of 0 or non-finite bounds.
template <Arithmetic A, Arithmetic B, Arithmetic C = int>
Tensor arange(A start, B stop, C step = 1,
              DType dtype = std::integral<A> && std::integral<B> && std::integral<C> ? i64 : f32) {
  return detail::arange_of(static_cast<double>(start), static_cast<double>(stop), static_cast<double>(step), dtype);
}
/// `n` equally spaced numbers from `start` to `stop`, inclusive.
Tensor linspace(double start, double stop, std::int64_t n, DType dtype = f32);
/// base^x for the `n` numbers x of linspace: base^start, ..., base^stop.
Tensor logspace(double start, double stop, std::int64_t n, double base = 10, DType dtype = f32);
/// A tensor of the shape and dtype of x with all elements `value`.
Tensor full_like(const Tensor& x, double value);

}  // namespace newtape
