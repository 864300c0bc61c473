// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/models/least_squares.hpp>
#include <newtape/models/samples.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::models {

namespace {

void check_targets(const In& x, const In& y) {
  expect_samples("least_squares", x);
  if ((y.ndim() != 1 && y.ndim() != 2) || y.shape()[0] != x.shape()[0] || y.size() == 0) {
    raise<ShapeError>("least_squares: y must have a row for each row of x", "x [n, d], y [n] or [n, k]",
                      "x " + to_string(x.shape()) + ", y " + to_string(y.shape()));
  }
  if (x.dtype() != y.dtype()) {
    raise<DTypeError>("least_squares: x and y must have one dtype", name(x.dtype()), name(y.dtype()));
  }
}

/// The penalty with a dtype, or an undefined tensor when it is 0.
Tensor checked_penalty(const LeastSquaresOptions& options, std::int64_t d, DType dtype) {
  const Tensor penalty = as_penalty("least_squares", options.penalty, dtype);
  if (penalty.shape() != Shape{} && penalty.shape() != Shape{d}) {
    raise<ShapeError>("least_squares: the penalty must be one number, or one for each feature",
                      "[] or " + to_string(Shape{d}), to_string(penalty.shape()));
  }
  if (penalty.requires_grad() && any(penalty.detach() == 0.0).item<bool>()) {
    raise<ValueError>("least_squares: a differentiated penalty must be positive", "penalty > 0", "a 0");
  }
  return any(penalty.detach() != 0.0).item<bool>() ? penalty : Tensor();
}

/// The minimiser c of |a c - b|^2, and the quantities for its standard errors.
struct Solution {
  Tensor c;           ///< [d, k]
  Tensor covariance;  ///< of c for errors of variance 1 in the first n rows, [d, d]
  Tensor trace;       ///< of the map from the first n rows of b to their fits
  double condition;
  std::int64_t rank;
};

/// a [m, d], of which the first n rows are samples, b [m, k].
Solution solve_for(const Tensor& a, const Tensor& b, std::int64_t n, std::optional<double> rcond) {
  const auto [m, d] = std::pair(a.shape(0), a.shape(1));
  const double tolerance = rcond.value_or(epsilon(a.dtype()) * static_cast<double>(std::max(m, d)));
  const linalg::QR qr = m >= d ? linalg::qr(a) : linalg::QR{};
  const Tensor s = linalg::svdvals(m >= d ? qr.r.detach() : a.detach());
  const double largest = max(s).item();
  Solution result{.c = {},
                  .covariance = {},
                  .trace = {},
                  .condition = std::numeric_limits<double>::infinity(),
                  .rank = sum((s > tolerance * largest).to(i64)).item<std::int64_t>()};
  if (m >= d) result.condition = largest / min(s).item();
  if (result.rank == d) {
    // a = q r, c = r^-1 q^T b; covariance and trace use the rows of q that belong to samples.
    const Tensor samples = slice(qr.q, 0, 0, n);
    const Tensor half = linalg::solve_triangular(qr.r, eye(d, a.dtype()), {.upper = true});
    result.c = linalg::solve_triangular(qr.r, matmul(transpose(qr.q), b), {.upper = true});
    result.covariance = matmul(matmul(half, matmul(transpose(samples), samples)), transpose(half));
    result.trace = sum(square(samples));
  } else {
    const Tensor inverse = linalg::pinv(a, tolerance);
    const Tensor samples = slice(inverse, 1, 0, n);
    result.c = matmul(inverse, b);
    result.covariance = matmul(samples, transpose(samples));
    result.trace = sum(transpose(samples) * slice(a, 0, 0, n));
  }
  return result;
}

}  // namespace

LeastSquares least_squares(In x, In y, const LeastSquaresOptions& options) {
  check_targets(x, y);
  const auto [n, d] = std::pair(x.shape()[0], x.shape()[1]);
  const DType dtype = x.dtype();
  const Tensor penalty = checked_penalty(options, d, dtype);
  expect_sample_weight("least_squares", options.sample_weight, n, dtype);
  if (options.sample_weight.defined() && options.sample_weight.requires_grad() &&
      any(options.sample_weight.detach() == 0.0).item<bool>()) {
    raise<ValueError>("least_squares: differentiated sample weights must be positive", "sample_weight > 0", "a 0");
  }
  const bool vector = y.ndim() == 1;
  const Tensor target = vector ? unsqueeze(y, 1) : y.tensor();
  const Tensor w =
      options.sample_weight.defined() ? unsqueeze(options.sample_weight, 1) : ones({n, 1}, dtype);  // [n, 1]
  const Tensor root = sqrt(w);
  const Tensor total = sum(w);

  // The intercept makes the mean of the residuals zero: c_0 = mean(y) - mean(x) . c, and c fits the centred data.
  const Tensor x_mean = options.intercept ? sum(w * x, 0, true) / total : zeros({1, d}, dtype);
  const Tensor y_mean = options.intercept ? sum(w * target, 0, true) / total : zeros({1, target.shape(1)}, dtype);
  const Tensor a = (x - x_mean) * root;
  const Tensor b = (target - y_mean) * root;
  const Solution solution = penalty.defined()
                                ? solve_for(concatenate({a, diag(sqrt(expand(penalty, {d})))}),
                                            concatenate({b, zeros({d, b.shape(1)}, dtype)}), n, options.rcond)
                                : solve_for(a, b, n, options.rcond);

  LeastSquares model;
  model.rank = solution.rank;
  model.samples = n;
  const Tensor squares = sum(square(b - matmul(a, solution.c)), 0);  // [k]
  // Without a penalty the trace is the rank, up to rounding.
  const Tensor freedom = static_cast<double>(n - (options.intercept ? 1 : 0)) -
                         (penalty.defined() ? solution.trace : full({}, static_cast<double>(solution.rank), dtype));
  model.degrees_of_freedom = freedom.item();
  model.condition_number = solution.condition;
  model.residual_variance = model.degrees_of_freedom > 0
                                ? squares / freedom
                                : full(squares.shape(), std::numeric_limits<double>::quiet_NaN(), dtype);
  model.r2 = 1 - squares / sum(square(b), 0);
  model.coefficients = transpose(solution.c);
  model.intercept = squeeze(y_mean - matmul(x_mean, solution.c), 0);
  const Tensor variance = unsqueeze(model.residual_variance, 1);  // [k, 1]
  model.standard_errors = sqrt(variance * diagonal(solution.covariance));
  model.intercept_standard_error =
      options.intercept
          ? sqrt(model.residual_variance *
                 (1 / total + reshape(matmul(matmul(x_mean, solution.covariance), transpose(x_mean)), {})))
          : zeros_like(model.residual_variance);
  if (vector) {
    for (Tensor* t : {&model.coefficients, &model.intercept, &model.standard_errors, &model.intercept_standard_error,
                      &model.residual_variance, &model.r2}) {
      *t = squeeze(*t, 0);
    }
  }
  return model;
}

Tensor LeastSquares::t_values() const { return coefficients / standard_errors; }

Tensor LeastSquares::predict(In x) const {
  expect_features("LeastSquares::predict", x, coefficients.shape(-1));
  return matmul(x, coefficients.ndim() == 1 ? coefficients : transpose(coefficients)) + intercept;
}

std::string to_string(const LeastSquares& model, std::span<const std::string> feature_names) {
  const auto d = model.coefficients.shape(-1);
  expect_names("to_string(LeastSquares)", feature_names, d);
  const auto rows = [](const Tensor& x, std::int64_t columns) { return reshape(x.detach(), {-1, columns}).to(f64); };
  const Tensor c = rows(model.coefficients, d);
  const Tensor e = rows(model.standard_errors, d);
  const auto at = [](const Tensor& x, std::int64_t k) { return reshape(x.detach(), {-1})[k].item(); };
  std::vector<std::string> names;
  std::size_t width = std::string_view("intercept").size();
  for (std::int64_t j = 0; j < d; ++j) {
    names.push_back(feature_names.empty() ? fmt::format("x{}", j) : feature_names[static_cast<std::size_t>(j)]);
    width = std::max(width, names.back().size());
  }
  std::string text;
  for (std::int64_t k = 0; k < c.shape(0); ++k) {
    text += fmt::format("{:{}} {:>13} {:>13} {:>9}\n",
                        model.coefficients.ndim() == 1 ? std::string() : fmt::format("target {}", k), width,
                        "coefficient", "std. error", "t");
    const auto line = [&](const std::string& name, double value, double error) {
      text += fmt::format("{:{}} {:13.6g} {:13.4g} {:9.2f}\n", name, width, value, error, value / error);
    };
    for (std::int64_t j = 0; j < d; ++j) {
      line(names[static_cast<std::size_t>(j)], c[{k, j}].item(), e[{k, j}].item());
    }
    // The standard error is 0 without an intercept.
    const double error = at(model.intercept_standard_error, k);
    if (error != 0) line("intercept", at(model.intercept, k), error);
    text += fmt::format("R2 {:.4f}, residual variance {:.4g}\n", at(model.r2, k), at(model.residual_variance, k));
  }
  text += fmt::format("{} samples, {:.4g} degrees of freedom, rank {} of {}, condition number {:.3g}\n", model.samples,
                      model.degrees_of_freedom, model.rank, d, model.condition_number);
  return text;
}

}  // namespace newtape::models
