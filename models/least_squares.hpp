// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/array/print.hpp>

#include <optional>
#include <span>
#include <string>

namespace newtape::models {

struct LeastSquaresOptions {
  bool intercept = true;
  In penalty = 0.0;           ///< ridge: factor of the squared coefficients; a number, or one for each feature [d]
  Tensor sample_weight = {};  ///< [n], not negative: factors of the squared residuals
  /// Singular values up to rcond times the largest count as zero; default: eps max(n, d).
  std::optional<double> rcond = {};
};

/// A fitted linear model. Shapes are for a target [n]; for [n, k] there is a leading axis [k].
struct LeastSquares {
  Tensor coefficients;              ///< [d]
  Tensor intercept;                 ///< [], 0 without one
  Tensor standard_errors;           ///< of the coefficients [d]; NaN without degrees of freedom
  Tensor intercept_standard_error;  ///< []
  Tensor residual_variance;         ///< (weighted) sum of squared residuals over the degrees of freedom, []
  Tensor r2;  ///< explained fraction of the target's sum of squares (about its mean, with an intercept)
  /// n minus 1 for an intercept, minus the trace of the map from targets to fits (the rank, without a penalty).
  double degrees_of_freedom = 0;
  /// Of the fitted matrix: features, centred if there is an intercept, weighted, with the rows of the penalty.
  double condition_number = 0;
  std::int64_t rank = 0;
  std::int64_t samples = 0;

  /// Coefficients over standard errors.
  Tensor t_values() const;
  /// x [.., d] -> [..] or [.., k].
  Tensor predict(In x) const;
};

/// Minimises sum_i w_i |y_i - x_i . c - c_0|^2 + penalty |c|^2 over c and c_0 (not penalised): x [n, d], y [n] or [n,
/// k], in closed form by QR or, if rank-deficient, the minimum-norm solution by SVD. Differentiable in x, y, and in the
/// penalty and the weights where they are positive. ShapeError, DTypeError, ValueError.
LeastSquares least_squares(In x, In y, const LeastSquaresOptions& options = {});

/// The model as a table: coefficients, standard errors, t values, and below them the quality of the fit.
std::string to_string(const LeastSquares& model, std::span<const std::string> feature_names = {});

}  // namespace newtape::models

template <>
struct fmt::formatter<newtape::models::LeastSquares> : newtape::detail::StringFormatter {
  auto format(const newtape::models::LeastSquares& x, fmt::format_context& ctx) const {
    return write(newtape::models::to_string(x), ctx);
  }
};
