// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cstdint>
#include <vector>

namespace newtape::inspect::detail {

/// Orthonormal vectors [n], extended one at a time with full re-orthogonalisation.
class KrylovBasis {
 public:
  KrylovBasis(std::int64_t n, DType dtype) : n_(n), dtype_(dtype) {}

  std::size_t size() const noexcept { return vectors_.size(); }
  const Array& operator[](std::size_t i) const { return vectors_[i]; }
  const Array& back() const { return vectors_.back(); }
  void replace(std::vector<Array> vectors) { vectors_ = std::move(vectors); }

  /// w minus its projection on the basis, by modified Gram-Schmidt, repeated as long as a pass shortens w by more than
  /// 1 / sqrt(2) (Daniel, Gragg, Kaufman & Stewart 1976); `coefficients`, if not null, receives the inner products.
  Array orthogonalize(Array w, std::vector<double>* coefficients = nullptr) const;
  /// Appends w / |w| for a vector orthogonal to the basis; returns |w|.
  double append(Array w);
  /// Appends the part of w that is orthogonal to the basis. False when that is rounding error.
  bool extend(const Array& w);
  /// Appends a random vector. False when the basis is complete.
  bool extend_randomly(Generator& generator);
  /// sum_i c_i v_i.
  Array combine(const double* c, std::size_t count) const;

 private:
  std::int64_t n_;
  DType dtype_;
  std::vector<Array> vectors_;
};

/// A symmetric matrix in f64, row by row: its eigenvalues, ascending, and eigenvectors [k][i], element i of vector k.
struct SmallEigh {
  std::vector<double> values;
  std::vector<std::vector<double>> vectors;
};
SmallEigh small_eigh(const std::vector<std::vector<double>>& matrix);

}  // namespace newtape::inspect::detail
