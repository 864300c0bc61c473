// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Distribution functions that tests of effects need.
namespace newtape::inspect::detail {

double normal_cdf(double x);
/// The x with normal_cdf(x) = p; infinite at 0 and 1.
double normal_quantile(double p);
/// P(T > t) for T = (Z + shift) / sqrt(V / degrees), Z standard normal, V chi-squared: the noncentral t distribution, and
/// Student's for shift 0. degrees > 0.
double t_survival(double t, double degrees, double shift = 0);
/// The t with t_survival(t, degrees) = 1 - p for Student's distribution; 0 < p < 1.
double t_quantile(double p, double degrees);

}  // namespace newtape::inspect::detail
