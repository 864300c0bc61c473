// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Constants with regular or random values; see also tensor.hpp.
namespace newtape {

namespace detail {
Tensor arange_of(double start, double stop, double step, DType dtype);
Tensor arange_of_integers(std::int64_t start, std::int64_t stop, std::int64_t step, DType dtype);
[[noreturn]] void raise_ragged(std::size_t expected, std::size_t got);
Tensor uniform_of(const Shape& shape, DType dtype);
Tensor normal_of(const Shape& shape, DType dtype);
}  // namespace detail

/// start, start + step, ... below `stop` (exclusive): by default i64 when all three are integers, else f32. ValueError
/// for a step of 0, non-finite bounds, and numbers beyond the range of an integer dtype.
template <Arithmetic A, Arithmetic B, Arithmetic C = int>
Tensor arange(A start, B stop, C step = 1,
              DType dtype = std::integral<A> && std::integral<B> && std::integral<C> ? i64 : f32) {
  if constexpr (std::integral<A> && std::integral<B> && std::integral<C>) {
    return detail::arange_of_integers(static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop),
                                      static_cast<std::int64_t>(step), dtype);
  } else {
    return detail::arange_of(static_cast<double>(start), static_cast<double>(stop), static_cast<double>(step), dtype);
  }
}
/// `n` equally spaced numbers from `start` to `stop`, inclusive. Of an integer dtype they lose the digits after the
/// point: ValueError where they are beyond its range, also for logspace.
Tensor linspace(double start, double stop, std::int64_t n, DType dtype = f32,
                SourceLocation location = SourceLocation::current());
/// base^x for the `n` numbers x of linspace: base^start, ..., base^stop.
Tensor logspace(double start, double stop, std::int64_t n, double base = 10, DType dtype = f32,
                SourceLocation location = SourceLocation::current());
/// A tensor of the shape and dtype of x with all elements `value`.
Tensor full_like(const Tensor& x, double value, SourceLocation location = SourceLocation::current());
/// A copy of the numbers, one row for each vector. ShapeError unless all have the same length.
template <Arithmetic T>
Tensor tensor(const std::vector<std::vector<T>>& rows, DType dtype = dtype_of<T>) {
  const std::size_t columns = rows.empty() ? 0 : rows[0].size();
  std::vector<T> numbers;
  for (const auto& row : rows) {
    if (row.size() != columns) detail::raise_ragged(columns, row.size());
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  return tensor(numbers, Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns)}, dtype);
}
Tensor tensor(const std::vector<bool>& values);

/// Uniform in [0, 1), and normal with mean 0 and standard deviation 1; see random::uniform and random::normal. Templates,
/// so that a program's own functions of these names come first.
template <std::same_as<DType> D = DType>
Tensor rand(const Shape& shape, D dtype = f32) {
  return detail::uniform_of(shape, dtype);
}
template <std::same_as<DType> D = DType>
Tensor randn(const Shape& shape, D dtype = f32) {
  return detail::normal_of(shape, dtype);
}
Tensor rand_like(const Tensor& x);
Tensor randn_like(const Tensor& x);
/// Uniform i64 in [low, high), or in [0, high).
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               SourceLocation location = SourceLocation::current());
Tensor randint(std::int64_t high, const Shape& shape, SourceLocation location = SourceLocation::current());
/// A random permutation of 0, ..., n - 1.
Tensor randperm(std::int64_t n, SourceLocation location = SourceLocation::current());

}  // namespace newtape
