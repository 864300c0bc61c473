// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/runtime/source_location.hpp>

namespace newtape {

class AxisExtreme;
class In;
class Tensor;

/// What is often written as a method of a tensor: `y.mean()`, `x.reshape({2, -1})`. Each is the function of the same
/// name, to which the docs of the functions apply; the other operations are functions only (see docs/from_pytorch.md).
/// `Self` is Tensor or Parameter.
template <class Self>
class TensorMethods {
  using Location = SourceLocation;

 public:
  // --- reductions, by default over all axes ---
  Tensor sum(const Axes& axes = {}, bool keepdims = false, Location at = Location::current()) const;
  Tensor mean(const Axes& axes = {}, bool keepdims = false, Location at = Location::current()) const;
  Tensor prod(const Axes& axes = {}, bool keepdims = false, Location at = Location::current()) const;
  Tensor max(Location at = Location::current()) const;
  Tensor min(Location at = Location::current()) const;
  AxisExtreme max(std::int64_t axis, bool keepdims = false, Location at = Location::current()) const;
  AxisExtreme min(std::int64_t axis, bool keepdims = false, Location at = Location::current()) const;
  Tensor argmax() const;
  Tensor argmin() const;
  Tensor argmax(std::int64_t axis, bool keepdims = false) const;
  Tensor argmin(std::int64_t axis, bool keepdims = false) const;
  Tensor any(const Axes& axes = {}, bool keepdims = false) const;
  Tensor all(const Axes& axes = {}, bool keepdims = false) const;
  Tensor var(const Axes& axes = {}, double correction = 1, bool keepdims = false,
             Location at = Location::current()) const;
  Tensor std(const Axes& axes = {}, double correction = 1, bool keepdims = false,
             Location at = Location::current()) const;
  Tensor norm(Location at = Location::current()) const;  ///< the 2-norm of all elements

  // --- changes of shape ---
  Tensor reshape(const Shape& shape, Location at = Location::current()) const;
  Tensor view(const Shape& shape, Location at = Location::current()) const;  ///< reshape
  Tensor flatten(std::int64_t first = 0, std::int64_t last = -1, Location at = Location::current()) const;
  Tensor squeeze(const Axes& axes = {}, Location at = Location::current()) const;
  Tensor unsqueeze(std::int64_t axis, Location at = Location::current()) const;
  Tensor permute(const Dims& order, Location at = Location::current()) const;
  Tensor transpose(std::int64_t axis0 = -2, std::int64_t axis1 = -1, Location at = Location::current()) const;
  Tensor t(Location at = Location::current()) const;  ///< transposed; a vector and a 0-d tensor stay as they are
  Tensor expand(const Shape& shape, Location at = Location::current()) const;

  // --- elementwise functions ---
  Tensor abs(Location at = Location::current()) const;
  Tensor exp(Location at = Location::current()) const;
  Tensor log(Location at = Location::current()) const;
  Tensor sqrt(Location at = Location::current()) const;
  Tensor square(Location at = Location::current()) const;
  Tensor pow(In exponent) const;
  Tensor clip(In low, In high) const;
  Tensor clamp(In low, In high) const;  ///< clip
  Tensor tanh(Location at = Location::current()) const;
  Tensor sigmoid(Location at = Location::current()) const;
  Tensor relu(Location at = Location::current()) const;
  Tensor softmax(std::int64_t axis = -1, Location at = Location::current()) const;

  Tensor matmul(In other) const;
  Tensor dot(In other) const;  ///< of two vectors

 private:
  In operand(Location at) const;
};

}  // namespace newtape
