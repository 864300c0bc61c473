// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/spectra/estimate.hpp>
#include <newtape/inspect/spectra/linear_operator.hpp>

#include <newtape/core/runtime/random.hpp>

/// Estimates from products with random vectors; for the Hessian of a function, see also optim::hutchinson_trace.
namespace newtape::inspect {

struct EstimateTraceOptions {
  std::int64_t products = 30;      ///< with A: a third for the sketch, a third for its trace, a third for the rest
  Generator* generator = nullptr;  ///< null: the default generator
};

/// The trace of a square matrix by Hutch++: exact on the range of a random sketch, and Hutchinson's estimate for the
/// rest, so that the error falls as 1 / products for positive semidefinite matrices, and is rounding for those of rank
/// up to products / 3 (Meyer, Musco, Musco & Woodruff 2021, algorithm 1). With products >= n, the exact sum of the
/// diagonal. The standard error is that of the rest. ValueError for fewer than 3 products, ShapeError unless A is
/// square.
StochasticEstimate estimate_trace(const LinearOperator& a, const EstimateTraceOptions& options = {});

struct EstimateDiagonalOptions {
  std::int64_t samples = 100;      ///< products with A
  Generator* generator = nullptr;  ///< null: the default generator
};

/// An estimate of every element of a diagonal, with its standard error (NaN for a single sample); of A's dtype, [n].
struct DiagonalEstimate {
  Array value, standard_error;
};

/// The diagonal of a square matrix, the mean of z (A z) over vectors z of random signs (Bekas, Kokiopoulou & Saad 2007).
/// The variance of an element is the sum of squares of the other elements in its row, over `samples`. ValueError for no samples, ShapeError unless A is square.
DiagonalEstimate estimate_diagonal(const LinearOperator& a, const EstimateDiagonalOptions& options = {});

}  // namespace newtape::inspect
