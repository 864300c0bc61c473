// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/spectra/linear_operator.hpp>

#include <newtape/core/runtime/random.hpp>

#include <vector>

namespace newtape::inspect {

struct ExtremeEigenvaluesOptions {
  std::int64_t largest = 1;        ///< how many from the upper end
  std::int64_t smallest = 0;       ///< how many from the lower end
  double tolerance = 0;            ///< on |A x - w x| / |A|; 0: 1e-8 in f64, 1e-4 in f32
  std::int64_t max_products = 0;   ///< products with A; 0: 1000
  std::int64_t basis = 0;          ///< vectors kept before a restart; 0: 50, or 3 (largest + smallest) if that is more
  bool vectors = false;            ///< also the eigenvectors
  Generator* generator = nullptr;  ///< of the first vector; null: the default generator
};

/// Eigenvalues with their residuals |A x - w x| (x of length 1), which bound the distance to the next eigenvalue of A.
struct EigenvalueSet {
  std::vector<double> values;
  std::vector<double> residuals;
  std::vector<Array> vectors;  ///< [n] each, if asked for
};

/// The result of extreme_eigenvalues.
struct ExtremeEigenvalues {
  EigenvalueSet largest;   ///< descending
  EigenvalueSet smallest;  ///< ascending
  bool converged = false;  ///< all residuals are within the tolerance
  std::int64_t products = 0;
};

/// The largest and smallest eigenvalues of a symmetric matrix by the Lanczos method with full re-orthogonalisation and
/// thick restarts (Wu & Simon 2000). If the limit of products is reached, the values are the best so far: the largest
/// are bounded from above, the smallest from below, by those of A. If several are asked for at one end, copies of
/// multiple eigenvalues are sought from further random vectors. ValueError unless A is symmetric; NumericalError for
/// products that are not finite.
ExtremeEigenvalues extreme_eigenvalues(const LinearOperator& a, const ExtremeEigenvaluesOptions& options = {});

struct ConditionNumberOptions {
  double tolerance = 0;            ///< as in ExtremeEigenvaluesOptions
  std::int64_t max_products = 0;   ///< as in ExtremeEigenvaluesOptions
  Generator* generator = nullptr;  ///< null: the default generator
};

/// The result of condition_number.
struct ConditionNumber {
  double value = 0;  ///< largest / smallest; infinite if the smallest is not above rounding error, n eps largest
  double largest = 0;
  double smallest = 0;
  bool converged = false;  ///< else the value is a lower bound
};

/// The condition number of a symmetric positive semidefinite matrix, from its extreme eigenvalues, or of a general one
/// with no more columns than rows, from its extreme singular values, those of A^T A: up to about eps^(-1/2) then.
/// ValueError for a symmetric matrix with an eigenvalue that is negative beyond rounding.
ConditionNumber condition_number(const LinearOperator& a, const ConditionNumberOptions& options = {});

}  // namespace newtape::inspect
