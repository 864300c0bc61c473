// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/elementwise.hpp>

#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/kernels/convert.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/elementwise.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace newtape::core::kernels {
namespace {

[[noreturn, gnu::cold, gnu::noinline]] void unsupported(std::string_view op, const Kernels& k, const Array& x) {
  if (is_storage(x.dtype())) newtape::detail::raise_storage(op, x.dtype());
  std::string expected;
  for (const DType t : {f32, f64, i64, boolean}) {
    if (k.of[static_cast<int>(t)] == nullptr) continue;
    if (!expected.empty()) expected += ", ";
    expected += name(t);
  }
  raise<DTypeError>(std::string(op) + ": unsupported dtype", expected, describe(x));
}

[[noreturn, gnu::cold, gnu::noinline]] void mixed(std::string_view op, const Array& a, const Array& b) {
  raise<DTypeError>(std::string(op) + ": the operands must have the same dtype", "equal dtypes",
                    describe(a) + " and " + describe(b));
}

Kernel kernel_for(const Kernels& k, const Array& x) {
  return is_storage(x.dtype()) ? nullptr : k.of[static_cast<int>(x.dtype())];
}

/// Integers and booleans as f32, for a function of floats only; DTypeError when it is none.
[[gnu::cold, gnu::noinline]] Array as_float(std::string_view op, const Kernels& k, const Array& x) {
  const auto has = [&](DType t) { return k.of[static_cast<int>(t)] != nullptr; };
  if (!has(f32) || has(i64) || has(boolean) || is_storage(x.dtype())) unsupported(op, k, x);
  return cast(x, f32);
}

/// Whether the kernel can be called directly, on one thread.
bool directly_callable(const Array& x) noexcept { return x.is_contiguous() && x.size() <= kernels::parallel_grain; }
bool same_shape(const Array& a, const Array& b) noexcept { return a.shape() == b.shape(); }

// Cold forms of the functions below, which show the call to the active recorder; apart, so that these need no frame.
[[gnu::cold, gnu::noinline]] Array record(std::string_view op, const Kernels& k, Kernel kernel, Array&& x) {
  const Array* const in[] = {&x};
  return recorder()->elementwise(op, kernel, in, x.dtype(), [&] { return unary(op, k, std::move(x)); });
}
[[gnu::cold, gnu::noinline]] Array record_to(std::string_view op, Kernel kernel, const Array& x, DType dtype) {
  const Array* const in[] = {&x};
  return recorder()->elementwise(op, kernel, in, dtype, [&] { return unary_to(op, kernel, x, dtype); });
}
[[gnu::cold, gnu::noinline]] Array record(std::string_view op, const Kernels& k, Kernel kernel, ArrayOperand a,
                                          ArrayOperand b) {
  const Array* const in[] = {&*a, &*b};
  return recorder()->elementwise(op, kernel, in, a->dtype(), [&] { return binary(op, k, a, b); });
}
[[gnu::cold, gnu::noinline]] Array record_to_boolean(std::string_view op, const Kernels& k, Kernel kernel,
                                                     const Array& a, const Array& b) {
  const Array* const in[] = {&a, &b};
  return recorder()->elementwise(op, kernel, in, boolean, [&] { return binary_to_boolean(op, k, a, b); });
}
[[gnu::cold, gnu::noinline]] Array record(std::string_view op, Kernel kernel, Array&& a, Array&& b, Array&& c) {
  const Array* const in[] = {&a, &b, &c};
  return recorder()->elementwise(op, kernel, in, c.dtype(),
                                 [&] { return ternary(op, kernel, std::move(a), std::move(b), std::move(c)); });
}

}  // namespace

Array unary(std::string_view op, const Kernels& k, Array&& x) {
  const Kernel kernel = kernel_for(k, x);
  if (kernel == nullptr) return unary(op, k, as_float(op, k, x));
  if (recorder() != nullptr) return record(op, k, kernel, std::move(x));
  const void* in[] = {x.raw()};
  if (x.reusable()) {
    Array y = std::move(x);
    if (y.size() <= kernels::parallel_grain) {
      kernel(in, y.raw(), y.size(), 0);
    } else {
      const Array* inputs[] = {&y};
      kernels::map_into(kernel, inputs, 1, y);
    }
    return y;
  }
  Array y = Array::empty(x.shape(), x.dtype());
  if (directly_callable(x)) {
    kernel(in, y.raw(), y.size(), 0);
  } else {
    const Array* inputs[] = {&x};
    kernels::map_into(kernel, inputs, 1, y);
  }
  return y;
}

Array unary_to(std::string_view op, const Kernels& k, const Array& x, DType dtype) {
  const Kernel kernel = kernel_for(k, x);
  if (kernel == nullptr) return unary_to(op, k, as_float(op, k, x), dtype);
  return unary_to(op, kernel, x, dtype);
}

Array unary_to(std::string_view op, Kernel kernel, const Array& x, DType dtype) {
  if (recorder() != nullptr) return record_to(op, kernel, x, dtype);
  Array y = Array::empty(x.shape(), dtype);
  if (directly_callable(x)) {
    const void* in[] = {x.raw()};
    kernel(in, y.raw(), y.size(), 0);
  } else {
    const Array* inputs[] = {&x};
    kernels::map_into(kernel, inputs, 1, y);
  }
  return y;
}

namespace {

/// Whether the shape of `part` equals the trailing axes of `x`, so that broadcasting repeats it as a block; both
/// contiguous.
bool is_trailing_block(const Array& x, const Array& part) noexcept {
  const std::size_t n = part.ndim();
  return n <= x.ndim() && part.is_contiguous() &&
         std::memcmp(x.shape().data() + (x.ndim() - n), part.shape().data(), n * sizeof(std::int64_t)) == 0;
}

/// Fast path on one thread: `x` has the shape of `y`, and `part` is one element or a block large enough for one call
/// per repetition. `position` is x's operand number. False if the fast path does not apply.
bool run_direct(Kernel kernel, const Array& x, const Array& part, int position, Array& y) {
  const void* in[2];
  if (part.size() == 1) {
    in[position] = x.raw();
    in[1 - position] = part.raw();
    kernel(in, y.raw(), y.size(), position == 0 ? 2 : 1);
    return true;
  }
  const std::int64_t row = part.size();
  if (row == 0 || !is_trailing_block(x, part) || (row < 16 && y.size() > 16 * row)) return false;
  const auto x_step = row * static_cast<std::int64_t>(item_size(x.dtype()));
  const auto y_step = row * static_cast<std::int64_t>(item_size(y.dtype()));
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  in[1 - position] = part.raw();
  for (std::int64_t i = y.size() / row; i-- > 0; from += x_step, to += y_step) {
    in[position] = from;
    kernel(in, to, row, 0);
  }
  return true;
}

/// y = kernel(a, b), where y has the broadcast shape; `inputs` are a and b, or y itself for the operand whose memory it
/// reuses.
void run(Kernel kernel, const Array* const (&inputs)[2], Array& y) {
  for (const int i : {0, 1}) {
    const Array& x = *inputs[i];
    if (directly_callable(x) && x.ndim() == y.ndim() && x.size() == y.size() && x.size() != 0 &&
        run_direct(kernel, x, *inputs[1 - i], i, y)) {
      return;
    }
  }
  kernels::map_into(kernel, inputs, 2, y);
}

[[gnu::noinline]] Array binary_broadcast(std::string_view op, Kernel kernel, ArrayOperand a, ArrayOperand b) {
  const Array* inputs[] = {&*a, &*b};
  const Shape shape = broadcast_shapes(op, a->shape(), b->shape());
  Array y;
  if (a->shape() == shape && a.reusable()) {
    y = a.take();
    inputs[0] = &y;
  } else if (b->shape() == shape && b.reusable()) {
    y = b.take();
    inputs[1] = &y;
  } else {
    y = Array::empty(shape, a->dtype());
  }
  run(kernel, inputs, y);
  return y;
}

}  // namespace

Array binary(std::string_view op, const Kernels& k, ArrayOperand a, ArrayOperand b) {
  const DType t = a->dtype();
  if (t != b->dtype()) mixed(op, *a, *b);
  const Kernel kernel = kernel_for(k, *a);
  if (kernel == nullptr) return binary(op, k, as_float(op, k, *a), as_float(op, k, *b));
  if (recorder() != nullptr) return record(op, k, kernel, a, b);
  if (!directly_callable(*a) || !b->is_contiguous() || !same_shape(*a, *b)) return binary_broadcast(op, kernel, a, b);
  const void* in[] = {a->raw(), b->raw()};
  Array y = a.reusable() ? a.take() : b.reusable() ? b.take() : Array::empty(a->shape(), t);
  kernel(in, y.raw(), y.size(), 0);
  return y;
}

namespace {
/// A dtype with kernels that holds every value of a storage dtype other than u64.
DType wide_of(DType t) noexcept { return is_half(t) ? f32 : i64; }
}  // namespace

Array binary_to_boolean(std::string_view op, const Kernels& k, const Array& a, const Array& b) {
  if (a.dtype() != b.dtype()) mixed(op, a, b);
  if (is_storage(a.dtype()) && a.dtype() != u64) {
    return binary_to_boolean(op, k, cast(a, wide_of(a.dtype())), cast(b, wide_of(b.dtype())));
  }
  const Kernel kernel = kernel_for(k, a);
  if (kernel == nullptr) unsupported(op, k, a);
  if (recorder() != nullptr) return record_to_boolean(op, k, kernel, a, b);
  Array y = Array::empty(a.shape() == b.shape() ? a.shape() : broadcast_shapes(op, a.shape(), b.shape()), boolean);
  const Array* const inputs[] = {&a, &b};
  run(kernel, inputs, y);
  return y;
}

Array ternary(std::string_view op, const Kernels& k, Array&& a, Array&& b, Array&& c) {
  const Kernel kernel = kernel_for(k, c);
  if (kernel == nullptr) {
    if (b.dtype() != c.dtype()) mixed(op, b, c);
    unsupported(op, k, c);
  }
  return ternary(op, kernel, std::move(a), std::move(b), std::move(c));
}

Array ternary(std::string_view op, Kernel kernel, Array&& a, Array&& b, Array&& c) {
  if (b.dtype() != c.dtype()) mixed(op, b, c);
  if (a.dtype() != c.dtype() && a.dtype() != boolean) mixed(op, a, c);
  if (recorder() != nullptr) return record(op, kernel, std::move(a), std::move(b), std::move(c));
  if (directly_callable(a) && b.is_contiguous() && c.is_contiguous() && same_shape(a, b) && same_shape(a, c) &&
      a.dtype() == c.dtype() && a.reusable()) {
    const void* in[] = {a.raw(), b.raw(), c.raw()};
    kernel(in, a.raw(), a.size(), 0);
    return std::move(a);
  }
  const Shape shape = broadcast_shapes(op, a.shape(), broadcast_shapes(op, b.shape(), c.shape()));
  Array* const operands[] = {&a, &b, &c};
  const Array* inputs[] = {&a, &b, &c};
  Array y;
  for (int i = 0; i < 3 && !y.defined(); ++i) {
    Array& x = *operands[i];
    if (x.dtype() != c.dtype() || !x.reusable() || x.shape() != shape) continue;
    y = std::move(x);
    inputs[i] = &y;
  }
  if (!y.defined()) y = Array::empty(shape, c.dtype());
  // Contiguous arrays of equal shape and scalars: call the kernel directly.
  bool direct = y.size() != 0;
  unsigned scalars = 0;
  const void* in[3];
  for (int i = 0; i < 3 && direct; ++i) {
    const Array& x = *inputs[i];
    in[i] = x.raw();
    if (x.size() != y.size()) scalars |= 1U << i;
    direct = directly_callable(x) && (x.size() == y.size() || x.size() == 1);
  }
  if (direct && y.size() <= parallel_grain) {
    kernel(in, y.raw(), y.size(), scalars);
  } else {
    map_into(kernel, inputs, 3, y);
  }
  return y;
}

void call_into(Kernel kernel, std::span<const Array* const> in, Array& out) {
  if (!out.is_contiguous()) {
    Array dense = Array::empty(out.shape(), out.dtype());
    call_into(kernel, in, dense);
    return assign(out, dense);
  }
  if (in.size() == 2) {
    const Array* const inputs[] = {in[0], in[1]};
    return run(kernel, inputs, out);
  }
  map_into(kernel, in.data(), static_cast<int>(in.size()), out);
}

}  // namespace newtape::core::kernels

namespace newtape::core {

using kernels::binary;
using kernels::binary_to_boolean;
using kernels::ternary;
using kernels::unary;
using kernels::unary_to;

namespace {
/// Integer division by zero is undefined.
void reject_zeros(std::string_view op, const Array& divisor) {
  if (divisor.dtype() != i64) return;
  if (any(equal(divisor, zeros({}, i64))).item<bool>()) {
    raise<ValueError>(std::string(op) + ": integer division by zero", "nonzero divisors", to_string(divisor.shape()));
  }
}
}  // namespace

Array neg(Array x) { return unary<"neg">(std::move(x)); }
Array abs(Array x) { return unary<"abs">(std::move(x)); }
Array sign(Array x) { return unary<"sign">(std::move(x)); }
Array square(Array x) { return unary<"square">(std::move(x)); }
Array sqrt(Array x) { return unary<"sqrt">(std::move(x)); }
Array rsqrt(Array x) { return unary<"rsqrt">(std::move(x)); }
Array reciprocal(Array x) { return unary<"reciprocal">(std::move(x)); }
Array floor(Array x) { return unary<"floor">(std::move(x)); }
Array ceil(Array x) { return unary<"ceil">(std::move(x)); }
Array round(Array x) { return unary<"round">(std::move(x)); }
Array trunc(Array x) { return unary<"trunc">(std::move(x)); }
Array exp(Array x) { return unary<"exp">(std::move(x)); }
Array expm1(Array x) { return unary<"expm1">(std::move(x)); }
Array exp2(Array x) { return unary<"exp2">(std::move(x)); }
Array log(Array x) { return unary<"log">(std::move(x)); }
Array log1p(Array x) { return unary<"log1p">(std::move(x)); }
Array log2(Array x) { return unary<"log2">(std::move(x)); }
Array log10(Array x) { return unary<"log10">(std::move(x)); }
Array cbrt(Array x) { return unary<"cbrt">(std::move(x)); }
Array sin(Array x) { return unary<"sin">(std::move(x)); }
Array cos(Array x) { return unary<"cos">(std::move(x)); }
Array tan(Array x) { return unary<"tan">(std::move(x)); }
Array asin(Array x) { return unary<"asin">(std::move(x)); }
Array acos(Array x) { return unary<"acos">(std::move(x)); }
Array atan(Array x) { return unary<"atan">(std::move(x)); }
Array sinh(Array x) { return unary<"sinh">(std::move(x)); }
Array cosh(Array x) { return unary<"cosh">(std::move(x)); }
Array tanh(Array x) { return unary<"tanh">(std::move(x)); }
Array asinh(Array x) { return unary<"asinh">(std::move(x)); }
Array acosh(Array x) { return unary<"acosh">(std::move(x)); }
Array atanh(Array x) { return unary<"atanh">(std::move(x)); }

Array add(ArrayOperand a, ArrayOperand b) { return binary<"add">(a, b); }
Array sub(ArrayOperand a, ArrayOperand b) { return binary<"sub">(a, b); }
Array mul(ArrayOperand a, ArrayOperand b) { return binary<"mul">(a, b); }
Array div(Array a, Array b) { return binary<"div">(std::move(a), std::move(b)); }
Array maximum(Array a, Array b) { return binary<"maximum">(std::move(a), std::move(b)); }
Array minimum(Array a, Array b) { return binary<"minimum">(std::move(a), std::move(b)); }
Array fmod(Array a, Array b) {
  reject_zeros("fmod", b);
  return binary<"fmod">(std::move(a), std::move(b));
}
Array remainder(Array a, Array b) {
  reject_zeros("remainder", b);
  return binary<"remainder">(std::move(a), std::move(b));
}
Array floor_divide(Array a, Array b) {
  reject_zeros("floor_divide", b);
  return binary<"floor_divide">(std::move(a), std::move(b));
}
Array pow(Array a, Array b) {
  if (a.dtype() == boolean && b.dtype() == boolean) return pow(cast(std::move(a), i64), cast(std::move(b), i64));
  if (b.dtype() == i64 && any(less(b, zeros({}, i64))).item<bool>()) {
    raise<ValueError>("pow: an integer to a negative integer power", "exponents of at least 0, or floats",
                      to_string(b.shape()));
  }
  return binary<"pow">(std::move(a), std::move(b));
}
Array atan2(Array a, Array b) { return binary<"atan2">(std::move(a), std::move(b)); }
Array hypot(Array a, Array b) { return binary<"hypot">(std::move(a), std::move(b)); }
Array clip(Array x, Array low, Array high) { return ternary<"clip">(std::move(x), std::move(low), std::move(high)); }
Array strong_mul(ArrayOperand g, ArrayOperand d) { return binary<"strong_mul">(g, d); }
Array strong_div(Array g, Array d) { return binary<"strong_div">(std::move(g), std::move(d)); }
Array add_strong_mul(Array sum, ArrayOperand d, ArrayOperand g) {
  return ternary<"add_strong_mul">(std::move(sum), d.take(), g.take());
}
Array cotangent_mul(Array g, Array h) { return binary<"cotangent_mul">(std::move(g), std::move(h)); }
Array tanh_grad(Array g, Array x) { return binary<"tanh_grad">(std::move(g), std::move(x)); }
Array asin_slope(Array x) { return unary<"asin_slope">(std::move(x)); }
Array hypot_slope(Array a, Array b) { return binary<"hypot_slope">(std::move(a), std::move(b)); }

Array equal(const Array& a, const Array& b) { return binary_to_boolean<"equal">(a, b); }
Array not_equal(const Array& a, const Array& b) { return binary_to_boolean<"not_equal">(a, b); }
Array less(const Array& a, const Array& b) { return binary_to_boolean<"less">(a, b); }
Array less_equal(const Array& a, const Array& b) { return binary_to_boolean<"less_equal">(a, b); }
Array greater(const Array& a, const Array& b) { return binary_to_boolean<"greater">(a, b); }
Array greater_equal(const Array& a, const Array& b) { return binary_to_boolean<"greater_equal">(a, b); }
Array bitwise_and(Array a, Array b) { return binary<"bitwise_and">(std::move(a), std::move(b)); }
Array bitwise_or(Array a, Array b) { return binary<"bitwise_or">(std::move(a), std::move(b)); }
Array bitwise_xor(Array a, Array b) { return binary<"bitwise_xor">(std::move(a), std::move(b)); }
Array bitwise_not(Array x) { return unary<"bitwise_not">(std::move(x)); }

Array logical_and(Array a, Array b) { return bitwise_and(cast(std::move(a), boolean), cast(std::move(b), boolean)); }
Array logical_or(Array a, Array b) { return bitwise_or(cast(std::move(a), boolean), cast(std::move(b), boolean)); }
Array logical_xor(Array a, Array b) { return bitwise_xor(cast(std::move(a), boolean), cast(std::move(b), boolean)); }
Array logical_not(Array x) { return bitwise_not(cast(std::move(x), boolean)); }

Array isfinite(const Array& x) { return unary_to<"isfinite">(x, boolean); }
Array isinf(const Array& x) { return unary_to<"isinf">(x, boolean); }
Array isnan(const Array& x) { return unary_to<"isnan">(x, boolean); }

Array where(const Array& condition, Array a, Array b) {
  if (condition.dtype() != boolean) {
    raise<DTypeError>("where: the condition must be boolean", "boolean", describe(condition));
  }
  const auto kernel = kernels::by_size(kernels::kernels_of<"where">(),
                                       kernels::select<kernels::ConvertTable>().where_2_bytes, b.dtype());
  return ternary("where", kernel, Array(condition), std::move(a), std::move(b));
}

}  // namespace newtape::core
