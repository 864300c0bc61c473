// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/statistics.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/kink.hpp>
#include <newtape/autograd/ops/detail/quantile.hpp>
#include <newtape/autograd/ops/detail/reduction_info.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/sort.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace newtape {

static const Op var_op{"var"};
static const Op std_op{"std", true};
static const Op std_grad_op{"std_grad"};

using detail::ReductionInfo;

Tensor var(In x, const Axes& axes, double correction, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "var", {x}, {{"axes", axes.normalized("var", x.ndim())}, {"correction", correction}, {"keepdims", keepdims}},
        [&] { return var(x, axes, correction, keepdims); }, x.location());
  }
  return var_op(core::var(x.value(), axes, correction, keepdims),
                wrt(x, [x, r = ReductionInfo("var", x.shape(), axes, keepdims), correction](Tensor g) {
                  return Cotangent(r.align(std::move(g) * (2 / (r.count() - correction)))) *
                         (x - mean(x, r.axes, true));
                }));
}

Tensor std(In x, const Axes& axes, double correction, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "std", {x}, {{"axes", axes.normalized("std", x.ndim())}, {"correction", correction}, {"keepdims", keepdims}},
        [&] { return std(x, axes, correction, keepdims); }, x.location());
  }
  return std_op(core::stddev(x.value(), axes, correction, keepdims),
                wrt(x,
                    [x, r = ReductionInfo("std", x.shape(), axes, keepdims), correction](const Tensor& g,
                                                                                         const Tensor& y) -> Tensor {
                      const Tensor length = r.align(y);
                      const Tensor flat = (length == 0.0);
                      const Tensor d = x - mean(x, r.axes, true);
                      const double n = r.count() - correction;
                      // The quotient is of size 1: it does not overflow where std does not.
                      const Tensor ratio = where(flat, 0.0, d / where(flat, 1.0, length));
                      const Cotangent gradient = Cotangent(r.align(g)) / n * ratio;
                      const Tensor slope =
                          detail::slope_at_kink(g, y, [&] { return var(x, r.axes, correction, r.ndim == x.ndim()); });
                      if (!slope.defined()) return gradient;
                      return gradient + detail::zero_with_slope(std_grad_op, In(d / n, x.location()), r.align(slope));
                    }));
}

namespace {
/// Checks operand and axes in the name of a function that is built from others.
void expect_statistics(const char* op, const In& x, const Axes& axes) {
  expect_floating(op, x.value());
  axes.normalized(op, x.ndim());
}
}  // namespace

VarMean var_mean(In x, const Axes& axes, double correction, bool keepdims) {
  expect_statistics("var_mean", x, axes);
  return {var(In(x), axes, correction, keepdims), mean(In(x), axes, keepdims)};
}
StdMean std_mean(In x, const Axes& axes, double correction, bool keepdims) {
  expect_statistics("std_mean", x, axes);
  return {std(In(x), axes, correction, keepdims), mean(In(x), axes, keepdims)};
}

namespace {

/// The levels of quantiles; `variable`, if defined, is a tensor of the same numbers in which the result is
/// differentiable.
struct Levels {
  std::vector<double> q;
  Interpolation interpolation = Interpolation::linear;
  Tensor variable = {};
};

/// x: an operand whose last axis is reduced -> [.., q.size()].
Tensor quantiles(const Tensor& x, const Levels& levels) {
  const auto& q = levels.q;
  const auto n = x.shape(-1);
  std::vector<std::int64_t> ranks;
  Array weights = Array::empty({static_cast<std::int64_t>(q.size())}, f64);
  bool between = levels.variable.defined();
  for (std::size_t i = 0; i < q.size(); ++i) {
    const double at = detail::read_position(q[i] * static_cast<double>(n - 1), levels.interpolation);
    const auto below = static_cast<std::int64_t>(at);
    weights.data<double>()[i] = at - static_cast<double>(below);
    between = between || at != static_cast<double>(below);
    ranks.push_back(below);
  }
  const auto k = static_cast<std::int64_t>(q.size());
  for (std::int64_t i = 0; between && i < k; ++i)
    ranks.push_back(std::min(ranks[static_cast<std::size_t>(i)] + 1, n - 1));
  Tensor found = gather(x, -1, core::argrank(x.value(), ranks, -1, true));
  if (!between) return found;
  const Tensor low = slice(found, -1, 0, k);
  const Tensor high = slice(found, -1, k, 2 * k);
  Tensor w = core::cast(weights, x.dtype());
  if (levels.variable.defined()) {
    w = w + (levels.variable - levels.variable.detach()) * static_cast<double>(n - 1);
  }
  return detail::interpolated(low, high, w);
}

Tensor checked_quantiles(const char* name, const In& x, const Levels& levels, const ReductionInfo& r) {
  expect_floating(name, x.value());
  for (const double p : levels.q) {
    if (!(p >= 0 && p <= 1)) {
      raise<ValueError>(std::string(name) + ": q is out of range", "0 <= q <= 1", std::to_string(p));
    }
  }
  if (r.count() == 0 && element_count(r.kept) > 0) {
    raise<ValueError>(std::string(name) + ": the reduced axes must not be empty",
                      "at least one element along the reduced axes", "shape " + to_string(x.shape()));
  }
  const Tensor rows = r.rows(x);
  if (rows.size() > 0) return quantiles(rows, levels);
  Shape shape = rows.shape();
  shape[shape.size() - 1] = static_cast<std::int64_t>(levels.q.size());
  return expand(sum(rows, -1, true), shape);
}

Tensor one_quantile(const In& x, const Levels& levels, const Axes& axes, bool keepdims) {
  const ReductionInfo r("quantile", x.shape(), axes, keepdims);
  return r.result(squeeze(checked_quantiles("quantile", x, levels, r), -1), keepdims);
}

/// Along a new first axis.
Tensor several_quantiles(const In& x, const Levels& levels, const Axes& axes, bool keepdims) {
  const ReductionInfo r("quantile", x.shape(), axes, keepdims);
  const Tensor y = checked_quantiles("quantile", x, levels, r);
  Dims order{static_cast<std::int64_t>(y.ndim()) - 1};
  for (std::size_t i = 0; i + 1 < y.ndim(); ++i) order.push_back(static_cast<std::int64_t>(i));
  Tensor first = permute(y, order);
  if (!keepdims) return first;
  Shape shape = r.kept;
  shape.insert(0, static_cast<std::int64_t>(levels.q.size()));
  return reshape(first, shape);
}

}  // namespace

Tensor quantile(In x, double q, const Axes& axes, bool keepdims, Interpolation interpolation) {
  return one_quantile(x, {{q}, interpolation}, axes, keepdims);
}

Tensor quantile(In x, const std::vector<double>& q, const Axes& axes, bool keepdims, Interpolation interpolation) {
  return several_quantiles(x, {q, interpolation}, axes, keepdims);
}

Tensor quantile(In x, const Tensor& q, const Axes& axes, bool keepdims, Interpolation interpolation) {
  if (q.ndim() > 1 || q.dtype() != x.dtype()) {
    raise<ShapeError>("quantile: q must be a number or a vector of the dtype of x",
                      std::string(name(x.dtype())) + " [] or [k]", describe(q.value()));
  }
  Levels levels{std::vector<double>(static_cast<std::size_t>(q.size())), interpolation};
  const Array numbers = core::contiguous(core::cast(q.value(), f64));
  std::copy_n(numbers.data<double>(), q.size(), levels.q.begin());
  if (interpolation == Interpolation::linear) levels.variable = ravel(q);
  return q.ndim() == 0 ? one_quantile(x, levels, axes, keepdims) : several_quantiles(x, levels, axes, keepdims);
}

Tensor median(In x, const Axes& axes, bool keepdims) {
  const ReductionInfo r("median", x.shape(), axes, keepdims);
  return r.result(squeeze(checked_quantiles("median", x, {{0.5}}, r), -1), keepdims);
}

Tensor nansum(In x, const Axes& axes, bool keepdims) {
  axes.normalized("nansum", x.ndim());
  if (!is_floating(x.dtype())) return sum(std::move(x), axes, keepdims);
  const Tensor v = x.tensor().detach();
  return sum(where(v == v, x, 0.0), axes, keepdims);
}

Tensor nanmean(In x, const Axes& axes, bool keepdims) {
  axes.normalized("nanmean", x.ndim());
  if (!is_floating(x.dtype())) return mean(std::move(x), axes, keepdims);
  const Tensor v = x.tensor().detach();
  const Tensor there = (v == v);
  return sum(where(there, x, 0.0), axes, keepdims) / sum(there, axes, keepdims).to(x.dtype());
}

Tensor count_nonzero(In x, const Axes& axes, bool keepdims) {
  axes.normalized("count_nonzero", x.ndim());
  return core::sum(core::cast(x.value(), boolean), axes, keepdims);
}

MinMax aminmax(In x, const Axes& axes, bool keepdims) {
  axes.normalized("aminmax", x.ndim());
  return {min(In(x), axes, keepdims), max(In(x), axes, keepdims)};
}

Tensor isclose(In a, In b, double rtol, double atol, bool equal_nan) {
  const NoGrad off;
  const Tensor same = a == b;  // includes equal infinities
  if (!is_floating(a.literal()) && !is_floating(b.literal())) {
    // Integers that differ do so by 1 at least, also where doubles do not tell them apart.
    const auto as_doubles = [](const In& x) { return x.is_number() ? full({}, x.number(), f64) : x.tensor().to(f64); };
    const Tensor x = as_doubles(a), y = as_doubles(b);
    return same | (maximum(abs(x - y), 1.0) <= atol + rtol * abs(y));
  }
  const Tensor distance = abs(a - b);
  const auto as_distance = [&](const In& x) {
    return x.is_number() ? full({}, x.number(), distance.dtype()) : x.tensor().to(distance.dtype());
  };
  const Tensor x = as_distance(a), y = as_distance(b);
  const Tensor near = same | ((distance <= atol + rtol * abs(y)) & isfinite(y));
  return equal_nan ? near | (isnan(x) & isnan(y)) : near;
}

bool allclose(In a, In b, double rtol, double atol, bool equal_nan) {
  return core::all(isclose(std::move(a), std::move(b), rtol, atol, equal_nan).value()).item<bool>();
}

bool array_equal(In a, In b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && core::all(core::equal(a.value(), b.value())).item<bool>();
}

}  // namespace newtape
