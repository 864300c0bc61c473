// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/trace.hpp>

#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/inspect/spectra/krylov_basis.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::inspect {

namespace {

void expect_square(const char* op, const LinearOperator& a) {
  if (a.rows() == a.columns()) return;
  raise<ShapeError>(std::string(op) + ": the matrix must be square", "[n, n]", to_string(Shape{a.rows(), a.columns()}));
}

Generator& generator_or_default(Generator* generator) {
  return generator != nullptr ? *generator : default_generator();
}

double exact_trace(const LinearOperator& a) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    Array unit = core::zeros({a.rows()}, a.dtype());
    Array one = core::slice(unit, 0, i, i + 1);
    core::assign(one, core::ones({1}, a.dtype()));
    sum += core::dot(unit, a(unit));
  }
  return sum;
}

}  // namespace

StochasticEstimate estimate_trace(const LinearOperator& a, const EstimateTraceOptions& options) {
  expect_square("estimate_trace", a);
  if (options.products < 3) {
    raise<ValueError>("estimate_trace: too few products", "3 or more", std::to_string(options.products));
  }
  const auto n = a.rows();
  if (options.products >= n) return {exact_trace(a), 0};
  Generator& generator = generator_or_default(options.generator);
  const auto third = options.products / 3;
  detail::KrylovBasis q(n, a.dtype());
  for (std::int64_t i = 0; i < third; ++i) q.extend(a(random::rademacher({n}, a.dtype(), generator)));
  double within = 0;
  for (std::size_t i = 0; i < q.size(); ++i) within += core::dot(q[i], a(q[i]));
  std::vector<double> rest;
  for (std::int64_t i = 0; i < options.products - 2 * third; ++i) {
    const Array g = q.orthogonalize(random::rademacher({n}, a.dtype(), generator));
    rest.push_back(core::dot(g, a(g)));
  }
  StochasticEstimate e = mean_estimate(rest);
  e.value += within;
  return e;
}

DiagonalEstimate estimate_diagonal(const LinearOperator& a, const EstimateDiagonalOptions& options) {
  expect_square("estimate_diagonal", a);
  if (options.samples < 1) {
    raise<ValueError>("estimate_diagonal: the number of samples must be positive", "1 or more",
                      std::to_string(options.samples));
  }
  Generator& generator = generator_or_default(options.generator);
  const Shape shape{a.rows()};
  Array mean = core::zeros(shape, a.dtype());
  Array squares = core::zeros(shape, a.dtype());  // Welford's sums
  for (std::int64_t i = 1; i <= options.samples; ++i) {
    const Array z = random::rademacher(shape, a.dtype(), generator);
    const Array term = z * a(z);
    const Array change = term - mean;
    mean = mean + change / static_cast<double>(i);
    squares = squares + change * (term - mean);
  }
  const auto n = static_cast<double>(options.samples);
  if (options.samples == 1) {
    return {mean, core::full(shape, std::numeric_limits<double>::quiet_NaN(), a.dtype())};
  }
  return {mean, core::sqrt(squares * (1 / ((n - 1) * n)))};
}

}  // namespace newtape::inspect
