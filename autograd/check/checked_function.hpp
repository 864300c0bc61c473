// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// The function that gradcheck checks, and its derivatives by the tape.
namespace newtape::detail {

using Numbers = std::vector<double>;  ///< of one array, in C order

Numbers numbers(const Tensor& x);
Tensor tensor_of(const Shape& shape, const Numbers& values);
/// What an entry may be off by: 1000 epsilon times the largest finite one of all gradients. One that is 0 but for
/// rounding, as that of a bias before a normalisation, has the rounding errors of the others.
double rounding_error(const std::vector<Numbers>& gradients);

/// Random signs and magnitudes in [1/2, 3/2), so that no entry is masked by a small factor.
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : generator_(seed) {}
  Numbers operator()(std::size_t n);
  Tensor like(const Shape& shape) { return tensor_of(shape, (*this)(static_cast<std::size_t>(element_count(shape)))); }

 private:
  Generator generator_;
};

/// F_0 is the function. F_n maps the inputs of F_{n-1} and one cotangent for each of its outputs to the gradient of
/// <cotangents, F_{n-1}> with respect to the inputs of F_{n-1}: the cotangents of one order are inputs of the next.
class CheckedFunction {
 public:
  /// DTypeError for an f32 input, ValueError without an f64 input. `f` must outlive this.
  CheckedFunction(const MultiFunction& f, std::span<const Tensor> xs);

  /// f as a function of its f64 inputs.
  std::vector<Tensor> call(std::span<const Tensor> point);
  /// F_n at `point`; `record` makes it part of a graph.
  std::vector<Tensor> derivative(int n, std::span<const Tensor> point, bool record);
  /// The f64 inputs.
  std::vector<Tensor> inputs() const;

  /// The number of inputs of F_n; known up to the last order added.
  std::size_t input_count(int n) const { return counts_[static_cast<std::size_t>(n)]; }
  /// Appends a cotangent for each of the outputs `ys` of F_{order-1} to `point`, the inputs of F_order.
  void add_cotangents(int order, const std::vector<Tensor>& ys, RandomNumbers& random, std::vector<Tensor>& point);
  /// The inputs' names, the cotangents of all orders included.
  const std::vector<std::string>& names() const noexcept { return names_; }
  /// A line on the operation that computed the result, or empty.
  std::string origin() const { return made_by_.empty() ? "" : "  the result was computed by " + made_by_; }

 private:
  const MultiFunction& f_;
  std::vector<Tensor> arguments_;    ///< all arguments of f
  std::vector<std::size_t> free_;    ///< indices of the f64 arguments
  std::vector<std::size_t> counts_;  ///< [n]: the number of inputs of F_n
  std::vector<std::string> names_;
  std::string made_by_;
};

}  // namespace newtape::detail
