// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>

#include <newtape/autograd/distinct.hpp>
#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/detail/kink.hpp>
#include <newtape/autograd/ops/detail/slopes.hpp>
#include <newtape/autograd/ops/detail/ties.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <optional>

namespace newtape {

static const Op add_op{"add"};
static const Op sub_op{"sub"};
static const Op mul_op{"mul"};
static const Op div_op{"div"};
static const Op neg_op{"neg"};
static const Op pow_op{"pow"};
static const Op square_op{"square"};
static const Op reciprocal_op{"reciprocal"};
static const Op abs_op{"abs", true};
static const Op abs_grad_op{"abs_grad"};
static const Op hypot_op{"hypot", true};
static const Op hypot_grad_op{"hypot_grad"};
static const Op maximum_op{"maximum"};
static const Op minimum_op{"minimum"};
static const Op fmax_op{"fmax"};
static const Op fmin_op{"fmin"};
static const Op clip_op{"clip"};
static const Op where_op{"where"};
static const Op cast_op{"cast"};
static const Op remainder_op{"remainder"};
static const Op fmod_op{"fmod"};
static const Op floor_divide_op{"floor_divide"};
static const Op sign_op{"sign"};
static const Op floor_op{"floor"};
static const Op ceil_op{"ceil"};
static const Op round_op{"round"};
static const Op trunc_op{"trunc"};

namespace {
Tensor pass(Tensor g) { return g; }

/// g -> -g
struct NegPullback {
  Tensor operator()(Tensor g) const {
    if (!unobserved(g)) return -std::move(g);
    return detail::on_distinct(g.take_value(), core::neg);
  }
  bool accumulate_into(Array& sum, const Array& g) const {
    if (g.shape() != sum.shape() || g.dtype() != sum.dtype()) return false;
    sum = core::sub(std::move(sum), g);
    return true;
  }
};

/// g -> g factor
struct MulPullback {
  Tensor factor;

  Tensor operator()(Cotangent g) const { return std::move(g) * factor; }
  bool accumulate_into(Array& sum, const Array& g) const {
    if (g.shape() != sum.shape() || g.dtype() != sum.dtype()) return false;
    sum = core::add_strong_mul(std::move(sum), factor.value(), g);
    return true;
  }
};
}  // namespace

// take() is for operations whose pullbacks do not capture the argument: the result may reuse its memory.

bool detail::adds(const Op& op) noexcept { return &op == &add_op; }

Tensor operator+(In a, In b) {
  match(add_op, a, b);
  return add_op(core::add(a.operand(), b.operand()), wrt(a, pass), wrt(b, pass));
}

Tensor operator-(In a, In b) {
  match(sub_op, a, b);
  return sub_op(core::sub(a.operand(), b.operand()), wrt(a, pass), wrt(b, NegPullback{}));
}

Tensor operator*(In a, In b) {
  match(mul_op, a, b);
  if (unobserved(a, b)) return core::mul(a.operand(), b.operand());  // fast path: most products are in backward sweeps
  return mul_op(core::mul(a.value(), b.value()), wrt(a, MulPullback{b.tensor()}), wrt(b, MulPullback{a.tensor()}));
}

Tensor operator/(In a, In b) {
  match(div_op, a, b);
  if (unobserved(a, b)) return core::div(a.take(), b.take());
  return div_op(core::div(a.value(), b.value()), wrt(a, [b](Cotangent g) { return std::move(g) / b; }),
                wrt(b, [b](Cotangent g, const Tensor& y) { return -(std::move(g) * y / b); }));
}

Tensor operator-(In x) { return neg_op(core::neg(x.take()), wrt(x, NegPullback{})); }

Tensor pow(In a, In b) {
  const std::optional<double> exponent = b.is_number() ? std::optional(b.number()) : std::nullopt;
  match(pow_op, a, b);
  return pow_op(core::pow(a.value(), b.value()),
                wrt(a,
                    [a, b, exponent](Cotangent g, const Tensor& y) -> Tensor {
                      if (exponent == 0.5) return detail::root_gradient(g, y);
                      // A constant has the derivative 0, and not 0 times the infinite a^-1 at a = 0.
                      if (exponent)
                        return *exponent == 0 ? std::move(g) * 0.0 : std::move(g) * *exponent * pow(a, *exponent - 1);
                      // b a^(b-1); the first product is 0 at b = 0, and so is the second, though a^(b-1) is infinite at a = 0.
                      return std::move(g) * b * pow(a, b - 1.0);
                    }),
                // a^b log a; 0 at a = 0, b > 0.
                wrt(b, [a](Cotangent g, const Tensor& y) {
                  const Tensor zero = (a == 0.0);
                  return std::move(g) * y * log(where(zero, 1.0, a));
                }));
}

Tensor square(In x) {
  return square_op(core::square(x.value()), wrt(x, [x](Cotangent g) { return std::move(g) * 2.0 * x; }));
}

Tensor reciprocal(In x) {
  return reciprocal_op(core::reciprocal(x.take()),
                       wrt(x, [](Cotangent g, const Tensor& y) { return -(std::move(g) * y * y); }));
}

Tensor abs(In x) {
  return abs_op(core::abs(x.value()), wrt(x, [x](const Cotangent& g, const Tensor& y) -> Tensor {
                  const Tensor slope = detail::slope_at_kink(
                      g, y, [&] { return square(x); }, detail::AtKink::flat);
                  if (!slope.defined()) return g * sign(x);
                  return g * sign(x) + detail::zero_with_slope(abs_grad_op, x, slope);
                }));
}

Tensor hypot(In a, In b) {
  match(hypot_op, a, b);
  const auto share = [](const Cotangent& g, const In& x, const In& other, const Tensor& y) -> Tensor {
    const Cotangent gradient = g * detail::hypot_slope(x, other);
    const Tensor slope = detail::slope_at_kink(g, y, [&] { return square(x) + square(other); });
    return slope.defined() ? gradient + detail::zero_with_slope(hypot_grad_op, x, slope) : gradient;
  };
  return hypot_op(core::hypot(a.value(), b.value()),
                  wrt(a, [a, b, share](const Cotangent& g, const Tensor& y) { return share(g, a, b, y); }),
                  wrt(b, [a, b, share](const Cotangent& g, const Tensor& y) { return share(g, b, a, y); }));
}

namespace {
/// The gradient of the operand x of maximum or minimum: g where it is selected, g / 2 where both are equal.
Tensor selected_share(const Tensor& g, const Tensor& x, const Tensor& selected, const Tensor& ties) {
  if (!recorded(x)) return where(selected, g, where(ties, g * 0.5, 0.0));
  const Tensor shares = selected.to(g.dtype()) + ties.to(g.dtype()) * 0.5;
  return Cotangent(g) * detail::tied_shares(shares, expand(x, shares.shape()));
}
}  // namespace

Tensor maximum(In a, In b) {
  match(maximum_op, a, b);
  return maximum_op(core::maximum(a.value(), b.value()),
                    wrt(a, [a, b](const Tensor& g) { return selected_share(g, a, a > b, a == b); }),
                    wrt(b, [a, b](const Tensor& g) { return selected_share(g, b, b > a, a == b); }));
}

Tensor minimum(In a, In b) {
  match(minimum_op, a, b);
  return minimum_op(core::minimum(a.value(), b.value()),
                    wrt(a, [a, b](const Tensor& g) { return selected_share(g, a, a < b, a == b); }),
                    wrt(b, [a, b](const Tensor& g) { return selected_share(g, b, b < a, a == b); }));
}

namespace {
/// Of two operands the one that is not NaN, else `both`.
Array number_or(const Array& a, const Array& b, Array both) {
  if (!is_floating(a.dtype())) return both;
  return core::where(core::isnan(a), b, core::where(core::isnan(b), a, std::move(both)));
}
/// Whether a counts though it may be neither the larger nor the smaller one.
Tensor is_only_number(const Tensor& a, const Tensor& b) { return isnan(b) & ~isnan(a); }
}  // namespace

Tensor fmax(In a, In b) {
  match(fmax_op, a, b);
  static_cast<void>(broadcast_shapes("fmax", a.shape(), b.shape()));
  Array both = core::maximum(a.value(), b.value());
  return fmax_op(
      number_or(a.value(), b.value(), std::move(both)),
      wrt(a, [a, b](const Tensor& g) { return selected_share(g, a, (a > b) | is_only_number(a, b), a == b); }),
      wrt(b, [a, b](const Tensor& g) { return selected_share(g, b, (b > a) | is_only_number(b, a), a == b); }));
}

Tensor fmin(In a, In b) {
  match(fmin_op, a, b);
  static_cast<void>(broadcast_shapes("fmin", a.shape(), b.shape()));
  Array both = core::minimum(a.value(), b.value());
  return fmin_op(
      number_or(a.value(), b.value(), std::move(both)),
      wrt(a, [a, b](const Tensor& g) { return selected_share(g, a, (a < b) | is_only_number(a, b), a == b); }),
      wrt(b, [a, b](const Tensor& g) { return selected_share(g, b, (b < a) | is_only_number(b, a), a == b); }));
}

Tensor clip(In x, In low, In high) {
  match(clip_op, x, low);
  match(clip_op, x, high);
  return clip_op(core::clip(x.value(), low.value(), high.value()),
                 wrt(x,
                     [x, low, high](const Tensor& g) {
                       return where(core::logical_and((x >= low).value(), (x <= high).value()), g, 0.0);
                     }),
                 wrt(low,
                     [x, low, high](const Tensor& g) {
                       return where(core::logical_and((x < low).value(), (low <= high).value()), g, 0.0);
                     }),
                 wrt(high, [x, low, high](const Tensor& g) {
                   return where(core::logical_or((x > high).value(), (low > high).value()), g, 0.0);
                 }));
}

Tensor clip(In x, In low) {
  match(clip_op, x, low);
  if (!is_floating(x.dtype())) return maximum(std::move(x), std::move(low));
  return clip(std::move(x), std::move(low), std::numeric_limits<double>::infinity());
}

Tensor clip(In x, std::nullopt_t, In high) {
  match(clip_op, x, high);
  if (!is_floating(x.dtype())) return minimum(std::move(x), std::move(high));
  return clip(std::move(x), -std::numeric_limits<double>::infinity(), std::move(high));
}

Tensor lerp(In start, In end, In weight) {
  Shape shape;
  for (const In* x : {&weight, &start, &end}) {
    if (!x->is_number()) shape = broadcast_shapes("lerp", shape, x->shape());
  }
  return start + weight * (end - start);
}

Tensor addcmul(In x, In a, In b, double value) {
  const CallSite here(x.location());
  return value == 1 ? x + a * b : x + value * (a * b);
}

Tensor addcdiv(In x, In a, In b, double value) {
  const CallSite here(x.location());
  return value == 1 ? x + a / b : x + value * (a / b);
}

Tensor deg2rad(In x) { return std::move(x) * (std::numbers::pi / 180); }
Tensor rad2deg(In x) { return std::move(x) * (180 / std::numbers::pi); }

Tensor where(const Tensor& condition, In a, In b) {
  if (a.is_number() && b.is_number()) a.resolve("where", b.literal() == f32 ? f32 : a.literal());
  match(where_op, a, b);
  if (condition.dtype() != boolean) {
    raise<DTypeError>("where: the condition must be boolean", "boolean", name(condition.dtype()));
  }
  if (detail::is_traced()) {
    return detail::trace_call(
        "where", {condition, a, b}, {}, [&] { return where(condition, a, b); }, a.location());
  }
  const Tensor c = condition.detach();
  return where_op(core::where(c.value(), a.take(), b.take()), wrt(a, [c](const Tensor& g) { return where(c, g, 0.0); }),
                  wrt(b, [c](const Tensor& g) { return where(c, 0.0, g); }));
}

Tensor Tensor::to(DType dtype, SourceLocation location) const {
  if (dtype == this->dtype()) return *this;
  if (detail::is_traced()) {
    return detail::trace_call(
        "cast", {*this}, {{"dtype", std::string(name(dtype))}}, [&] { return to(dtype, location); }, location);
  }
  Array value = core::cast(value_, dtype);
  if (!is_floating(dtype)) return cast_op(std::move(value));
  return cast_op(std::move(value),
                 wrt(In(*this, location), [from = this->dtype()](const Tensor& g) { return g.to(from); }));
}

namespace {
/// The pullback in b of y = a - b n: -g n, with the integer n = (a - y) / b.
Cotangent remainder_grad(Cotangent g, const Tensor& a, const Tensor& b, const Tensor& y) {
  return -(std::move(g) * round((a - y) / b));
}
}  // namespace

Tensor remainder(In a, In b) {
  match(remainder_op, a, b);
  return remainder_op(core::remainder(a.value(), b.value()), wrt(a, pass),
                      wrt(b, [a, b](Cotangent g, const Tensor& y) { return remainder_grad(std::move(g), a, b, y); }));
}

Tensor fmod(In a, In b) {
  match(fmod_op, a, b);
  return fmod_op(core::fmod(a.value(), b.value()), wrt(a, pass),
                 wrt(b, [a, b](Cotangent g, const Tensor& y) { return remainder_grad(std::move(g), a, b, y); }));
}

Tensor floor_divide(In a, In b) {
  match(floor_divide_op, a, b);
  return floor_divide_op(core::floor_divide(a.take(), b.take()));
}

namespace {
/// An operation whose derivative is 0: its result is a constant.
Tensor step_function(const Op& op, Array (*kernel)(Array), In& x) {
  if (!detail::is_traced()) return op(kernel(x.take()));
  return detail::trace_call(
      op.name(), {x}, {}, [&] { return op(kernel(x.value())); }, x.location());
}
}  // namespace

Tensor sign(In x) { return step_function(sign_op, core::sign, x); }
Tensor floor(In x) { return step_function(floor_op, core::floor, x); }
Tensor ceil(In x) { return step_function(ceil_op, core::ceil, x); }
Tensor round(In x) { return step_function(round_op, core::round, x); }
namespace {
/// i64 to multiples of 10^digits, halves to even multiples.
Tensor round_integers(const In& x, int digits) {
  if (digits > 19) return zeros_like(x);
  std::uint64_t unit = 1;
  for (int i = 0; i < digits; ++i) unit *= 10;
  Array y = core::copy(x.value());
  auto* p = y.data<std::int64_t>();
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const bool negative = p[i] < 0;
    const auto size = negative ? 0 - static_cast<std::uint64_t>(p[i]) : static_cast<std::uint64_t>(p[i]);
    const std::uint64_t rest = size % unit;
    const bool odd = size / unit % 2 == 1;
    const std::uint64_t rounded = size - rest + (rest > unit - rest || (rest == unit - rest && odd) ? unit : 0);
    p[i] = static_cast<std::int64_t>(negative ? 0 - rounded : rounded);
  }
  return round_op(std::move(y));
}
}  // namespace

Tensor round(In x, int decimals) {
  if (decimals == 0) return round(std::move(x));
  if (x.dtype() == i64) return decimals > 0 ? round(std::move(x)) : round_integers(x, -std::max(decimals, -400));
  // Numbers so large that they overflow when scaled have no digits after the point.
  const double scale = std::pow(10.0, std::abs(std::max(decimals, -400)));
  if (decimals > 0) {
    const Tensor y = round(x * scale) / scale;
    if (core::recorder() != nullptr || core::all_finite(y.value())) return y;
    return where(isfinite(y), y, x.tensor().detach());
  }
  const bool representable = scale <= (x.dtype() == f32 ? std::numeric_limits<float>::max() : 1e308);
  return representable ? round(x / scale) * scale : where(isfinite(x), 0.0, x.tensor().detach());
}
Tensor trunc(In x) { return step_function(trunc_op, core::trunc, x); }

}  // namespace newtape
