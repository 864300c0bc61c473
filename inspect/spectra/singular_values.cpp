// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/singular_values.hpp>

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/inspect/spectra/eigenvalues.hpp>
#include <newtape/inspect/spectra/operators.hpp>
#include <newtape/inspect/spectra/sample_jacobians.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {

namespace {

/// The largest singular values of one sample's Jacobian.
Array by_lanczos(const UnaryFunction& f, const Tensor& x, std::int64_t count, Generator* generator) {
  const LinearOperator j = jacobian_operator(f, x);
  const LinearOperator side = j.rows() < j.columns()
                                  ? LinearOperator(j.rows(), j.dtype(), [j](const Array& u) { return j(j.adjoint(u)); })
                                  : gram(j);
  const auto e = extreme_eigenvalues(side, {.largest = count, .generator = generator});
  if (!e.converged) {
    raise<NumericalError>("jacobian_singular_values: the Lanczos method did not converge",
                          "the largest singular values", std::to_string(e.products) + " products without convergence");
  }
  Array values = Array::empty({1, static_cast<std::int64_t>(e.largest.values.size())}, f64);
  for (std::size_t i = 0; i < e.largest.values.size(); ++i) {
    values.data<double>()[i] = std::sqrt(std::max(e.largest.values[i], 0.0));
  }
  return core::cast(std::move(values), x.dtype());
}

WeightSpectrum spectrum_of(const std::string& name, const Parameter& p) {
  const auto rows = p.shape(0);
  const Array matrix = core::reshape(p.value(), {rows, rows == 0 ? 0 : p.size() / rows});
  WeightSpectrum w;
  w.name = name;
  w.shape = p.shape();
  w.singular_values = core::contiguous(core::svd(matrix, core::SVDPart::values, "weight_spectra").s);
  const Array s = core::cast(w.singular_values, f64);
  if (s.size() == 0) return w;
  const double* v = s.data<double>();
  w.spectral_norm = v[0];
  const double rounding = static_cast<double>(std::max(rows, matrix.shape()[1])) * epsilon(p.dtype()) * v[0];
  for (std::int64_t i = 0; i < s.size(); ++i) {
    if (v[0] > 0) w.stable_rank += (v[i] / v[0]) * (v[i] / v[0]);
    if (v[i] > rounding) ++w.rank;
  }
  const double least = v[s.size() - 1];
  w.condition = least > rounding ? v[0] / least : std::numeric_limits<double>::infinity();
  return w;
}

}  // namespace

Array jacobian_singular_values(const UnaryFunction& f, const Tensor& x, const JacobianSingularValuesOptions& options) {
  if (options.count < 1 || options.dense_limit < 0) {
    raise<ValueError>("jacobian_singular_values: the number of values must be positive", "1 or more",
                      std::to_string(options.count));
  }
  const NoGrad constants;
  const detail::SampleLinearization all("jacobian_singular_values", f, x);
  if (all.inputs() * all.outputs() <= options.dense_limit) {
    return core::contiguous(core::svd(all.jacobians(), core::SVDPart::values, "jacobian_singular_values").s);
  }
  const auto count = std::min({options.count, all.inputs(), all.outputs()});
  std::vector<Array> rows;
  for (std::int64_t b = 0; b < x.shape(0); ++b) {
    rows.push_back(by_lanczos(f, slice(x, 0, b, b + 1), count, options.generator));
  }
  return rows.empty() ? core::zeros({0, count}, x.dtype()) : core::concatenate(rows);
}

std::vector<WeightSpectrum> weight_spectra(const nn::ModuleBase& model) {
  std::vector<WeightSpectrum> all;
  for (const auto& [name, p] : model.named_parameters()) {
    if (p.ndim() >= 2) all.push_back(spectrum_of(name, p));
  }
  return all;
}

std::string to_string(const std::vector<WeightSpectrum>& spectra) {
  std::size_t width = 6;
  for (const auto& w : spectra) width = std::max(width, w.name.size());
  std::string text = fmt::format("{:<{}}  {:>16}  {:>10}  {:>11}  {:>9}  {:>6}\n", "weight", width, "shape", "norm",
                                 "stable rank", "condition", "rank");
  for (const auto& w : spectra) {
    text += fmt::format("{:<{}}  {:>16}  {:>10.4g}  {:>11.2f}  {:>9.3g}  {:>6}\n", w.name, width,
                        newtape::to_string(w.shape), w.spectral_norm, w.stable_rank, w.condition, w.rank);
  }
  return text;
}

}  // namespace newtape::inspect
