// SPDX-License-Identifier: BSD-3-Clause
// Statistics of elements that are not NaN, and the most frequent element.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/detail/quantile.hpp>
#include <newtape/autograd/ops/detail/reduction_info.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/scan.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace newtape {

using detail::ReductionInfo;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Deviations from the mean of the elements that are not NaN, 0 at the others; and the number of those elements less the
/// correction, NaN where it is not positive.
struct Deviations {
  Tensor d, freedom;
};
Deviations deviations(const char* op, const In& x, const Axes& axes, double correction, bool keepdims) {
  expect_floating(op, x.value());
  static_cast<void>(axes.normalized(op, x.ndim()));
  const Tensor there = !isnan(x);
  const Tensor count = sum(there, axes, true).to(x.dtype());
  const Tensor known = where(there, x, 0.0);
  const Tensor centre = sum(known, axes, true) / where(count == 0.0, 1.0, count);
  const Tensor freedom = sum(there, axes, keepdims).to(x.dtype()) - correction;
  return {where(there, known - centre, 0.0), where(freedom > 0.0, freedom, not_a_number)};
}

/// For each row, whose numbers come first, the ranks around the quantiles and the weights of the upper ones.
struct RankArrays {
  Array low, high, weights;
};
RankArrays ranks_of(const Array& counts, const std::vector<double>& q, Interpolation interpolation, DType dtype) {
  Shape shape = counts.shape();
  shape[shape.size() - 1] = static_cast<std::int64_t>(q.size());
  RankArrays r{Array::empty(shape, i64), Array::empty(shape, i64), Array::empty(shape, f64)};
  const auto* n = counts.data<std::int64_t>();
  std::int64_t k = 0;
  for (std::int64_t row = 0; row < counts.size(); ++row) {
    for (const double p : q) {
      const double at =
          detail::read_position(p * static_cast<double>(std::max<std::int64_t>(n[row] - 1, 0)), interpolation);
      const auto below = static_cast<std::int64_t>(at);
      r.low.data<std::int64_t>()[k] = below;
      r.high.data<std::int64_t>()[k] = std::max<std::int64_t>(std::min(below + 1, n[row] - 1), 0);
      r.weights.data<double>()[k++] = at - static_cast<double>(below);
    }
  }
  r.weights = core::cast(r.weights, dtype);
  return r;
}

/// [.., q.size()], for x with the reduced axes merged into the last.
Tensor quantiles_of_numbers(const char* op, const In& x, const std::vector<double>& q, const ReductionInfo& r,
                            Interpolation interpolation) {
  expect_floating(op, x.value());
  for (const double p : q) {
    if (!(p >= 0 && p <= 1))
      raise<ValueError>(std::string(op) + ": q is out of range", "0 <= q <= 1", std::to_string(p));
  }
  if (r.count() == 0 && element_count(r.kept) > 0) {
    raise<ValueError>(std::string(op) + ": the reduced axes must not be empty",
                      "at least one element along the reduced axes", "shape " + to_string(x.shape()));
  }
  const Tensor rows = r.rows(x);
  if (rows.size() == 0) {
    Shape shape = rows.shape();
    shape[shape.size() - 1] = static_cast<std::int64_t>(q.size());
    return expand(sum(rows, -1, true), shape);
  }
  const Array counts = core::contiguous(sum(!isnan(rows), -1, true).value());
  const RankArrays at = ranks_of(counts, q, interpolation, x.dtype());
  const Tensor sorted = sort(rows, -1).values;  // NaN last
  return detail::interpolated(gather(sorted, -1, at.low), gather(sorted, -1, at.high), at.weights);
}

}  // namespace

Tensor nanvar(In x, const Axes& axes, double correction, bool keepdims) {
  const CallSite here(x.location());
  const auto [d, freedom] = deviations("nanvar", x, axes, correction, keepdims);
  return sum(square(d), axes, keepdims) / freedom;
}

Tensor nanstd(In x, const Axes& axes, double correction, bool keepdims) {
  const CallSite here(x.location());
  const auto [d, freedom] = deviations("nanstd", x, axes, correction, keepdims);
  return norm(d, 2, axes, keepdims) * pow(freedom, -0.5);
}

Tensor nanquantile(In x, double q, const Axes& axes, bool keepdims, Interpolation interpolation) {
  const CallSite here(x.location());
  const ReductionInfo r("nanquantile", x.shape(), axes, keepdims);
  return r.result(squeeze(quantiles_of_numbers("nanquantile", x, {q}, r, interpolation), -1), keepdims);
}

Tensor nanquantile(In x, const std::vector<double>& q, const Axes& axes, bool keepdims, Interpolation interpolation) {
  const CallSite here(x.location());
  const ReductionInfo r("nanquantile", x.shape(), axes, keepdims);
  const Tensor y = moveaxis(quantiles_of_numbers("nanquantile", x, q, r, interpolation), -1, 0);
  if (!keepdims) return y;
  Shape shape = r.kept;
  shape.insert(0, static_cast<std::int64_t>(q.size()));
  return reshape(y, shape);
}

Tensor nanmedian(In x, const Axes& axes, bool keepdims) {
  const CallSite here(x.location());
  const ReductionInfo r("nanmedian", x.shape(), axes, keepdims);
  return r.result(squeeze(quantiles_of_numbers("nanmedian", x, {0.5}, r, Interpolation::linear), -1), keepdims);
}

ValuesIndices mode(In x, std::int64_t axis, bool keepdims) {
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return mode(std::move(v), axis); });
  const CallSite here(x.location());
  const auto at = normalize_axis("mode", axis, x.ndim());
  axis = static_cast<std::int64_t>(at) - static_cast<std::int64_t>(x.ndim());
  const auto n = x.shape()[at];
  if (n == 0) {
    raise<ValueError>("mode: the axis must not be empty", "at least one element along the axis", to_string(x.shape()));
  }
  Tensor indices;
  {
    const NoGrad off;
    const auto [sorted, order] = sort(In(x.tensor().detach()), axis);
    // Runs of equal elements: their starts, and how many elements of the run come up to each element.
    Shape line(x.ndim(), 1);
    line[at] = n;
    const Tensor place = expand(reshape(arange(n), line), x.shape());
    const Tensor differs = slice(sorted, axis, 1, n) != slice(sorted, axis, 0, n - 1);
    const Tensor later = where(differs, slice(place, axis, 1, n), 0);
    const Tensor starts = core::cummax(concatenate({slice(place, axis, 0, 1), later}, axis).value(), axis).values;
    const Tensor longest = argmax(place - starts, axis, true);  // the first: of the smallest element
    indices = gather(order, axis, longest);                     // sort is stable
  }
  const Tensor values = gather(x, axis, indices);
  if (keepdims) return {values, indices};
  return {squeeze(values, axis), squeeze(indices, axis)};
}

}  // namespace newtape
