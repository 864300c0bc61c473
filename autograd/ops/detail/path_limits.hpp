// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/linalg/factorizations.hpp>

#include <vector>

/// Derivatives of functions of values w and vectors v together, such as v f(w) v^T, at equal values. They are quotients
/// of cotangents by w_j - w_i, 0 / 0 there, and f'(w) is not among the cotangents. But it is in their graph: along
/// w + t z with the vectors as they are, a path of matrices with distinct values, l'Hopital's rule divides the
/// derivatives of numerator and denominator. As second derivatives commute, that of the cotangents of the vectors is the
/// gradient of sum(z * w') with respect to the vectors: one sweep through the graph of w', the cotangent of w.
namespace newtape::linalg {

/// The cotangent of the values of a factorization, and the vectors of the same matrix in its graph.
class ValuePath {
 public:
  /// `values` [stack.., k]: a result of the factorization; `g` [lead.., stack.., k]: its cotangent, or undefined.
  ValuePath(const Tensor& g, const Tensor& values);

  /// Whether `g` depends on vectors of the same matrix.
  bool has_vectors() const { return !vectors_.empty(); }
  /// The derivatives of the cotangents of result `index`, vectors, along z [k], with the leading axes of `g`; undefined
  /// where they are 0.
  Tensor along(const Tensor& z, int index) const;

 private:
  Tensor g_;
  Tensor values_;
  std::vector<Tensor> vectors_;  ///< nodes, without values
};

/// numerator / denominator, where the denominator may be near 0.
struct PathQuotient {
  Tensor numerator;
  Tensor denominator;                          ///< broadcasts to the numerator, as `scale` and `equal` do
  Tensor scale;                                ///< the size of all values
  Tensor equal;                                ///< boolean: where the denominator counts as 0
  Tensor terms;                                ///< that the numerator is a difference of: another matrix
  bool zero = false;                           ///< all cotangents are 0, and stand for others (forward mode)
  bool only_equal = false;                     ///< no limits at nearly equal values
  std::vector<Tensor> numerator_along = {};    ///< derivatives along two paths; undefined: 0
  std::vector<Tensor> denominator_along = {};  ///< not 0 where the denominator is near 0
};

/// Limits where the denominator is near 0 and the numerator vanishes with it.
struct PathLimits {
  Tensor known;          ///< boolean constant; undefined where there are none
  Tensor value;          ///< in the graph of the cotangents; no derivative with respect to `a`
  bool complete = true;  ///< known wherever the denominator counts as 0
};
/// NumericalError where the limit at a denominator of 0 depends on the path, which it does for functions that have no
/// derivative there.
PathLimits path_limits(const PathQuotient& q, const Tensor& a, const core::SpectralOp& op);

/// Two paths z [k], positive and with distinct elements and differences.
std::vector<Tensor> value_paths(std::int64_t k, DType dtype);

/// Whether values are so near to each other that quotients by their differences lose half of their digits; or, of
/// singular values, so near to 0.
bool near_values(const Array& values, bool singular_values);

}  // namespace newtape::linalg
