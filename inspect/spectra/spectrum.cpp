// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/spectrum.hpp>

#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/inspect/spectra/krylov_basis.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace newtape::inspect {

namespace {

/// The quadrature of the measure of one probe: eigenvalues of the tridiagonal matrix, and squares of the first elements
/// of its eigenvectors.
Spectrum::Quadrature quadrature(const std::vector<double>& alpha, const std::vector<double>& beta) {
  const auto m = alpha.size();
  std::vector<std::vector<double>> t(m, std::vector<double>(m, 0));
  for (std::size_t i = 0; i < m; ++i) {
    t[i][i] = alpha[i];
    if (i + 1 < m) t[i][i + 1] = t[i + 1][i] = beta[i];
  }
  detail::SmallEigh e = detail::small_eigh(t);
  Spectrum::Quadrature q{std::move(e.values), {}};
  for (const auto& v : e.vectors) q.weights.push_back(v[0] * v[0]);
  return q;
}

/// For the last vector of a basis of one.
Spectrum::Quadrature lanczos_quadrature(const LinearOperator& a, detail::KrylovBasis basis, std::int64_t steps,
                                        std::int64_t& products) {
  std::vector<double> alpha, beta;
  double scale = 0;
  for (std::int64_t k = 0; k < steps; ++k) {
    Array w = a(basis.back());
    ++products;
    const double before = core::norm2(w);
    scale = std::max(scale, before);
    std::vector<double> h;
    w = basis.orthogonalize(std::move(w), &h);
    alpha.push_back(h.back());
    const double rest = core::norm2(w);
    // The Krylov space is exhausted: the quadrature is exact.
    const double rounding = 10 * std::sqrt(static_cast<double>(k + 1)) * epsilon(a.dtype()) * scale;
    if (k + 1 == steps || !(rest > rounding)) break;
    beta.push_back(rest);
    if (rest < 1e-2 * before) w = basis.orthogonalize(core::axpy(1 / rest - 1, w, w));
    basis.append(std::move(w));
  }
  return quadrature(alpha, beta);
}

}  // namespace

Spectrum::Quadrature spectral_measure(const LinearOperator& a, const ArrayLike& v, std::int64_t steps) {
  detail::expect_symmetric("spectral_measure", a);
  if (steps < 1) raise<ValueError>("spectral_measure: steps must be positive", "1 or more", std::to_string(steps));
  expect_floating("spectral_measure", v);
  if (v.shape() != Shape{a.rows()} || v.dtype() != a.dtype()) {
    raise<ShapeError>("spectral_measure: v must have an element for each row, of the matrix's dtype",
                      "[" + std::to_string(a.rows()) + "] " + std::string(name(a.dtype())), describe(v));
  }
  detail::KrylovBasis basis(a.rows(), a.dtype());
  const double length = core::norm2(v);
  if (!(length > 0)) return {};
  basis.append(v);
  std::int64_t products = 0;
  auto q = lanczos_quadrature(a, std::move(basis), std::min(steps, a.rows()), products);
  for (double& w : q.weights) w *= length * length;
  return q;
}

Spectrum::Spectrum(std::int64_t size, std::vector<Quadrature> probes, std::int64_t products)
    : size_(size), probes_(std::move(probes)), products_(products) {
  if (probes_.empty()) raise<ValueError>("Spectrum: at least one probe is needed", "1 or more", "0");
  for (const auto& p : probes_) {
    if (p.nodes.empty() || p.nodes.size() != p.weights.size()) {
      raise<ValueError>("Spectrum: a probe needs as many weights as nodes", "1 or more of each",
                        std::to_string(p.nodes.size()) + " nodes, " + std::to_string(p.weights.size()) + " weights");
    }
  }
  smallest_ = probes_[0].nodes.front();
  largest_ = probes_[0].nodes.back();
  for (const auto& p : probes_) {
    smallest_ = std::min(smallest_, p.nodes.front());
    largest_ = std::max(largest_, p.nodes.back());
  }
}

StochasticEstimate Spectrum::mean(const std::function<double(double)>& f) const {
  std::vector<double> samples;
  for (const auto& p : probes_) {
    double sum = 0;
    for (std::size_t i = 0; i < p.nodes.size(); ++i) sum += p.weights[i] * f(p.nodes[i]);
    samples.push_back(sum);
  }
  return mean_estimate(samples);
}

StochasticEstimate Spectrum::moment(int k) const {
  return mean([k](double x) { return std::pow(x, k); });
}

StochasticEstimate Spectrum::share(double low, double high) const {
  return mean([=](double x) { return x >= low && x < high ? 1.0 : 0.0; });
}

StochasticEstimate Spectrum::trace() const {
  const StochasticEstimate m = moment(1);
  const auto n = static_cast<double>(size_);
  return {n * m.value, n * m.standard_error};
}

double Spectrum::checked_width(double width) const {
  if (!(width >= 0) || !std::isfinite(width)) {
    raise<ValueError>("Spectrum::density: the width must be a length", "0 or more", std::to_string(width));
  }
  if (width > 0) return width;
  const double range = largest_ - smallest_;
  // A single eigenvalue has no range of its own.
  const double size = std::max(std::abs(largest_), std::abs(smallest_));
  return range > 1e-6 * size ? range / 50 : size > 0 ? size / 50 : 1;
}

SpectralDensity Spectrum::density(const ArrayLike& grid, double width) const {
  if (grid.ndim() != 1)
    raise<ShapeError>("Spectrum::density: the grid must be a vector", "[m]", to_string(grid.shape()));
  const double sigma = checked_width(width);
  const Array x = core::contiguous(core::cast(grid, f64));
  SpectralDensity d{x, Array::empty(x.shape(), f64), Array::empty(x.shape(), f64)};
  const double peak = 1 / (sigma * std::sqrt(2 * std::numbers::pi));
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double at = x.data<double>()[i];
    const StochasticEstimate e =
        mean([=](double node) { return peak * std::exp(-0.5 * std::pow((at - node) / sigma, 2)); });
    d.value.data<double>()[i] = e.value;
    d.standard_error.data<double>()[i] = e.standard_error;
  }
  return d;
}

SpectralDensity Spectrum::density(std::int64_t points, double width) const {
  if (points < 2) raise<ValueError>("Spectrum::density: a grid needs points", "2 or more", std::to_string(points));
  const double sigma = checked_width(width);
  const double from = smallest_ - 4 * sigma;
  const double step = (largest_ - smallest_ + 8 * sigma) / static_cast<double>(points - 1);
  return density(core::arange(points, f64, from, step), sigma);
}

Spectrum spectrum(const LinearOperator& a, const SpectrumOptions& options) {
  detail::expect_symmetric("spectrum", a);
  if (options.probes < 1 || options.steps < 1) {
    raise<ValueError>("spectrum: the numbers of probes and steps must be positive", "1 or more",
                      std::to_string(options.probes) + " and " + std::to_string(options.steps));
  }
  Generator& generator = options.generator != nullptr ? *options.generator : default_generator();
  const auto steps = std::min(options.steps, a.rows());
  std::vector<Spectrum::Quadrature> probes;
  std::int64_t products = 0;
  for (std::int64_t i = 0; i < options.probes; ++i) {
    detail::KrylovBasis basis(a.rows(), a.dtype());
    basis.extend_randomly(generator);
    probes.push_back(lanczos_quadrature(a, std::move(basis), steps, products));
  }
  return {a.rows(), std::move(probes), products};
}

}  // namespace newtape::inspect
