// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <utility>

/// Reductions over `axes`, by default all.
namespace newtape {

Tensor maximum(In a, In b);  ///< elementwise: see arithmetic.hpp
Tensor minimum(In a, In b);  ///< elementwise: see arithmetic.hpp

Tensor sum(In x, const Axes& axes = {}, bool keepdims = false);   ///< of booleans: the number of true ones, i64
Tensor mean(In x, const Axes& axes = {}, bool keepdims = false);  ///< of i64 and booleans: f32
Tensor prod(In x, const Axes& axes = {}, bool keepdims = false);  ///< correct at zeros, to any order
Tensor max(In x, const Axes& axes = {}, bool keepdims = false);   ///< ties share the gradient equally; NaN propagates
Tensor min(In x, const Axes& axes = {}, bool keepdims = false);   ///< ties share the gradient equally; NaN propagates
/// PyTorch's names of max and min.
inline Tensor amax(In x, const Axes& axes = {}, bool keepdims = false) { return max(std::move(x), axes, keepdims); }
inline Tensor amin(In x, const Axes& axes = {}, bool keepdims = false) { return min(std::move(x), axes, keepdims); }

Tensor argmax(In x, std::int64_t axis, bool keepdims = false);         ///< i64 constant; the first of equal maxima
Tensor argmin(In x, std::int64_t axis, bool keepdims = false);         ///< i64 constant; the first of equal minima
Tensor argmax(In x);                                                   ///< the index into the flattened tensor
Tensor argmin(In x);                                                   ///< the index into the flattened tensor
Tensor any(In x, const Axes& axes = {}, bool keepdims = false);        ///< of booleans; false for no elements
Tensor all(In x, const Axes& axes = {}, bool keepdims = false);        ///< of booleans; true for no elements
Tensor logsumexp(In x, const Axes& axes = -1, bool keepdims = false);  ///< log(sum(exp(x))) without overflow
Tensor softmax(In x, std::int64_t axis = -1);      ///< exp(x) / sum(exp(x)) along the axis, without overflow
Tensor log_softmax(In x, std::int64_t axis = -1);  ///< x - logsumexp(x) along the axis

// --- with a dtype, to which x is converted first ---

/// The sum, mean or product of all elements, or over `axes`, of x converted to `dtype`.
template <std::same_as<DType> D>
Tensor sum(In x, D dtype) {
  return sum(to(std::move(x), dtype));
}
inline Tensor sum(In x, const Axes& axes, bool keepdims, DType dtype) {
  return sum(to(std::move(x), dtype), axes, keepdims);
}
template <std::same_as<DType> D>
Tensor mean(In x, D dtype) {
  return mean(to(std::move(x), dtype));
}
inline Tensor mean(In x, const Axes& axes, bool keepdims, DType dtype) {
  return mean(to(std::move(x), dtype), axes, keepdims);
}
template <std::same_as<DType> D>
Tensor prod(In x, D dtype) {
  return prod(to(std::move(x), dtype));
}
inline Tensor prod(In x, const Axes& axes, bool keepdims, DType dtype) {
  return prod(to(std::move(x), dtype), axes, keepdims);
}
/// Of x converted to `dtype`.
inline Tensor softmax(In x, std::int64_t axis, DType dtype) { return softmax(to(std::move(x), dtype), axis); }
inline Tensor log_softmax(In x, std::int64_t axis, DType dtype) { return log_softmax(to(std::move(x), dtype), axis); }

// --- extremes along one axis, with their indices ---

/// The maxima or minima along one axis: a Tensor, and with the indices (i64, the first of equal extremes), which are
/// found when they are asked for: `auto [values, indices] = max(x, 1);`.
class AxisExtreme : public Tensor {
 public:
  AxisExtreme(Tensor values, Array of, std::int64_t axis, bool keepdims, bool largest, SourceLocation location)
      : Tensor(std::move(values)),
        of_(std::move(of)),
        axis_(axis),
        location_(location),
        keepdims_(keepdims),
        largest_(largest) {}
  const Tensor& values() const noexcept { return *this; }
  Tensor indices() const;

 private:
  Array of_;
  std::int64_t axis_;
  SourceLocation location_;
  bool keepdims_, largest_;
};
/// For structured bindings: the values (0), the indices (1).
template <std::size_t i>
Tensor get(const AxisExtreme& extreme) {
  if constexpr (i == 0) {
    return extreme.values();
  } else {
    return extreme.indices();
  }
}

namespace detail {
AxisExtreme extreme_along(In x, std::int64_t axis, bool keepdims, bool largest);
template <class T> concept TensorOrHolder = std::same_as<T, Tensor> || TensorHolder<T>;
}  // namespace detail

/// The maxima, or minima, along one axis, which is dropped unless `keepdims`. ValueError for an axis of length 0,
/// unless the result is empty.
template <std::integral I>
AxisExtreme max(In x, I axis, bool keepdims = false) {
  return detail::extreme_along(std::move(x), static_cast<std::int64_t>(axis), keepdims, true);
}
template <std::integral I>
AxisExtreme min(In x, I axis, bool keepdims = false) {
  return detail::extreme_along(std::move(x), static_cast<std::int64_t>(axis), keepdims, false);
}
/// maximum(a, b), minimum(a, b).
template <detail::TensorOrHolder A, detail::TensorOrHolder B>
Tensor max(const A& a, const B& b, SourceLocation location = SourceLocation::current()) {
  return maximum(In(a, location), In(b, location));
}
template <detail::TensorOrHolder A, detail::TensorOrHolder B>
Tensor min(const A& a, const B& b, SourceLocation location = SourceLocation::current()) {
  return minimum(In(a, location), In(b, location));
}

/// Sums over broadcast axes: x [batch.., extra.., shape'..] -> [batch.., shape..], with `batch` leading axes kept.
Tensor sum_to(In x, const Shape& shape, std::size_t batch = 0);

}  // namespace newtape

/// An AxisExtreme unpacks to two tensors.
template <>
struct std::tuple_size<newtape::AxisExtreme> : std::integral_constant<std::size_t, 2> {};
/// Both parts of an AxisExtreme are tensors.
template <std::size_t i>
struct std::tuple_element<i, newtape::AxisExtreme> {
  using type = newtape::Tensor;
};
