// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/spectra/estimate.hpp>
#include <newtape/inspect/spectra/linear_operator.hpp>

#include <newtape/core/runtime/random.hpp>

#include <functional>
#include <vector>

namespace newtape::inspect {

struct SpectrumOptions {
  std::int64_t probes = 10;        ///< random vectors, on whose spread the standard errors rest
  std::int64_t steps = 80;         ///< Lanczos steps, each a product, for every probe; at most n
  Generator* generator = nullptr;  ///< of the probes; null: the default generator
};

/// A density of eigenvalues at some points, with the standard errors of its values; all f64 [m].
struct SpectralDensity {
  Array grid, value, standard_error;
};

/// The distribution of the eigenvalues of a symmetric matrix [n, n], as found by stochastic Lanczos quadrature: for
/// every probe, nodes with weights that sum to 1, which integrate polynomials of degree up to 2 steps - 1 exactly for
/// the probe's own measure (Golub & Welsch 1969; Ubaru, Chen & Saad 2017).
class Spectrum {
 public:
  /// The quadrature rule of one probe: its nodes, and their weights, of sum 1.
  struct Quadrature {
    std::vector<double> nodes, weights;
  };
  Spectrum(std::int64_t size, std::vector<Quadrature> probes, std::int64_t products);

  /// n; the rules of the probes; the number of products with the matrix that they took.
  std::int64_t size() const noexcept { return size_; }
  const std::vector<Quadrature>& probes() const noexcept { return probes_; }
  std::int64_t products() const noexcept { return products_; }
  /// The extreme nodes: bounds of the spectrum from within, and with more than about 30 steps close to its ends.
  double smallest() const noexcept { return smallest_; }
  double largest() const noexcept { return largest_; }

  /// The mean of f over the eigenvalues, tr f(A) / n.
  StochasticEstimate mean(const std::function<double(double)>& f) const;
  /// The mean of the k-th powers of the eigenvalues.
  StochasticEstimate moment(int k) const;
  /// The share of eigenvalues in [low, high).
  StochasticEstimate share(double low, double high) const;
  /// Sum of the eigenvalues.
  StochasticEstimate trace() const;
  /// The density, smoothed by a Gaussian of standard deviation `width`; 0: 1/50 of the range of the nodes. It
  /// integrates to 1. ValueError for a width below 0.
  SpectralDensity density(const ArrayLike& grid, double width = 0) const;
  /// The same on `points` equally spaced values that contain the spectrum and its smoothed ends.
  SpectralDensity density(std::int64_t points = 200, double width = 0) const;

 private:
  double checked_width(double width) const;

  std::int64_t size_;
  std::vector<Quadrature> probes_;
  std::int64_t products_;
  double smallest_ = 0, largest_ = 0;
};

/// The spectrum of a symmetric matrix that is too large to form, from probes x steps products with it. Probes are
/// uniform on the sphere, and Lanczos vectors fully re-orthogonalised, so that no copies of eigenvalues occur (Ghorbani,
/// Krishnan & Xiao 2019). ValueError unless A is symmetric and the numbers of probes and steps are positive.
Spectrum spectrum(const LinearOperator& a, const SpectrumOptions& options = {});

/// The spectral measure of a symmetric matrix for a vector v [n]: eigenvalues w with weights (x . v)^2 of their
/// eigenvectors x, by at most `steps` Lanczos steps from v. The sum of weight f(w) is v^T f(A) v for polynomials f of
/// degree up to 2 steps - 1, for instance v^T A^-1 v in the limit. Empty for v = 0. ValueError unless A is symmetric and
/// steps positive, ShapeError for another v.
Spectrum::Quadrature spectral_measure(const LinearOperator& a, const ArrayLike& v, std::int64_t steps);

}  // namespace newtape::inspect
