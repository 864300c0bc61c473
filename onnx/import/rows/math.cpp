// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>

/// Elementwise arithmetic and elementary functions.
namespace newtape::onnx::detail {

Tensor second_operand(Call& c) {
  Tensor b = c.tensor(1);
  const auto* axis = c.find("axis");
  if (c.since() >= 7 || axis == nullptr || b.ndim() == 0) return b;
  const std::size_t ndim = c.value(0).shape().size();
  const auto first = static_cast<std::size_t>(from_front(axis->i, ndim));
  Shape shape = b.shape();
  while (first + shape.size() < ndim) shape.push_back(1);
  return reshape(std::move(b), shape);
}

namespace {

template <Tensor (*f)(In, In)>
Results arithmetic(Call& c) {
  const ElementType type = c.type(0);
  Tensor b = second_operand(c);
  Tensor a = c.tensor(0);
  return c.out(f(std::move(a), std::move(b)), type);
}

Results divide(Call& c) {
  Tensor b = second_operand(c);
  Tensor a = c.tensor(0);
  if (a.dtype() != i64) return c.out(std::move(a) / std::move(b));
  const bool is_unsigned = c.type(0) == ElementType::uint64;
  return c.out(zip_integers(a, b, [&](std::int64_t x, std::int64_t y) -> std::int64_t {
    if (y == 0) c.fail("division of integers by zero");
    if (is_unsigned) return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) / static_cast<std::uint64_t>(y));
    return y == -1 ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(x)) : x / y;
  }));
}

Results modulo(Call& c) {
  const bool is_fmod = c.integer("fmod", 0) != 0;
  Tensor a = c.tensor(0), b = c.tensor(1);
  if (a.dtype() != i64) {
    if (!is_fmod) c.fail("Mod of floats needs fmod = 1");
    return c.out(fmod(std::move(a), std::move(b)));
  }
  const bool is_unsigned = c.type(0) == ElementType::uint64;
  return c.out(zip_integers(a, b, [&](std::int64_t x, std::int64_t y) -> std::int64_t {
    if (y == 0) c.fail("division of integers by zero");
    if (is_unsigned) return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) % static_cast<std::uint64_t>(y));
    const std::int64_t r = y == -1 ? 0 : x % y;
    return !is_fmod && r != 0 && (r < 0) != (y < 0) ? r + y : r;
  }));
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  std::uint64_t result = 1, factor = static_cast<std::uint64_t>(base);
  for (auto n = static_cast<std::uint64_t>(exponent); n != 0; n >>= 1, factor *= factor) {
    if ((n & 1U) != 0) result *= factor;
  }
  return static_cast<std::int64_t>(result);
}

Results power(Call& c) {
  Tensor b = second_operand(c);
  Tensor a = c.tensor(0);
  if (a.dtype() == i64 && b.dtype() == i64) return c.out(zip_integers(a, b, integer_power));
  if (a.dtype() == i64) return c.out(pow(a.to(f64), b.to(f64)).to(i64), c.type(0));
  if (b.dtype() != a.dtype()) b = b.to(a.dtype());
  return c.out(pow(std::move(a), std::move(b)));
}

template <Tensor (*f)(In, In)>
Results variadic(Call& c) {
  if (c.size() == 0) c.fail("there are no inputs");
  Tensor y = c.tensor(0);
  for (std::size_t i = 1; i < c.size(); ++i) y = f(std::move(y), c.tensor(i));
  return c.out(std::move(y));
}

/// maximum or minimum; of uint64 in the order of the bits.
template <Tensor (*f)(In, In), bool largest>
Results extreme(Call& c) {
  if (c.size() == 0) c.fail("there are no inputs");
  if (c.type(0) != ElementType::uint64) return variadic<f>(c);
  Tensor y = c.tensor(0);
  for (std::size_t i = 1; i < c.size(); ++i) {
    y = zip_integers(y, c.tensor(i), [](std::int64_t a, std::int64_t b) {
      return (static_cast<std::uint64_t>(a) > static_cast<std::uint64_t>(b)) == largest ? a : b;
    });
  }
  return c.out(std::move(y));
}

Results average(Call& c) {
  const auto n = static_cast<double>(c.size());
  Results sum = variadic < newtape::operator+>(c);
  return c.out(std::move(sum[0]).tensor() / n);
}

Results clip_row(Call& c) {
  const bool attributes = c.since() < 11;
  Tensor x = c.tensor(0);
  const auto bound = [&](const char* name, std::size_t i) -> Tensor {
    if (attributes) return c.has(name) ? full({}, c.real(name), x.dtype()) : Tensor();
    return c.given(i) ? c.tensor(i) : Tensor();
  };
  const Tensor low = bound("min", 1), high = bound("max", 2);
  if (low.defined())
    x = high.defined() ? clip(std::move(x), low, high) : clip(std::move(x), low);
  else if (high.defined())
    x = clip(std::move(x), std::nullopt, high);
  return c.out(std::move(x));
}

Results shift(Call& c) {
  const auto direction = c.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") c.fail("unknown direction", "LEFT or RIGHT", direction);
  const bool left = direction == "LEFT";
  return c.out(zip_integers(c.tensor(0), c.tensor(1), [&](std::int64_t x, std::int64_t n) -> std::int64_t {
    if (n < 0 || n > 63) return 0;
    const auto bits = static_cast<std::uint64_t>(x);
    return static_cast<std::int64_t>(left ? bits << n : bits >> n);
  }));
}

constexpr Row math_table[] = {
    {"Abs", {1, 6, 13}, unary<newtape::abs>}, {"Acos", {7, 22}, unary<newtape::acos>},
    {"Acosh", {9, 22}, unary<newtape::acosh>},
    {"Add", {1, 6, 7, 13, 14}, arithmetic < newtape::operator+> }, {"Asin", {7, 22}, unary<newtape::asin>},
     {"Asinh", {9, 22}, unary<newtape::asinh>}, {"Atan", {7, 22}, unary<newtape::atan>},
     {"Atanh", {9, 22}, unary<newtape::atanh>}, {"BitShift", {11}, shift}, {"Ceil", {1, 6, 13}, unary<newtape::ceil>},
     {"Clip", {1, 6, 11, 12, 13}, clip_row, {.settings = input_bits({1, 2})}}, {"Cos", {7, 22}, unary<newtape::cos>},
     {"Cosh", {9, 22}, unary<newtape::cosh>}, {"Div", {1, 6, 7, 13, 14}, divide}, {"Erf", {9, 13}, unary<newtape::erf>},
     {"Exp", {1, 6, 13}, unary<newtape::exp>}, {"Floor", {1, 6, 13}, unary<newtape::floor>},
     {"Log", {1, 6, 13}, unary<newtape::log>}, {"Max", {1, 6, 8, 12, 13}, extreme<newtape::maximum, true>},
     {"Mean", {1, 6, 8, 13}, average}, {"Min", {1, 6, 8, 12, 13}, extreme<newtape::minimum, false>},
     {"Mod", {10, 13}, modulo},
     {"Mul", {1, 6, 7, 13, 14}, arithmetic < newtape::operator*> }, {"Neg", {1, 6, 13}, unary<(newtape::operator-)>},
      {"Pow", {1, 7, 12, 13, 15}, power}, {"Reciprocal", {1, 6, 13}, unary<newtape::reciprocal>},
      {"Round", {11, 22}, unary<newtape::round>}, {"Sign", {9, 13}, unary<newtape::sign>},
      {"Sin", {7, 22}, unary<newtape::sin>}, {"Sinh", {9, 22}, unary<newtape::sinh>},
      {"Sqrt", {1, 6, 13}, unary<newtape::sqrt>}, {"Sub", {1, 6, 7, 13, 14}, arithmetic<(newtape::operator-)>},
      {
          "Sum",
          {1, 6, 8, 13},
          variadic < newtape::operator+> },
          {"Tan", {7, 22}, unary<newtape::tan>},
     };

}  // namespace

Rows math_rows() { return math_table; }

}  // namespace newtape::onnx::detail
