// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/optim/second_order/stopping_criteria.hpp>

#include <cstdint>

namespace newtape::models {

/// Options of logistic_regression and softmax_regression.
struct LogisticOptions {
  bool intercept = true;
  In penalty = 0.0;           ///< factor of the sum of squared weights, added to the loss; the bias is not penalised
  Tensor sample_weight = {};  ///< [n], not negative: weights of the mean loss
  /// A gradient_tolerance of 0 means 1e-12 in f64 and 1e-5 in f32.
  optim::StoppingCriteria stop = {};
  bool verbose = false;  ///< prints a table, one line an iteration
};

/// p(1 | x) = sigmoid(x . weight + bias), with the result of its minimisation. Unless `converged()` (as for separable
/// classes without a penalty, where no minimum exists) the loss may be above its infimum.
struct LogisticRegression : optim::Result {
  Tensor weight;  ///< [d]
  Tensor bias;    ///< [], 0 without an intercept

  Tensor logits(In x) const;              ///< x [.., d] -> [..]
  Tensor predict_proba(In x) const;       ///< of class 1, [..]
  Tensor predict(const Tensor& x) const;  ///< the more probable class, i64 [..]
};

/// p(c | x) = softmax(weight x + bias)[c], likewise; weights and biases sum to 0 over the classes. Their shapes are those of
/// nn::Linear.
struct SoftmaxRegression : optim::Result {
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

}  // namespace newtape::models

template <>
struct fmt::formatter<newtape::models::LogisticRegression> : newtape::detail::StringFormatter {
  auto format(const newtape::models::LogisticRegression& x, fmt::format_context& ctx) const {
    return write(newtape::optim::to_string(x), ctx);
  }
};
template <>
struct fmt::formatter<newtape::models::SoftmaxRegression> : newtape::detail::StringFormatter {
  auto format(const newtape::models::SoftmaxRegression& x, fmt::format_context& ctx) const {
    return write(newtape::optim::to_string(x), ctx);
  }
};
