// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/onnx/import/call.hpp>

#include <utility>

/// What several families of rows share.
namespace newtape::onnx::detail {

template <Tensor (*f)(In)>
Results unary(Call& c) {
  return c.out(f(c.tensor(0)));
}

template <Tensor (*f)(In, In)>
Results binary(Call& c) {
  Tensor a = c.tensor(0), b = c.tensor(1);
  return c.out(f(std::move(a), std::move(b)));
}

/// A row's function for predicates and comparisons.
template <Tensor (*f)(In)>
Results predicate(Call& c) {
  return c.out(f(c.tensor(0)), ElementType::boolean);
}

/// Input 1 for operators older than version 7, whose attributes `broadcast` and `axis` say which axes of input 0 it has.
Tensor second_operand(Call& c);

/// Integers computed in C++: y[i] = f(x[i]).
template <class F>
Tensor map_integers(const Tensor& x, F&& f) {
  const Array from = core::contiguous(x.value());
  Array to = Array::empty(from.shape(), i64);
  const auto* p = from.data<std::int64_t>();
  auto* q = to.data<std::int64_t>();
  for (std::int64_t i = 0; i < from.size(); ++i) q[i] = f(p[i]);
  return Tensor(std::move(to));
}

/// y[i] = f(a[i], b[i]), broadcast.
template <class F>
Tensor zip_integers(const Tensor& a, const Tensor& b, F&& f) {
  const Shape shape = broadcast_shapes("onnx", a.shape(), b.shape());
  const Array x = core::contiguous(core::expand(a.value(), shape)),
              y = core::contiguous(core::expand(b.value(), shape));
  Array to = Array::empty(shape, i64);
  const auto* p = x.data<std::int64_t>();
  const auto* q = y.data<std::int64_t>();
  auto* r = to.data<std::int64_t>();
  for (std::int64_t i = 0; i < to.size(); ++i) r[i] = f(p[i], q[i]);
  return Tensor(std::move(to));
}

/// Axis `axis` of a tensor with `ndim` axes, counted from 0.
inline std::int64_t from_front(std::int64_t axis, std::size_t ndim) {
  return static_cast<std::int64_t>(normalize_axis("axis", axis, ndim));
}
/// The lengths of the axes [begin, end).
inline Shape lengths(const Shape& shape, std::size_t begin, std::size_t end) {
  return Shape(shape.begin() + begin, shape.begin() + end);
}

inline Tensor from_integers(const Dims& numbers) {
  return tensor(std::vector<std::int64_t>(numbers.begin(), numbers.end()));
}

}  // namespace newtape::onnx::detail
