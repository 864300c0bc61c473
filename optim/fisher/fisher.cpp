// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/fisher/fisher.hpp>
#include <newtape/optim/second_order/objective.hpp>

#include <cmath>
#include <string>

namespace newtape::optim {

namespace {

Function of_outputs(const UnaryFunction& loss) {
  return [loss](std::span<const Tensor> ys) { return loss(ys[0]); };
}

}  // namespace

FisherProduct::FisherProduct(const Function& outputs, const UnaryFunction& loss, std::span<const Tensor> xs)
    : j_(outputs, xs), h_(of_outputs(loss), j_.values()) {}

EmpiricalFisherProduct::EmpiricalFisherProduct(const Function& losses, std::span<const Tensor> xs) : j_(losses, xs) {
  const Tensor& all = j_.values()[0];
  if (all.ndim() != 1 || all.size() == 0) {
    raise<ShapeError>(newtape::detail::caller_or("empirical_fisher_product") +
                          ": the losses must be a vector of one or more elements",
                      "[n]", to_string(all.shape()));
  }
  value_ = mean(all);
}

std::vector<Tensor> EmpiricalFisherProduct::gradient() const {
  const Tensor& all = j_.values()[0];
  const Tensor each = full(all.shape(), 1 / static_cast<double>(all.size()), all.dtype());
  return j_.vjp({&each, 1});
}

std::vector<Tensor> EmpiricalFisherProduct::operator()(std::span<const Tensor> vs) const {
  const Tensor along = j_.jvp(vs)[0] / static_cast<double>(j_.values()[0].size());
  return j_.vjp({&along, 1});
}

std::pair<Tensor, std::vector<Tensor>> fisher_product(const Located<Function>& outputs, const UnaryFunction& loss,
                                                      std::span<const Tensor> xs, std::span<const Tensor> vs) {
  return gnvp(outputs, loss, xs, vs);
}

std::pair<Tensor, std::vector<Tensor>> empirical_fisher_product(const Located<Function>& losses,
                                                                std::span<const Tensor> xs,
                                                                std::span<const Tensor> vs) {
  const EmpiricalFisherProduct product(losses, xs);
  return {product.value(), product(vs)};
}

Tensor fisher(const Located<Function>& outputs, const UnaryFunction& loss, std::span<const Tensor> xs) {
  return newtape::detail::with_functions("fisher", [&] {
    Objective objective(outputs, loss, xs);
    return objective.generalized_gauss_newton(objective.flatten(xs));
  });
}

Tensor empirical_fisher(const Located<Function>& losses, std::span<const Tensor> xs) {
  // Half the mean square of the losses has the Hessian I / n.
  const auto half_mean_square = [](const Tensor& l) { return sum(square(l)) * (0.5 / static_cast<double>(l.size())); };
  return newtape::detail::with_functions("empirical_fisher", [&] { return fisher(losses, half_mean_square, xs); });
}

namespace {

/// Largest absolute value; 0 for no elements.
double max_abs(const Tensor& x) { return x.size() == 0 ? 0 : max(abs(x)).item(); }

/// ValueError unless a product with the loss's Hessian is the expected one.
void expect_kind(const Tensor& product, const Tensor& expected, const char* kind) {
  const double size = max_abs(product);
  if (max_abs(product - expected) <= 1e-2 * size) return;
  raise<ValueError>("Fisher information: the loss's Hessian in the outputs must be that of the likelihood", kind,
                    "another Hessian, for outputs " + to_string(product.shape()));
}

void expect_outputs(const Tensor& outputs) {
  if (outputs.defined() && is_floating(outputs.dtype())) return;
  raise<DTypeError>("Fisher information: the outputs must be floats", "f32 or f64",
                    outputs.defined() ? std::string(name(outputs.dtype())) : "none");
}

/// Random signs from a fixed seed: they reveal what a single unit vector or a vector of ones may miss.
Tensor signs_like(const Tensor& outputs) {
  Generator generator(1);
  return Tensor(random::rademacher(outputs.shape(), outputs.dtype(), generator));
}

/// The Hessian of softmax cross-entropy is w (diag(p) - p p^T) for each row, with the row's weight w >= 0 in the loss.
struct Softmax {
  Tensor p;       ///< [rows, d]
  Tensor weight;  ///< [rows, 1]
};

Softmax softmax_of(const UnaryFunction& loss, const Tensor& outputs) {
  const auto d = outputs.ndim() == 0 ? 1 : outputs.shape().back();
  const Tensor p =
      reshape(softmax(outputs.ndim() == 0 ? unsqueeze(outputs, 0) : outputs, -1), {d == 0 ? 0 : outputs.size() / d, d});
  if (p.size() == 0) return {p, zeros({p.shape()[0], 1}, p.dtype())};
  // The weight follows from the product with the unit vector of the class of largest p (1 - p).
  const Tensor spread = p * (1 - p);
  const Tensor unit = one_hot(argmax(spread, 1), d, p.dtype());
  const Tensor product = reshape(hvp(loss, outputs, reshape(unit, outputs.shape())).second, p.shape());
  const Tensor max_spread = sum(unit * spread, 1, true);
  const Tensor selected = sum(unit * product, 1, true);
  const Tensor weight = where(max_spread > 0, maximum(selected / where(max_spread > 0, max_spread, 1), 0), 0);
  const char* const kind = "softmax cross-entropy over the last axis";
  expect_kind(product, weight * sum(unit * p, 1, true) * (unit - p), kind);
  const Tensor signs = reshape(signs_like(outputs), p.shape());
  const Tensor mixed = reshape(hvp(loss, outputs, reshape(signs, outputs.shape())).second, p.shape());
  expect_kind(mixed, weight * p * (signs - sum(p * signs, 1, true)), kind);
  return {p, weight};
}

/// The diagonal of the Hessian; ValueError unless that is diagonal.
Tensor diagonal_of(const UnaryFunction& loss, const Tensor& outputs) {
  const Tensor diagonal = hvp(loss, outputs, ones_like(outputs)).second;
  const Tensor signs = signs_like(outputs);
  expect_kind(hvp(loss, outputs, signs).second, diagonal * signs, "a diagonal one");
  return maximum(diagonal, 0);
}

Shape after(std::int64_t count, const Shape& shape) {
  Shape all{count};
  for (const auto n : shape) all.push_back(n);
  return all;
}

}  // namespace

Tensor fisher_cotangents(const UnaryFunction& loss, const Tensor& outputs, Likelihood likelihood) {
  expect_outputs(outputs);
  const NoGrad off;
  const Tensor y = outputs.detach();
  const auto d =
      y.ndim() < 2 ? (likelihood == Likelihood::categorical && y.ndim() == 1 ? y.shape()[0] : 1) : y.shape().back();
  const Tensor units = unsqueeze(eye(d, y.dtype()), 1);  // [d, 1, d]
  if (likelihood == Likelihood::independent) {
    const Tensor root = reshape(sqrt(diagonal_of(loss, y)), {1, d == 0 ? 0 : y.size() / d, d});
    return reshape(root * units, after(d, y.shape()));
  }
  // sum_k p_k (p - e_k) (p - e_k)^T = diag(p) - p p^T
  const auto [p, weight] = softmax_of(loss, y);
  const Tensor share = unsqueeze(transpose(sqrt(weight * p)), -1);  // [d, rows, 1]
  return reshape(share * (unsqueeze(p, 0) - units), after(d, y.shape()));
}

Tensor sampled_cotangents(const UnaryFunction& loss, const Tensor& outputs, Likelihood likelihood, std::int64_t samples,
                          Generator& generator) {
  expect_outputs(outputs);
  if (samples < 1)
    raise<ValueError>("sampled_cotangents: samples must be positive", "one or more", std::to_string(samples));
  const NoGrad off;
  const Tensor y = outputs.detach();
  const double part = 1 / std::sqrt(static_cast<double>(samples));
  const Shape shape = after(samples, y.shape());
  if (likelihood == Likelihood::independent) {
    const Tensor signs = random::bernoulli(shape, 0.5, y.dtype(), generator);
    return sqrt(diagonal_of(loss, y)) * (signs * (2 * part) - part);
  }
  const auto [p, weight] = softmax_of(loss, y);
  const auto rows = p.shape()[0];
  const auto d = p.shape()[1];
  // The first class at which the cumulative probability exceeds a uniform number.
  const Tensor u = random::uniform({samples, rows, 1}, 0, 1, y.dtype(), generator);
  const Tensor before = sum((cumsum(p, -1) <= u).to(i64), -1);
  const Tensor drawn = one_hot(minimum(before, d - 1), d, p.dtype());
  return reshape((sqrt(weight) * part) * (p - drawn), shape);
}

}  // namespace newtape::optim
