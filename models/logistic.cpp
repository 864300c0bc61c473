// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/implicit.hpp>
#include <newtape/models/logistic.hpp>
#include <newtape/models/samples.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <span>
#include <utility>
#include <vector>

namespace newtape::models {

namespace {

/// The loss's inputs: features z [n, m], with a column of ones for the bias; normalised sample weights u [n]; the
/// penalty of each column's weight [m].
struct Data {
  Tensor z, u, penalty;
};

Data data_from(const char* op, const In& x, const LogisticOptions& options) {
  expect_samples(op, x);
  const auto [n, d] = std::pair(x.shape()[0], x.shape()[1]);
  expect_sample_weight(op, options.sample_weight, n, x.dtype());
  const Tensor penalty = as_penalty(op, options.penalty, x.dtype());
  if (penalty.shape() != Shape{}) {
    raise<ShapeError>(std::string(op) + ": the penalty must be one number", "[]", to_string(penalty.shape()));
  }
  const Tensor penalties = expand(penalty, {d});
  return {
      .z = options.intercept ? concatenate({x, ones({n, 1}, x.dtype())}, 1) : x.tensor(),
      .u = options.sample_weight.defined() ? options.sample_weight / sum(options.sample_weight)
                                           : full({n}, 1 / static_cast<double>(n), x.dtype()),
      .penalty = options.intercept ? concatenate({penalties, zeros({1}, x.dtype())}) : penalties,
  };
}

/// The labels as i64, within [0, classes).
Array labels_from(const char* op, const In& x, const Tensor& target, std::int64_t classes) {
  if (!is_integer(target.dtype()) && target.dtype() != boolean) {
    raise<DTypeError>(std::string(op) + ": the target must hold class indices", "i64 or boolean", name(target.dtype()));
  }
  if (target.shape() != Shape{x.shape()[0]}) {
    raise<ShapeError>(std::string(op) + ": the target must have one class for each sample",
                      to_string(Shape{x.shape()[0]}), to_string(target.shape()));
  }
  const Tensor labels = target.to(i64);
  const auto low = min(labels).item<std::int64_t>();
  const auto high = max(labels).item<std::int64_t>();
  if (low < 0 || (classes > 0 && high >= classes)) {
    raise<ValueError>(std::string(op) + ": targets must be class indices",
                      classes > 0 ? "in [0, " + std::to_string(classes) + ")" : "at least 0",
                      std::to_string(low) + " to " + std::to_string(high));
  }
  return labels.value();
}

/// A model's loss as a function of the vector of all its weights, with its gradient (differentiable) and Hessian.
struct Model {
  std::function<Tensor(const Tensor& theta, const Data&)> loss;
  std::function<Tensor(const Tensor& theta, const Data&)> gradient;
  std::function<Tensor(const Tensor& theta, const Data&)> hessian;
  /// Added to the gradient: 0 at the solution; makes the equation nonsingular where the loss does not determine theta.
  std::function<Tensor(const Tensor& theta)> anchor;
};

/// The theta [size] with gradient 0, differentiable in the data.
Tensor fit(const Model& model, const Data& data, std::int64_t size, const LogisticOptions& options,
           optim::Result& result) {
  const auto gradient = [model](std::span<const Tensor> theta, std::span<const Tensor> inputs) {
    const Data at{inputs[0], inputs[1], inputs[2]};
    return std::vector<Tensor>{model.gradient(theta[0], at) + model.anchor(theta[0])};
  };
  optim::MinimizeOptions how{.method = optim::newton(), .stop = options.stop, .verbose = options.verbose};
  const bool wide = data.z.dtype() == f64;
  if (!(how.stop.gradient_tolerance > 0)) how.stop.gradient_tolerance = wide ? 1e-12 : 1e-5;
  const auto solve = [&](std::span<const Tensor> inputs) {
    const Data at{inputs[0].detach(), inputs[1].detach(), inputs[2].detach()};
    const optim::DifferentiableFunction loss{
        .value = [&](const Tensor& theta) { return model.loss(theta, at); },
        .gradient = [&](const Tensor& theta) { return model.gradient(theta, at); },
        .hessian = [&](const Tensor& theta) { return model.hessian(theta, at); },
    };
    result = optim::minimize(loss, zeros({size}, at.z.dtype()), how);
    return result.xs;
  };
  return custom_root(gradient, solve, std::vector<Tensor>{data.z, data.u, data.penalty}, {.symmetric = true})[0];
}

/// The loss u . (log(1 + e^a) - t a) + penalty . theta^2 for a = z theta.
Model logistic_model(const Tensor& t) {
  return {
      .loss =
          [t](const Tensor& theta, const Data& data) {
            const Tensor a = matmul(data.z, theta);
            return sum(data.u * (softplus(a) - t * a)) + sum(data.penalty * square(theta));
          },
      .gradient =
          [t](const Tensor& theta, const Data& data) {
            const Tensor p = sigmoid(matmul(data.z, theta));
            return matmul(transpose(data.z), data.u * (p - t)) + 2 * data.penalty * theta;
          },
      .hessian =
          [](const Tensor& theta, const Data& data) {
            const Tensor p = sigmoid(matmul(data.z, theta));
            const Tensor curvature = unsqueeze(data.u * p * (1 - p), 1);
            return matmul(transpose(data.z), curvature * data.z) + diag(2 * data.penalty);
          },
      .anchor = [](const Tensor& theta) { return zeros_like(theta); },
  };
}

/// The loss u . (logsumexp(a) - t . a) + penalty . theta^2 for a = z theta^T, theta [classes, m] in one vector, t [n,
/// classes] one-hot. Without a penalty it is invariant to adding one vector to every class's weights; the anchor, their
/// mean over the classes (0 at the start and after every step), removes this freedom.
Model softmax_model(const Tensor& t) {
  const std::int64_t classes = t.shape(1);
  const auto rows = [classes](const Tensor& theta) { return reshape(theta, {classes, -1}); };
  const auto anchor = [rows](const Tensor& theta) {
    const Tensor w = rows(theta);
    return reshape(expand(mean(w, 0, true), w.shape()), {-1});
  };
  return {
      .loss =
          [t, rows](const Tensor& theta, const Data& data) {
            const Tensor w = rows(theta);
            const Tensor a = matmul(data.z, transpose(w));
            return sum(data.u * (logsumexp(a) - sum(t * a, -1))) + sum(data.penalty * square(w));
          },
      .gradient =
          [t, rows](const Tensor& theta, const Data& data) {
            const Tensor w = rows(theta);
            const Tensor p = softmax(matmul(data.z, transpose(w)));
            return reshape(matmul(transpose(unsqueeze(data.u, 1) * (p - t)), data.z) + 2 * data.penalty * w, {-1});
          },
      // sum_i u_i (diag(p) - p p^T) (x) z z^T: diagonal blocks minus one product, plus the anchor's Hessian.
      .hessian =
          [rows, classes](const Tensor& theta, const Data& data) {
            const Tensor w = rows(theta);
            const auto [n, m] = std::pair(data.z.shape(0), data.z.shape(1));
            const Tensor p = softmax(matmul(data.z, transpose(w)));                             // [n, classes]
            const Tensor scaled = unsqueeze(transpose(unsqueeze(data.u, 1) * p), -1) * data.z;  // [classes, n, m]
            const Tensor blocks = matmul(transpose(data.z), scaled) + diag(2 * data.penalty);   // [classes, m, m]
            const Tensor outer = reshape(unsqueeze(p, -1) * unsqueeze(data.z, 1), {n, classes * m});
            const Tensor product = matmul(transpose(outer), unsqueeze(data.u, 1) * outer);
            const Tensor sums =
                kron(full({classes, classes}, 1 / static_cast<double>(classes), w.dtype()), eye(m, w.dtype()));
            return linalg::block_diag(unstack(blocks)) - product + sums;
          },
      .anchor = anchor,
  };
}

/// The last column of theta [.., m], or zeros, as the bias, and the others as weights.
std::pair<Tensor, Tensor> weight_and_bias(const Tensor& theta, bool intercept) {
  if (!intercept) return {theta, zeros_like(select(theta, -1, 0))};
  const auto m = theta.shape(-1);
  return {slice(theta, -1, 0, m - 1), select(theta, -1, m - 1)};
}

}  // namespace

LogisticRegression logistic_regression(In x, const Tensor& target, const LogisticOptions& options) {
  const Data data = data_from("logistic_regression", x, options);
  const Tensor t = Tensor(labels_from("logistic_regression", x, target, 2)).to(x.dtype());
  LogisticRegression result;
  const Tensor theta = fit(logistic_model(t), data, data.z.shape(1), options, result);
  std::tie(result.weight, result.bias) = weight_and_bias(theta, options.intercept);
  return result;
}

SoftmaxRegression softmax_regression(In x, const Tensor& target, const LogisticOptions& options, std::int64_t classes) {
  const Data data = data_from("softmax_regression", x, options);
  const Tensor labels = labels_from("softmax_regression", x, target, classes);
  const Tensor t = one_hot(labels, classes > 0 ? classes : -1, x.dtype());
  SoftmaxRegression result;
  const Tensor theta = fit(softmax_model(t), data, t.shape(1) * data.z.shape(1), options, result);
  std::tie(result.weight, result.bias) = weight_and_bias(reshape(theta, {t.shape(1), -1}), options.intercept);
  return result;
}

Tensor LogisticRegression::logits(In x) const {
  expect_features("LogisticRegression", x, weight.shape(0));
  return matmul(x, weight) + bias;
}
Tensor LogisticRegression::predict_proba(In x) const { return sigmoid(logits(std::move(x))); }
Tensor LogisticRegression::predict(const Tensor& x) const { return (logits(x) > 0).to(i64); }

Tensor SoftmaxRegression::logits(In x) const {
  expect_features("SoftmaxRegression", x, weight.shape(1));
  return matmul(x, transpose(weight)) + bias;
}
Tensor SoftmaxRegression::predict_proba(In x) const { return softmax(logits(std::move(x))); }
Tensor SoftmaxRegression::predict(const Tensor& x) const { return argmax(logits(x), -1); }

}  // namespace newtape::models
