// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/scan.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/detail/selection.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/scan.hpp>

#include <limits>

namespace newtape {

static const Op cumsum_op{"cumsum"};
static const Op cumprod_op{"cumprod"};
static const Op logcumsumexp_op{"logcumsumexp"};
static const Op linear_recurrence_op{"linear_recurrence"};
static const Op cummax_op{"cummax"};
static const Op cummin_op{"cummin"};

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor cumsum_along(In x, std::int64_t axis, bool reverse) {
  return cumsum_op(core::cumsum(x.take(), axis, reverse),
                   wrt(x, [axis, reverse](Tensor g) { return cumsum_along(std::move(g), axis, !reverse); }));
}

/// Shift by one along the axis: element i of the result is element i - 1 of x (`back`: i + 1), or `fill` at the end.
Tensor shifted(const Tensor& x, std::int64_t axis, bool back, double fill = 0) {
  const auto n = x.shape(axis);
  if (n == 0) return x;
  Shape one = x.shape();
  one[one.size() - static_cast<std::size_t>(-axis)] = 1;
  const Tensor end = full(one, fill, x.dtype());
  return back ? concatenate({slice(x, axis, 1, n), end}, axis) : concatenate({end, slice(x, axis, 0, n - 1)}, axis);
}

/// y_i = a_i y_(i-1) + b_i; `reverse`: y_i = a_i y_(i+1) + b_i. Leading axes of b beyond those of a broadcast.
Tensor recurrence(In a, In b, std::int64_t axis, bool reverse) {
  const Tensor factors = a.shape() == b.shape() ? a.tensor() : expand(a, b.shape());
  // Cotangents: l_i = g_i + a_(i+1) l_(i+1), a recurrence in the other direction, for b_i; l_i y_(i-1) for a_i.
  const auto back = [factors, axis, reverse](const Tensor& g) {
    return recurrence(shifted(factors, axis, !reverse), g, axis, !reverse);
  };
  return linear_recurrence_op(core::linear_recurrence(factors.value(), b.value(), axis, reverse),
                              wrt(In(factors, a.location()),
                                  [back, axis, reverse](const Tensor& g, const Tensor& y) {
                                    return Cotangent(back(g)) * shifted(y, axis, reverse);
                                  }),
                              wrt(b, back));
}

}  // namespace

Tensor cumsum(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "cumsum", {x}, {{"axis", axis}}, [&] { return cumsum(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return cumsum(std::move(v), axis); });
  axis = axis_from_last(cumsum_op, axis, x.ndim());
  return cumsum_along(std::move(x), axis, false);
}

Tensor cumprod(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "cumprod", {x}, {{"axis", axis}}, [&] { return cumprod(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return cumprod(std::move(v), axis); });
  axis = axis_from_last(cumprod_op, axis, x.ndim());
  // dy_j/dx_i is the product of x_k for k < i times the product for i < k <= j. The sum over j of g_j times the latter
  // is a recurrence.
  return cumprod_op(core::cumprod(x.value(), axis), wrt(x, [x, axis](const Tensor& g, const Tensor& y) {
                      return Cotangent(recurrence(shifted(x, axis, true), g, axis, true)) * shifted(y, axis, false, 1);
                    }));
}

Tensor logcumsumexp(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "logcumsumexp", {x}, {{"axis", axis}}, [&] { return logcumsumexp(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return logcumsumexp(std::move(v), axis); });
  axis = axis_from_last(logcumsumexp_op, axis, x.ndim());
  // dy_j/dx_i = exp(x_i - y_j) = exp(x_i - y_i) exp(y_i - y_(i+1)) ... exp(y_(j-1) - y_j), with all factors <= 1.
  return logcumsumexp_op(core::logcumsumexp(x.value(), axis), wrt(x, [x, axis](const Tensor& g, const Tensor& y) {
                           const auto weight = [](const Tensor& part, const Tensor& whole) {
                             const Tensor absent = (whole.detach() == -infinity);  // 0, as for logsumexp
                             return where(absent, 0.0, exp(where(absent, 0.0, part - whole)));
                           };
                           const Tensor next = weight(y, shifted(y, axis, true, infinity));
                           return Cotangent(recurrence(next, g, axis, true)) * weight(x, y);
                         }));
}

Tensor linear_recurrence(In a, In b, std::int64_t axis) {
  match(linear_recurrence_op, a, b);
  const Shape shape = broadcast_shapes("linear_recurrence", a.shape(), b.shape());
  axis = axis_from_last(linear_recurrence_op, axis, shape.size());
  return recurrence(a, In(expand(b, shape), b.location()), axis, false);
}

ValuesIndices cummax(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "cummax", {x}, {{"axis", axis}}, [&] { return cummax(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return cummax(std::move(v), axis); });
  axis = axis_from_last(cummax_op, axis, x.ndim());
  return detail::selection(cummax_op, x, axis, core::cummax(x.value(), axis));
}
ValuesIndices cummin(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "cummin", {x}, {{"axis", axis}}, [&] { return cummin(x, axis); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return cummin(std::move(v), axis); });
  axis = axis_from_last(cummin_op, axis, x.ndim());
  return detail::selection(cummin_op, x, axis, core::cummin(x.value(), axis));
}

}  // namespace newtape
