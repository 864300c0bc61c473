// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/histogram.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>
#include <string>

namespace newtape {

namespace {

/// The elements as a vector of floats, a constant.
Tensor counted(const char* op, const In& x) {
  if (x.dtype() == boolean) raise<DTypeError>(std::string(op) + ": numbers are required", "f32, f64 or i64", "boolean");
  const Tensor flat = ravel(x.tensor().detach());
  return is_floating(x.dtype()) ? flat : flat.to(f64);  // exact up to 2^53
}

std::pair<double, double> extent(const Tensor& x) {
  if (x.size() == 0) return {0, 1};
  return {core::cast(core::min(x.value()), f64).item(), core::cast(core::max(x.value()), f64).item()};
}

void expect_bins(const char* op, std::int64_t bins, std::pair<double, double> range) {
  if (bins < 1) raise<ValueError>(std::string(op) + ": too few bins", "bins >= 1", std::to_string(bins));
  if (!std::isfinite(range.first) || !std::isfinite(range.second) || range.second < range.first) {
    raise<ValueError>(std::string(op) + ": the range must be finite and increasing", "min <= max",
                      std::to_string(range.first) + " to " + std::to_string(range.second));
  }
}

/// The counts of x [n] between edges [bins + 1], or sums of the weights [n].
Tensor counts_of(const Tensor& x, const Tensor& edges, const Tensor& weights) {
  const auto bins = edges.size() - 1;
  const Tensor end = slice(edges, 0, bins, bins + 1);
  // The end of the last bin belongs to it.
  const Tensor bin = where(x == end, bins - 1, searchsorted(edges, x, true) - 1);
  const Tensor inside = (bin >= 0) & (bin < bins) & (x <= end);
  const Tensor at = masked_select(bin, inside);
  if (!weights.defined()) return slice(bincount(at, bins), 0, 0, bins);
  return slice(bincount(at, masked_select(weights, inside), bins), 0, 0, bins);
}

Histogram histogram_between(const In& x, const Tensor& flat, const Tensor& edges, const HistogramOptions& options) {
  Tensor weights;
  if (options.weights.defined()) {
    if (options.weights.shape() != x.shape()) {
      raise<ShapeError>("histogram: each element needs one weight", to_string(x.shape()),
                        to_string(options.weights.shape()));
    }
    weights = ravel(options.weights);
  }
  const Tensor counts = counts_of(flat, edges, weights);
  if (!options.density) return {counts, edges};
  const auto bins = edges.size() - 1;
  const Tensor floats = is_floating(counts.dtype()) ? counts : counts.to(edges.dtype());
  const Tensor widths = slice(edges, 0, 1, bins + 1) - slice(edges, 0, 0, bins);
  return {floats / widths.to(floats.dtype()) / sum(floats), edges};
}

}  // namespace

Histogram histogram(In x, std::int64_t bins, const HistogramOptions& options) {
  const CallSite here(x.location());
  const Tensor flat = counted("histogram", x);
  auto range = options.range ? *options.range : extent(flat);
  expect_bins("histogram", bins, range);
  if (range.first == range.second) range = {range.first - 0.5, range.second + 0.5};
  return histogram_between(x, flat, linspace(range.first, range.second, bins + 1, flat.dtype()), options);
}

Histogram histogram(In x, const Tensor& bin_edges, const HistogramOptions& options) {
  const CallSite here(x.location());
  const Tensor flat = counted("histogram", x);
  const Tensor edges = bin_edges.detach().to(flat.dtype());
  if (edges.ndim() != 1 || edges.size() < 2) {
    raise<ShapeError>("histogram: the edges must be a vector", "[bins + 1], at least two edges",
                      to_string(edges.shape()));
  }
  const auto bins = edges.size() - 1;
  if (!core::all((slice(edges, 0, 0, bins) <= slice(edges, 0, 1, bins + 1)).value()).item<bool>()) {
    raise<ValueError>("histogram: the edges must not decrease", "edge i <= edge i + 1", "edges that decrease, or NaN");
  }
  return histogram_between(x, flat, edges, options);
}

Tensor histc(In x, std::int64_t bins, double min, double max) {
  const CallSite here(x.location());
  const Tensor flat = counted("histc", x);
  std::pair<double, double> range{min, max};
  if (min == max) range = extent(flat);
  expect_bins("histc", bins, range);
  if (range.first == range.second) range = {range.first - 1, range.second + 1};
  return counts_of(flat, linspace(range.first, range.second, bins + 1, flat.dtype()), {}).to(x.dtype());
}

}  // namespace newtape
