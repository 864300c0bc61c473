// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/values_indices.hpp>

#include <utility>
#include <vector>

/// Statistics over `axes`, by default all.
namespace newtape {

/// The variance: the sum of squared deviations from the mean over n - correction (1: unbiased sample variance, 0:
/// population variance). ValueError unless n > correction.
Tensor var(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// The standard deviation, the square root of var; derivative 0 where it is 0.
Tensor std(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// The same, for code with `using namespace newtape;`, where the name std of a call is ambiguous with the namespace.
inline Tensor stddev(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false) {
  return std(std::move(x), axes, correction, keepdims);
}
/// The result of var_mean.
struct VarMean {
  Tensor var, mean;
};
/// var and mean of the same elements.
VarMean var_mean(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// The result of std_mean.
struct StdMean {
  Tensor std, mean;
};
/// std and mean of the same elements.
StdMean std_mean(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false);

/// What stands between the nearest two elements: their linear interpolation, the lower or higher of them, their mean, or
/// the nearest (at equal distances that of even position).
enum class Interpolation { linear, lower, higher, midpoint, nearest };
/// The q-quantile, q in [0, 1]; NaN propagates, and an infinite neighbour at a nonzero distance gives that infinity.
Tensor quantile(In x, double q, const Axes& axes = {}, bool keepdims = false,
                Interpolation interpolation = Interpolation::linear);
/// Several quantiles, along a new first axis.
Tensor quantile(In x, const std::vector<double>& q, const Axes& axes = {}, bool keepdims = false,
                Interpolation interpolation = Interpolation::linear);
/// For q [] or [k] of the dtype of x; with linear interpolation differentiable in q, too, at an element from the right.
Tensor quantile(In x, const Tensor& q, const Axes& axes = {}, bool keepdims = false,
                Interpolation interpolation = Interpolation::linear);
/// The 1/2-quantile: for an even number of elements the mean of the middle two, as in NumPy.
Tensor median(In x, const Axes& axes = {}, bool keepdims = false);

Tensor nansum(In x, const Axes& axes = {}, bool keepdims = false);         ///< NaN counts as 0
Tensor nanmean(In x, const Axes& axes = {}, bool keepdims = false);        ///< mean without NaN; NaN if all are NaN
Tensor count_nonzero(In x, const Axes& axes = {}, bool keepdims = false);  ///< i64 constant
/// The result of aminmax.
struct MinMax {
  Tensor min, max;
};
/// min and max of the same elements.
MinMax aminmax(In x, const Axes& axes = {}, bool keepdims = false);

// --- of the elements that are not NaN; NaN where there are none (nanvar, nanstd: no more than `correction`) ---
/// var of these; NaN where there are no more than `correction`.
Tensor nanvar(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
/// The square root of nanvar, with derivative 0 where it is 0.
Tensor nanstd(In x, const Axes& axes = {}, double correction = 1, bool keepdims = false);
Tensor nanquantile(In x, double q, const Axes& axes = {}, bool keepdims = false,
                   Interpolation interpolation = Interpolation::linear);
/// Several quantiles, along a new first axis.
Tensor nanquantile(In x, const std::vector<double>& q, const Axes& axes = {}, bool keepdims = false,
                   Interpolation interpolation = Interpolation::linear);
Tensor nanmedian(In x, const Axes& axes = {}, bool keepdims = false);

/// The most frequent element along one axis, of equally frequent ones the smallest, and its last index.
ValuesIndices mode(In x, std::int64_t axis = -1, bool keepdims = false);

struct CovOptions {
  double correction = 1;  ///< subtracted from the sum of the weights
  Tensor fweights = {};   ///< i64 [n]: how often each observation counts
  Tensor aweights = {};   ///< floats [n]: importance of each observation; differentiable
  bool rowvar = true;     ///< rows are variables and columns observations; else the reverse
};
/// The covariance matrix [m, m] of variables x [m, n], or the variance [] of one variable x [n]. ValueError unless the
/// weights sum to more than the correction.
Tensor cov(In x, const CovOptions& options = {});
/// The correlation coefficients, cov over the standard deviations of both variables, clipped to [-1, 1]. NaN for a
/// constant variable.
Tensor corrcoef(In x, bool rowvar = true);

/// |a - b| <= atol + rtol |b|, elementwise; equal infinities are close, and with `equal_nan` so are NaN. A constant.
Tensor isclose(In a, In b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
/// isclose everywhere, after broadcasting.
bool allclose(In a, In b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
/// Equal shape, dtype and elements; NaN is not equal to itself.
bool array_equal(In a, In b);

}  // namespace newtape
