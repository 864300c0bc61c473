// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/module.hpp>

#include <string>
#include <vector>

namespace newtape::inspect {

struct JacobianSingularValuesOptions {
  std::int64_t dense_limit = 1 << 22;  ///< elements of a sample's Jacobian up to which it is formed
  std::int64_t count = 10;             ///< largest singular values beyond it
  Generator* generator = nullptr;      ///< beyond it; null: the default generator
};

/// The singular values of the Jacobian of every sample's result with respect to that sample: f maps x [B, ..] to
/// [B, ..] and treats samples independently (a model in evaluation mode). Result [B, k], descending, of x's dtype; k =
/// min(inputs, outputs), from batched sweeps and an SVD, or, beyond `dense_limit`, at most `count`, by the Lanczos
/// method on J J^T or J^T J. Values near 1 at initialisation are dynamical isometry (Pennington, Schoenholz & Ganguli
/// 2017). ShapeError unless the result has B rows; NumericalError when the Lanczos method does not converge.
Array jacobian_singular_values(const UnaryFunction& f, const Tensor& x,
                               const JacobianSingularValuesOptions& options = {});

/// The singular values of a weight as a matrix [shape[0], all other axes].
struct WeightSpectrum {
  std::string name;
  Shape shape;
  Array singular_values;     ///< [k], descending
  double spectral_norm = 0;  ///< the largest
  double stable_rank = 0;    ///< |W|_F^2 / |W|_2^2; 0 for a weight of zeros
  double condition = 0;      ///< largest over smallest; infinite if that is not above rounding, max(m, n) eps largest
  std::int64_t rank = 0;     ///< singular values above rounding
};

/// The spectra of all parameters with two axes or more, by SVD. NumericalError for weights with non-finite elements.
std::vector<WeightSpectrum> weight_spectra(const nn::ModuleBase& model);

/// A table of them, one line for each weight.
std::string to_string(const std::vector<WeightSpectrum>& spectra);

}  // namespace newtape::inspect
