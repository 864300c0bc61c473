// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tensor_methods.hpp>

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/parameter.hpp>

#include <utility>

namespace newtape {

template <class Self>
In TensorMethods<Self>::operand(Location at) const {
  return In(static_cast<const Self&>(*this), at);
}

// --- reductions ---

template <class Self>
Tensor TensorMethods<Self>::sum(const Axes& axes, bool keepdims, Location at) const {
  return newtape::sum(operand(at), axes, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::mean(const Axes& axes, bool keepdims, Location at) const {
  return newtape::mean(operand(at), axes, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::prod(const Axes& axes, bool keepdims, Location at) const {
  return newtape::prod(operand(at), axes, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::max(Location at) const {
  return newtape::max(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::min(Location at) const {
  return newtape::min(operand(at));
}
template <class Self>
AxisExtreme TensorMethods<Self>::max(std::int64_t axis, bool keepdims, Location at) const {
  return newtape::max(operand(at), axis, keepdims);
}
template <class Self>
AxisExtreme TensorMethods<Self>::min(std::int64_t axis, bool keepdims, Location at) const {
  return newtape::min(operand(at), axis, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::argmax() const {
  return newtape::argmax(operand({}));
}
template <class Self>
Tensor TensorMethods<Self>::argmin() const {
  return newtape::argmin(operand({}));
}
template <class Self>
Tensor TensorMethods<Self>::argmax(std::int64_t axis, bool keepdims) const {
  return newtape::argmax(operand({}), axis, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::argmin(std::int64_t axis, bool keepdims) const {
  return newtape::argmin(operand({}), axis, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::any(const Axes& axes, bool keepdims) const {
  return newtape::any(operand({}), axes, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::all(const Axes& axes, bool keepdims) const {
  return newtape::all(operand({}), axes, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::var(const Axes& axes, double correction, bool keepdims, Location at) const {
  return newtape::var(operand(at), axes, correction, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::std(const Axes& axes, double correction, bool keepdims, Location at) const {
  return newtape::stddev(operand(at), axes, correction, keepdims);
}
template <class Self>
Tensor TensorMethods<Self>::norm(Location at) const {
  return linalg::norm(operand(at));
}

// --- changes of shape ---

template <class Self>
Tensor TensorMethods<Self>::reshape(const Shape& shape, Location at) const {
  return newtape::reshape(operand(at), shape);
}
template <class Self>
Tensor TensorMethods<Self>::view(const Shape& shape, Location at) const {
  return newtape::reshape(operand(at), shape);
}
template <class Self>
Tensor TensorMethods<Self>::flatten(std::int64_t first, std::int64_t last, Location at) const {
  return newtape::flatten(operand(at), first, last);
}
template <class Self>
Tensor TensorMethods<Self>::squeeze(const Axes& axes, Location at) const {
  return newtape::squeeze(operand(at), axes);
}
template <class Self>
Tensor TensorMethods<Self>::unsqueeze(std::int64_t axis, Location at) const {
  return newtape::unsqueeze(operand(at), axis);
}
template <class Self>
Tensor TensorMethods<Self>::permute(const Dims& order, Location at) const {
  return newtape::permute(operand(at), order);
}
template <class Self>
Tensor TensorMethods<Self>::transpose(std::int64_t axis0, std::int64_t axis1, Location at) const {
  return newtape::transpose(operand(at), axis0, axis1);
}
template <class Self>
Tensor TensorMethods<Self>::t(Location at) const {
  return newtape::t(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::expand(const Shape& shape, Location at) const {
  return newtape::expand(operand(at), shape);
}

// --- elementwise functions ---

template <class Self>
Tensor TensorMethods<Self>::abs(Location at) const {
  return newtape::abs(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::exp(Location at) const {
  return newtape::exp(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::log(Location at) const {
  return newtape::log(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::sqrt(Location at) const {
  return newtape::sqrt(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::square(Location at) const {
  return newtape::square(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::pow(In exponent) const {
  const Location at = exponent.location();
  return newtape::pow(operand(at), std::move(exponent));
}
template <class Self>
Tensor TensorMethods<Self>::clip(In low, In high) const {
  const Location at = low.location();
  return newtape::clip(operand(at), std::move(low), std::move(high));
}
template <class Self>
Tensor TensorMethods<Self>::clamp(In low, In high) const {
  return clip(std::move(low), std::move(high));
}
template <class Self>
Tensor TensorMethods<Self>::tanh(Location at) const {
  return newtape::tanh(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::sigmoid(Location at) const {
  return newtape::sigmoid(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::relu(Location at) const {
  return newtape::relu(operand(at));
}
template <class Self>
Tensor TensorMethods<Self>::softmax(std::int64_t axis, Location at) const {
  return newtape::softmax(operand(at), axis);
}

template <class Self>
Tensor TensorMethods<Self>::matmul(In other) const {
  const Location at = other.location();
  return newtape::matmul(operand(at), std::move(other));
}
template <class Self>
Tensor TensorMethods<Self>::dot(In other) const {
  const Location at = other.location();
  return newtape::dot(operand(at), std::move(other));
}

template class TensorMethods<Tensor>;
template class TensorMethods<Parameter>;

}  // namespace newtape
