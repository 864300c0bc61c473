// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/reduce.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/detail/reduction_info.hpp>
#include <newtape/autograd/ops/detail/ties.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <limits>

namespace newtape {

static const Op sum_op{"sum"};
static const Op mean_op{"mean"};
static const Op max_op{"max"};
static const Op min_op{"min"};
static const Op argmax_op{"argmax"};
static const Op argmin_op{"argmin"};
static const Op any_op{"any"};
static const Op all_op{"all"};
static const Op logsumexp_op{"logsumexp"};
static const Op softmax_op{"softmax"};
static const Op log_softmax_op{"log_softmax"};
static const Op sum_to_op{"sum_to"};

using detail::ReductionInfo;

Tensor sum(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "sum", {x}, {{"axes", axes.normalized("sum", x.ndim())}, {"keepdims", keepdims}},
        [&] { return sum(x, axes, keepdims); }, x.location());
  }
  Array value = core::sum(x.value(), axes, keepdims);
  if (!x.requires_grad()) return value;
  return sum_op(std::move(value),
                wrt(x, [r = ReductionInfo("sum", x.shape(), axes, keepdims)](const Tensor& g) { return r.spread(g); }));
}

Tensor mean(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "mean", {x}, {{"axes", axes.normalized("mean", x.ndim())}, {"keepdims", keepdims}},
        [&] { return mean(x, axes, keepdims); }, x.location());
  }
  return mean_op(core::mean(x.value(), axes, keepdims),
                 wrt(x, [r = ReductionInfo("mean", x.shape(), axes, keepdims)](Tensor g) {
                   return r.spread(std::move(g) * (1 / r.count()));
                 }));
}

Tensor prod(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "prod", {x}, {{"axes", axes.normalized("prod", x.ndim())}, {"keepdims", keepdims}},
        [&] { return prod(x, axes, keepdims); }, x.location());
  }
  if (unobserved(x)) return core::prod(x.value(), axes, keepdims);
  // Pairwise products of halves: unlike y / x, the derivatives are correct where factors are zero.
  const ReductionInfo r("prod", x.shape(), axes, keepdims);
  Tensor y = r.rows(x);
  auto n = y.shape(-1);
  if (n == 0) y = sum(y, -1, true) + 1.0;  // ones that depend on x, so that the result is recorded
  while (n > 1) {
    const auto half = n / 2;
    Tensor z = slice(y, -1, 0, half) * slice(y, -1, half, 2 * half);
    if (n % 2 != 0) z = concatenate({z, slice(y, -1, 2 * half, n)}, -1);
    y = z;
    n = half + n % 2;
  }
  return r.result(squeeze(y, -1), keepdims);
}

namespace {
Tensor extreme(const Op& op, Array (*kernel)(const Array&, const Axes&, bool), In& x, const Axes& axes, bool keepdims) {
  return op(kernel(x.value(), axes, keepdims),
            wrt(x, [x, r = ReductionInfo(op.name(), x.shape(), axes, keepdims)](const Tensor& g, const Tensor& y) {
              // Equal extremes share the gradient equally.
              const Tensor hit = (x.tensor().detach() == r.align(y.detach())).to(x.dtype());
              return Cotangent(r.align(g)) * detail::tied_shares(hit / sum(hit, r.axes, true), x);
            }));
}
}  // namespace

Tensor max(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "max", {x}, {{"axes", axes.normalized("max", x.ndim())}, {"keepdims", keepdims}},
        [&] { return max(x, axes, keepdims); }, x.location());
  }
  return extreme(max_op, core::max, x, axes, keepdims);
}
Tensor min(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "min", {x}, {{"axes", axes.normalized("min", x.ndim())}, {"keepdims", keepdims}},
        [&] { return min(x, axes, keepdims); }, x.location());
  }
  return extreme(min_op, core::min, x, axes, keepdims);
}

Tensor argmax(In x, std::int64_t axis, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "argmax", {x}, {{"axis", axis}, {"keepdims", keepdims}}, [&] { return argmax(x, axis, keepdims); },
        x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return argmax(std::move(v), axis, true); });
  return argmax_op(core::argmax(x.value(), axis, keepdims));
}
Tensor argmin(In x, std::int64_t axis, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "argmin", {x}, {{"axis", axis}, {"keepdims", keepdims}}, [&] { return argmin(x, axis, keepdims); },
        x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return argmin(std::move(v), axis, true); });
  return argmin_op(core::argmin(x.value(), axis, keepdims));
}
Tensor argmax(In x) { return argmax(ravel(x), 0); }
Tensor argmin(In x) { return argmin(ravel(x), 0); }

Tensor AxisExtreme::indices() const {
  In x(of_, location_);
  return largest_ ? newtape::argmax(std::move(x), axis_, keepdims_) : newtape::argmin(std::move(x), axis_, keepdims_);
}

AxisExtreme detail::extreme_along(In x, std::int64_t axis, bool keepdims, bool largest) {
  const Array of = x.value();
  const SourceLocation at = x.location();
  Tensor values = largest ? max(std::move(x), Axes(axis), keepdims) : min(std::move(x), Axes(axis), keepdims);
  return {std::move(values), of, axis, keepdims, largest, at};
}

Tensor any(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "any", {x}, {{"axes", axes.normalized("any", x.ndim())}, {"keepdims", keepdims}},
        [&] { return any(x, axes, keepdims); }, x.location());
  }
  return any_op(core::any(x.value(), axes, keepdims));
}
Tensor all(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "all", {x}, {{"axes", axes.normalized("all", x.ndim())}, {"keepdims", keepdims}},
        [&] { return all(x, axes, keepdims); }, x.location());
  }
  return all_op(core::all(x.value(), axes, keepdims));
}

namespace {
/// g softmax(x), the pullback of y = logsumexp(x), where g and y kept their axis. Elements that are infinite share g
/// equally; those of a row of -inf, the zero of the log semiring, get nothing.
Tensor shares_of_sum(Cotangent g, const Tensor& x, const Tensor& y, std::int64_t axis) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor infinite = isinf(y);
  if (!any(infinite).item<bool>()) return std::move(g) * softmax(x, axis);
  const Tensor finite = where(logical_and(infinite, x == y), 0.0, where(infinite, -infinity, x));
  return Cotangent(where(y == -infinity, 0.0, g)) * softmax(finite, axis);
}
}  // namespace

Tensor logsumexp(In x, const Axes& axes, bool keepdims) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "logsumexp", {x}, {{"axes", axes.normalized("logsumexp", x.ndim())}, {"keepdims", keepdims}},
        [&] { return logsumexp(x, axes, keepdims); }, x.location());
  }
  const ReductionInfo r("logsumexp", x.shape(), axes, keepdims);
  if (r.axes.size() != 1) return r.result(logsumexp(r.rows(x), -1), keepdims);
  const auto axis = r.axes[0] - static_cast<std::int64_t>(x.ndim());
  return logsumexp_op(core::logsumexp(x.value(), axis, keepdims),
                      wrt(x, [x, axis, keepdims](const Tensor& g, const Tensor& y) {
                        const auto kept = [&](const Tensor& t) { return keepdims ? t : unsqueeze(t, axis); };
                        return shares_of_sum(kept(g), x, kept(y.detach()), axis);
                      }));
}

Tensor softmax(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "softmax", {x}, {{"axis", axis}}, [&] { return softmax(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return softmax(std::move(v), axis); });
  axis = axis_from_last(softmax_op, axis, x.ndim());
  return softmax_op(core::softmax(x.take(), axis), wrt(x, [axis](Cotangent g, const Tensor& y) -> Tensor {
                      if (!recorded(g, y)) return core::softmax_grad(g.take_value(), y.value(), axis);
                      // y_i (g_i - sum y g), with g relative to that of an element that is nearly 1: no cancellation
                      const Cotangent d = g - Cotangent(sum(where(y.detach() > 0.7, g, 0.0), axis, true));
                      return (d - Cotangent(sum(d * y, axis, true))) * y;
                    }));
}

Tensor log_softmax(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "log_softmax", {x}, {{"axis", axis}}, [&] { return log_softmax(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return log_softmax(std::move(v), axis); });
  axis = axis_from_last(log_softmax_op, axis, x.ndim());
  return log_softmax_op(core::log_softmax(x.take(), axis), wrt(x, [axis](Cotangent g, const Tensor& y) -> Tensor {
                          if (!recorded(g, y)) return core::log_softmax_grad(g.take_value(), y.value(), axis);
                          // g_i - exp(y_i) sum g; for an element that is nearly 1, g (1 - exp(y)) - exp(y) (the others)
                          const Tensor largest = y.detach() > -0.34;
                          const Tensor others = sum(where(largest, 0.0, g), axis, true);
                          const Cotangent own = where(largest, g * -expm1(y), g);
                          return own - Cotangent(where(largest, others, sum(g, axis, true))) * exp(y);
                        }));
}

Tensor sum_to(In x, const Shape& shape, std::size_t batch) {
  const Shape before = x.shape();
  Array value = core::sum_to(x.take(), shape, batch);
  // x [batch.., extra.., broadcast..] <- y [batch.., shape..]: insert axes of length 1 for `extra`, then expand.
  return sum_to_op(std::move(value), wrt(x, [before, shape, batch](const Tensor& g) {
                     Shape kept(before.begin(), before.begin() + batch);
                     kept.resize(before.size() - shape.size(), 1);
                     for (const auto d : shape) kept.push_back(d);
                     const auto ndim = batch + shape.size();
                     return expand(reshape(g, with_leading(g, ndim, kept)), with_leading(g, ndim, before));
                   }));
}

}  // namespace newtape
