// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/elementwise.hpp>

namespace newtape {

static const Op add_op{"add"};
static const Op sub_op{"sub"};
static const Op mul_op{"mul"};
static const Op div_op{"div"};
static const Op neg_op{"neg"};
static const Op pow_op{"pow"};
static const Op square_op{"square"};
static const Op abs_op{"abs"};
static const Op sign_op{"sign"};
static const Op maximum_op{"maximum"};
static const Op minimum_op{"minimum"};
static const Op clip_op{"clip"};
static const Op where_op{"where"};
static const Op cast_op{"cast"};

namespace {
Tensor pass(Tensor g) { return g; }
}  // namespace

// take() is for operations whose pullbacks do not capture the argument: its memory may become the result's.

Tensor operator+(In a, In b) {
  match(add_op, a, b);
  return add_op(core::add(a.take(), b.take()), wrt(a, pass), wrt(b, pass));
}

Tensor operator-(In a, In b) {
  match(sub_op, a, b);
  return sub_op(core::sub(a.take(), b.take()), wrt(a, pass), wrt(b, [](Tensor g) { return -std::move(g); }));
}

Tensor operator*(In a, In b) {
  match(mul_op, a, b);
  if (unobserved(a, b)) return core::mul(a.take(), b.take());  // most of a backward sweep is such products
  return mul_op(core::mul(a.value(), b.value()), wrt(a, [b = b.tensor()](Tensor g) { return std::move(g) * b; }),
                wrt(b, [a = a.tensor()](Tensor g) { return std::move(g) * a; }));
}

Tensor operator/(In a, In b) {
  match(div_op, a, b);
  if (unobserved(a, b)) return core::div(a.take(), b.take());
  return div_op(core::div(a.value(), b.value()), wrt(a, [b](Tensor g) { return std::move(g) / b; }),
                wrt(b, [b](const Tensor& g, const Tensor& y) { return -(g * y / b); }));
}

Tensor operator-(In x) {
  return neg_op(core::neg(x.take()), wrt(x, [](Tensor g) { return -std::move(g); }));
}

Tensor pow(In a, In b) {
  match(pow_op, a, b);
  return pow_op(
      core::pow(a.value(), b.value()),
      // d a^b / da = b a^(b-1). Where a and b are both 0 that is 0, but a^(b-1) is not finite: another a there.
      wrt(a,
          [a, b](const Tensor& g) {
            const Tensor flat = (b == 0.0);
            if (!any(flat).item<bool>()) return g * b * pow(a, b - 1.0);
            return g * b * pow(where(core::logical_and(flat.value(), (a == 0.0).value()), 1.0, a), b - 1.0);
          }),
      // d a^b / db = a^b log a; where a = 0 it is 0 for b > 0.
      wrt(b, [a](const Tensor& g, const Tensor& y) {
        const Tensor zero = (a == 0.0);
        return g * y * log(where(zero, 1.0, a));
      }));
}

Tensor square(In x) {
  return square_op(core::square(x.value()), wrt(x, [x](Tensor g) { return std::move(g) * 2.0 * x; }));
}

Tensor abs(In x) {
  return abs_op(core::abs(x.value()), wrt(x, [x](Tensor g) { return std::move(g) * sign(x); }));
}

Tensor sign(In x) { return sign_op(core::sign(x.take())); }

namespace {
/// The part of `g` that goes to `a`: all of it where a wins, half where a and b are equal.
Tensor winner(const Tensor& g, const Tensor& wins, const Tensor& ties) {
  return where(wins, g, where(ties, g * 0.5, 0.0));
}
}  // namespace

Tensor maximum(In a, In b) {
  match(maximum_op, a, b);
  return maximum_op(core::maximum(a.value(), b.value()),
                    wrt(a, [a, b](const Tensor& g) { return winner(g, a > b, a == b); }),
                    wrt(b, [a, b](const Tensor& g) { return winner(g, b > a, a == b); }));
}

Tensor minimum(In a, In b) {
  match(minimum_op, a, b);
  return minimum_op(core::minimum(a.value(), b.value()),
                    wrt(a, [a, b](const Tensor& g) { return winner(g, a < b, a == b); }),
                    wrt(b, [a, b](const Tensor& g) { return winner(g, b < a, a == b); }));
}

Tensor clip(In x, In low, In high) {
  match(clip_op, x, low);
  match(clip_op, x, high);
  return clip_op(core::minimum(core::maximum(x.value(), low.value()), high.value()),
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

Tensor where(const Tensor& condition, In a, In b) {
  match(where_op, a, b);
  if (condition.dtype() != boolean) {
    raise<DTypeError>("where: the condition must be boolean", "boolean", name(condition.dtype()));
  }
  const Tensor c = condition.detach();
  return where_op(core::where(c.value(), a.take(), b.take()), wrt(a, [c](const Tensor& g) { return where(c, g, 0.0); }),
                  wrt(b, [c](const Tensor& g) { return where(c, 0.0, g); }));
}

Tensor Tensor::to(DType dtype, Place place) const {
  if (dtype == this->dtype()) return *this;
  Array value = core::cast(value_, dtype);
  if (!is_floating(dtype)) return cast_op(std::move(value));
  return cast_op(std::move(value),
                 wrt(In(*this, place), [from = this->dtype()](const Tensor& g) { return g.to(from); }));
}

static const Op equal_op{"equal"};
static const Op not_equal_op{"not_equal"};
static const Op less_op{"less"};
static const Op less_equal_op{"less_equal"};
static const Op greater_op{"greater"};
static const Op greater_equal_op{"greater_equal"};

namespace {
Tensor compare(const Op& op, In& a, In& b, Array (*kernel)(const Array&, const Array&)) {
  match(op, a, b);
  return op(kernel(a.value(), b.value()));
}
}  // namespace

Tensor operator==(In a, In b) { return compare(equal_op, a, b, core::equal); }
Tensor operator!=(In a, In b) { return compare(not_equal_op, a, b, core::not_equal); }
Tensor operator<(In a, In b) { return compare(less_op, a, b, core::less); }
Tensor operator<=(In a, In b) { return compare(less_equal_op, a, b, core::less_equal); }
Tensor operator>(In a, In b) { return compare(greater_op, a, b, core::greater); }
Tensor operator>=(In a, In b) { return compare(greater_equal_op, a, b, core::greater_equal); }

}  // namespace newtape
