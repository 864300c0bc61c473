// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/print.hpp>
#include <newtape/models/newton.hpp>

#include <string>

namespace newtape::models {

struct LogisticOptions {
  bool intercept = true;
  In penalty = 0.0;           ///< factor of the sum of squared weights, added to the loss; the bias is not penalised
  Tensor sample_weight = {};  ///< [n], not negative: weights of the mean loss
  int max_iterations = 50;
  double tolerance = 0;  ///< of the gradient's largest entry; 0: 1e-12 in f64, 1e-5 in f32
};

/// Convergence of a fit. Unless `converged` (false for separable data without a penalty, say) the loss is not at its
/// minimum.
struct LogisticFit {
  bool converged = false;
  std::vector<NewtonIteration> trace;
};

/// p(1 | x) = sigmoid(x . weight + bias).
struct LogisticRegression : LogisticFit {
  Tensor weight;  ///< [d]
  Tensor bias;    ///< [], 0 without an intercept

  Tensor logits(In x) const;              ///< x [.., d] -> [..]
  Tensor predict_proba(In x) const;       ///< of class 1, [..]
  Tensor predict(const Tensor& x) const;  ///< the more probable class, i64 [..]
};

/// p(c | x) = softmax(weight x + bias)[c]; weights and biases sum to 0 over the classes. Their shapes are those of
/// nn::Linear.
struct SoftmaxRegression : LogisticFit {
  Tensor weight;  ///< [classes, d]
  Tensor bias;    ///< [classes], 0 without an intercept

  Tensor logits(In x) const;              ///< x [.., d] -> [.., classes]
  Tensor predict_proba(In x) const;       ///< [.., classes]
  Tensor predict(const Tensor& x) const;  ///< the most probable class, i64 [..]
};

/// Minimises the mean of -log p(target | x) plus the penalty by Newton's method with the exact Hessian: x [n, d],
/// target [n] of 0 and 1 (i64 or boolean). Differentiable in x, the penalty and the weights, by the implicit function
/// theorem, to any order. ShapeError, DTypeError, ValueError.
LogisticRegression logistic_regression(In x, const Tensor& target, const LogisticOptions& options = {});

/// The same for several classes: target [n] (i64) below `classes`; 0: the largest target plus 1.
SoftmaxRegression softmax_regression(In x, const Tensor& target, const LogisticOptions& options = {},
                                     std::int64_t classes = 0);

/// The iterations as a table, and whether they converged.
std::string to_string(const LogisticFit& fit);

}  // namespace newtape::models

template <>
struct fmt::formatter<newtape::models::LogisticRegression> : newtape::detail::StringFormatter {
  auto format(const newtape::models::LogisticRegression& x, fmt::format_context& ctx) const {
    return write(newtape::models::to_string(x), ctx);
  }
};
template <>
struct fmt::formatter<newtape::models::SoftmaxRegression> : newtape::detail::StringFormatter {
  auto format(const newtape::models::SoftmaxRegression& x, fmt::format_context& ctx) const {
    return write(newtape::models::to_string(x), ctx);
  }
};
