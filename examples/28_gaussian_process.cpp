// SPDX-License-Identifier: BSD-3-Clause
// Gaussian process regression of the yearly sunspot numbers: the marginal likelihood by a Cholesky factorisation, its
// maximum over five hyperparameters by L-BFGS, and predictions with error bars for years that were left out.
#include <newtape/newtape.hpp>

#include <cmath>
#include <numbers>

namespace nt = newtape;
namespace linalg = nt::linalg;

/// Covariances [n, m] of a locally periodic process at times a [n] and b [m]. The hyperparameters' logarithms: amplitude,
/// coherence time, period, roughness within a period, standard deviation of the noise.
nt::Tensor kernel(const nt::Tensor& log_h, const nt::Tensor& a, const nt::Tensor& b) {
  const nt::Tensor h = nt::exp(log_h);
  const nt::Tensor d = nt::unsqueeze(a, 1) - b;
  const double pi = std::numbers::pi;
  return nt::square(h[0]) * nt::exp(-0.5 * nt::square(d / h[1]) - 2 * nt::square(nt::sin(pi * d / h[2]) / h[3]));
}

/// The Cholesky factor of the covariance of noisy observations at times t.
nt::Tensor factor(const nt::Tensor& log_h, const nt::Tensor& t) {
  const nt::Tensor noise = nt::exp(2 * log_h[4]) * nt::eye(t.size(), nt::f64);
  return linalg::cholesky(kernel(log_h, t, t) + noise);
}

/// -log p(y | h) for every observation (Rasmussen & Williams 2006, eq. 2.30).
nt::Tensor negative_log_likelihood(const nt::Tensor& log_h, const nt::Tensor& t, const nt::Tensor& y) {
  const nt::Tensor l = factor(log_h, t);
  const nt::Tensor z = linalg::solve_triangular(l, y);
  const nt::Tensor log_det = nt::sum(nt::log(nt::diagonal(l)));
  return 0.5 * nt::mean(nt::square(z)) + log_det / y.size() + 0.5 * std::log(2 * std::numbers::pi);
}

int main() {
  const auto set = nt::data::sunspots();
  const nt::Tensor year = set.array("year");
  const nt::Tensor root = nt::sqrt(nt::Tensor(set.array("number")));  // its noise is about the same in every year
  const nt::Tensor level = nt::mean(root);
  const nt::Tensor y = root - level;
  // Of each five years two are left out.
  const nt::Tensor phase = nt::remainder(nt::arange(year.size(), nt::f64), 5);
  const nt::Tensor t = year[phase < 3];
  const nt::Tensor seen = y[phase < 3];
  const nt::Tensor asked = year[phase >= 3];
  const nt::Tensor truth = y[phase >= 3];

  const nt::Tensor start = nt::log(nt::tensor({3, 30, 10, 1, 1}, nt::f64));
  const auto fit = nt::optim::minimize([&](const nt::Tensor& h) { return negative_log_likelihood(h, t, seen); }, start,
                                       {.method = nt::optim::lbfgs(), .stop = {.gradient_tolerance = 1e-5}});
  const nt::Tensor h = nt::exp(fit.x());
  fmt::print("{} after {} iterations: log likelihood of a year {:.3f}, before {:.3f}\n", fit.message, fit.iterations,
             -fit.value, -negative_log_likelihood(start, t, seen).item());
  const char* const names[] = {"amplitude", "coherence in years", "period in years", "roughness", "noise"};
  for (int i = 0; i < 5; ++i) fmt::print("  {:<20} {:7.2f}\n", names[i], h[i].item());

  // Mean and variance given the observations (Rasmussen & Williams 2006, eq. 2.25 and 2.26).
  const nt::Tensor l = factor(fit.x(), t);
  const nt::Tensor cross = kernel(fit.x(), t, asked);
  const nt::Tensor v = linalg::solve_triangular(l, cross);
  const nt::Tensor mean = nt::matmul(linalg::solve_triangular(l, seen), v);
  const nt::Tensor deviation = nt::sqrt(nt::square(h[0]) + nt::square(h[4]) - nt::sum(nt::square(v), 0));

  fmt::print("\nyears left out: square root of the number, predicted with 95 % error bars, and observed\n");
  for (int i = 90; i < 100; ++i) {
    fmt::print("  {:.0f} {:6.2f} +- {:4.2f} {:6.2f}\n", asked[i].item(), (mean + level)[i].item(),
               1.96 * deviation[i].item(), (truth + level)[i].item());
  }
  const double error = nt::sqrt(nt::mean(nt::square(mean - truth))).item();
  const double spread = nt::sqrt(nt::mean(nt::square(truth))).item();
  const double covered = nt::mean((nt::abs(mean - truth) < 1.96 * deviation).to(nt::f64)).item();
  fmt::print("\nroot mean square error {:.2f} of {} years, whose standard deviation is {:.2f}; in the bars: {:.1f} %\n",
             error, truth.size(), spread, 100 * covered);
  fmt::print("Error bars of 95 % that hold 95 % of years which the process has not seen can be believed.\n");
  const double period = h[2].item();
  return fit.converged() && error < 0.4 * spread && covered > 0.9 && covered < 0.99 && period > 10 && period < 12 ? 0
                                                                                                                  : 1;
}
