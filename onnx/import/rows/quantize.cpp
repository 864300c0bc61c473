// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/conv.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

/// Integers of 8 bits that stand for reals, and products of them. Products are computed in f64, which is exact.
namespace newtape::onnx::detail {
namespace {

struct Bounds {
  double low, high;
};

Bounds bounds_of(Call& c, ElementType type) {
  using enum ElementType;
  switch (type) {
    case uint8: return {0, 255};
    case int8: return {-128, 127};
    case uint16: return {0, 65535};
    case int16: return {-32768, 32767};
    default: c.fail("unsupported quantised type", "uint8, int8, uint16 or int16", name(type));
  }
}

/// A scale or zero point that has a number for each entry along an axis, shaped so that it broadcasts.
Tensor along(const Tensor& v, std::int64_t axis, std::size_t ndim) {
  if (v.size() == 1) return reshape(v, {});
  Shape shape(ndim, 1);
  shape[static_cast<std::size_t>(from_front(axis, ndim))] = v.size();
  return reshape(v, shape);
}

/// Rounded to even and saturated.
Value quantized(Call& c, const Tensor& scaled, const Tensor& zero, ElementType type) {
  const auto [low, high] = bounds_of(c, type);
  Tensor y = round(scaled);
  if (zero.defined()) y = std::move(y) + zero.to(y.dtype());
  return Value(clip(std::move(y), low, high).to(i64), type);
}

/// x - zero point, in f64.
Tensor centred(const Tensor& x, const Tensor& zero) { return zero.defined() ? x.to(f64) - zero.to(f64) : x.to(f64); }

Results quantize_linear(Call& c) {
  const Tensor x = c.tensor(0);
  const auto axis = c.integer("axis", 1);
  const Tensor scale = along(c.tensor(1), axis, x.ndim());
  const ElementType type = c.given(2) ? c.type(2) : ElementType::uint8;
  const Tensor zero = c.given(2) ? along(c.tensor(2), axis, x.ndim()) : Tensor();
  return {quantized(c, x / scale, zero, type)};
}

Results dequantize_linear(Call& c) {
  const Tensor x = c.tensor(0);
  const auto axis = c.integer("axis", 1);
  const ElementType type = c.type(1);
  const Tensor scale = along(c.tensor(1), axis, x.ndim());
  const Tensor zero = c.given(2) ? along(c.tensor(2), axis, x.ndim()) : Tensor();
  return c.out((zero.defined() ? x - zero : x).to(scale.dtype()) * scale, type);
}

/// To uint8, with the range of x and 0.
Results dynamic_quantize_linear(Call& c) {
  const Tensor x = c.tensor(0);
  const Tensor low = minimum(amin(x), 0), high = maximum(amax(x), 0);
  const Tensor scale = (high - low) / 255;
  const Tensor zero = round(clip(0 - low / scale, 0, 255));
  return {quantized(c, x / scale, zero, ElementType::uint8), c.as(scale, c.type(0)),
          Value(zero.to(i64), ElementType::uint8)};
}

/// Zero points of rows (of A) or columns (of B).
Tensor zero_of(Call& c, std::size_t i, bool rows) {
  if (!c.given(i)) return {};
  const Tensor z = c.tensor(i);
  if (z.ndim() != 1 || z.size() == 1) return z.size() == 1 ? reshape(z, {}) : z;
  return rows ? unsqueeze(z, 1) : z;
}

Results matmul_integer(Call& c) {
  const Tensor za = zero_of(c, 2, true), zb = zero_of(c, 3, false);
  const Tensor a = c.tensor(0), b = c.tensor(1);
  return c.out(matmul(centred(a, za), centred(b, zb)).to(i64), ElementType::int32);
}

Results qlinear_matmul(Call& c) {
  const Tensor za = zero_of(c, 2, true), zb = zero_of(c, 5, false), zy = zero_of(c, 7, true);
  const Tensor sa = zero_of(c, 1, true), sb = zero_of(c, 4, false), sy = zero_of(c, 6, true);
  const ElementType type = c.type(7);
  const Tensor product = matmul(centred(c.tensor(0), za), centred(c.tensor(3), zb));
  return {quantized(c, product * (sa.to(f64) * sb.to(f64) / sy.to(f64)), zy, type)};
}

/// One number for each output channel of w [out, in, ..].
Tensor by_filter(const Tensor& v, std::size_t ndim) { return along(v, 0, ndim); }

Results conv_integer(Call& c) {
  const Tensor w = c.tensor(1);
  const Tensor zx = c.given(2) ? reshape(c.tensor(2), {}) : Tensor();
  const Tensor zw = c.given(3) ? by_filter(c.tensor(3), w.ndim()) : Tensor();
  return c.out(convolve(c, centred(c.tensor(0), zx), centred(w, zw), {}).to(i64), ElementType::int32);
}

Results qlinear_conv(Call& c) {
  const Tensor w = c.tensor(3), scale_w = c.tensor(4);
  const ElementType type = c.type(7);
  const Tensor zx = reshape(c.tensor(2), {}), zw = by_filter(c.tensor(5), w.ndim()), zy = reshape(c.tensor(7), {});
  const Tensor b = c.given(8) ? c.tensor(8).to(f64) : Tensor();
  const Tensor y = convolve(c, centred(c.tensor(0), zx), centred(w, zw), b);
  const Tensor factor =
      along(scale_w.to(f64), 1, y.ndim()) * reshape(c.tensor(1), {}).to(f64) / reshape(c.tensor(6), {}).to(f64);
  return {quantized(c, y * factor, zy, type)};
}

constexpr Row quantize_table[] = {
    {"ConvInteger", {10}, conv_integer},
    {"DequantizeLinear", {10, 13, 19}, dequantize_linear, {.settings = input_bits({1, 2})}},
    {"DynamicQuantizeLinear", {11}, dynamic_quantize_linear},
    {"MatMulInteger", {10}, matmul_integer},
    {"QLinearConv", {10}, qlinear_conv, {.settings = input_bits({1, 2, 4, 5, 6, 7})}},
    {"QLinearMatMul", {10}, qlinear_matmul, {.settings = input_bits({1, 2, 4, 5, 6, 7})}},
    {"QuantizeLinear", {10, 13, 19}, quantize_linear, {.settings = input_bits({1, 2})}},
};

}  // namespace

Rows quantize_rows() { return quantize_table; }

}  // namespace newtape::onnx::detail
