// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

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

/// |a - b| <= atol + rtol |b| everywhere, after broadcasting; equal infinities are close, and with `equal_nan` so are
/// NaN.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
/// Equal shape, dtype and elements; NaN is not equal to itself.
bool array_equal(const Tensor& a, const Tensor& b);

}  // namespace newtape
