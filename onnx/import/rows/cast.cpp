// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/core/runtime/from_chars.hpp>
#include <newtape/onnx/format/tensor.hpp>
#include <newtape/onnx/import/rows/cast.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <limits>

/// Conversions of elements, and constants.
namespace newtape::onnx::detail {
namespace {

/// The nearest number with `bits` fraction bits, halves to even; of a normal number.
float round_fraction(float x, int bits) {
  const int drop = 23 - bits;
  auto u = std::bit_cast<std::uint32_t>(x);
  u += (1U << (drop - 1)) - 1U + ((u >> drop) & 1U);
  return std::bit_cast<float>(u & ~((1U << drop) - 1U));
}

float round_to_half(float x) {
  if (!std::isfinite(x)) return x;
  if (std::fabs(x) < 0x1p-14F) return std::nearbyint(x * 0x1p24F) * 0x1p-24F;
  const float y = round_fraction(x, 10);
  return std::fabs(y) > 65504 ? std::copysign(std::numeric_limits<float>::infinity(), x) : y;
}

float round_to_bfloat(float x) { return std::isfinite(x) ? round_fraction(x, 7) : x; }

std::string text_of(double x, ElementType from) {
  if (std::isnan(x)) return "NaN";
  if (std::isinf(x)) return x > 0 ? "INF" : "-INF";
  if (from == ElementType::float64) return fmt::format("{}", x);
  return is_floating(from) ? fmt::format("{}", static_cast<float>(x)) : fmt::format("{}", x);
}

double number_of_text(const std::string& text) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char ch) { return std::tolower(ch); });
  const bool negative = !lower.empty() && lower[0] == '-';
  const bool sign = negative || (!lower.empty() && lower[0] == '+');
  const std::string_view digits = std::string_view(lower).substr(sign ? 1 : 0);
  double value = 0;
  if (digits == "inf" || digits == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (digits == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    const auto [end, error] = newtape::detail::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() || digits[0] == '-') {
      raise<ValueError>("Cast: a string is not a number", "digits, INF or NaN", "'" + text + "'");
    }
  }
  return negative ? -value : value;
}

Value strings_from(const Value& x) {
  Strings strings{x.shape(), {}};
  if (x.tensor().dtype() == i64) {
    for (const auto v : integers_of(x.tensor().value())) strings.values.push_back(std::to_string(v));
  } else {
    for (const auto v : reals_of(x.tensor().value())) strings.values.push_back(text_of(v, x.type()));
  }
  return Value(std::move(strings));
}

/// x rounded by `round`, with derivative 1.
template <class F>
Tensor rounded(const Tensor& x, F&& round) {
  const Array from = core::contiguous(x.value());
  Array to = Array::empty(from.shape(), from.dtype());
  visit_dtype(from.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      for (std::int64_t i = 0; i < from.size(); ++i) {
        to.data<T>()[i] = static_cast<T>(round(static_cast<float>(from.data<T>()[i])));
      }
    }
  });
  if (!x.requires_grad()) return Tensor(std::move(to));
  // Where x is infinite or becomes so the difference is no number.
  const Tensor result(std::move(to)), moved = x + (result - x.detach());
  return where(isfinite(moved), moved, result);
}

/// Truncated; as processors do where it does not fit.
Tensor to_integers(const Tensor& x) {
  Array to = Array::empty(x.shape(), i64);
  auto* p = to.data<std::int64_t>();
  for (const double v : reals_of(x.value())) {
    *p++ = v >= -0x1p63 && v < 0x1p63  ? static_cast<std::int64_t>(v)
           : v >= 0x1p63 && v < 0x1p64 ? static_cast<std::int64_t>(static_cast<std::uint64_t>(v))
                                       : std::numeric_limits<std::int64_t>::min();
  }
  return Tensor(std::move(to));
}

ElementType type_of_name(Call& c, std::string_view text) {
  for (int i = 1; i <= 16; ++i) {
    std::string upper(name(static_cast<ElementType>(i)));
    if (upper == "float32") upper = "float";
    if (upper == "float64") upper = "double";
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char ch) { return std::toupper(ch); });
    if (upper == text) return static_cast<ElementType>(i);
  }
  c.fail("unknown type of elements", "FLOAT, INT64, ..", text);
}

Results cast_row(Call& c) {
  if (c.since() < 6) return {cast(c, c.value(0), type_of_name(c, c.text("to", "")))};
  return {cast(c, c.value(0), element_type(c, c.integer("to")))};
}

Results constant_row(Call& c) {
  format::TensorReader reader(c.context().plan->origin, c.context().plan->file, "");
  for (const auto& a : c.step().node->attributes) {
    if (a.name == "value") return {reader.value(a.tensors.at(0))};
    if (a.name == "sparse_value") return {reader.value(a.sparse_tensors.at(0))};
    if (a.name == "value_float") return {Value(tensor(a.f))};
    if (a.name == "value_floats") return {Value(tensor(a.floats))};
    if (a.name == "value_int") return {Value(tensor(a.i, i64))};
    if (a.name == "value_ints") return {Value(tensor(a.ints))};
    if (a.name == "value_string") return {Value(Strings{{}, {std::string(a.s)}})};
    if (a.name == "value_strings") {
      return {Value(Strings{{static_cast<std::int64_t>(a.strings.size())}, {a.strings.begin(), a.strings.end()}})};
    }
  }
  c.fail("there is no value");
}

constexpr Row cast_table[] = {
    {"Cast", {1, 6, 9, 13, 19, 21}, cast_row},
    {"CastLike", {15, 19, 21}, [](Call& c) { return Results{cast(c, c.value(0), c.type(1))}; }},
    {"Constant", {1, 9, 11, 12, 13, 19, 21}, constant_row},
};

}  // namespace

ElementType element_type(Call& c, std::int64_t number) {
  if (number < 1 || number > 16 || number == 14 || number == 15) {
    c.fail("unsupported type of elements", "TensorProto.DataType 1 to 13 or 16", std::to_string(number));
  }
  return static_cast<ElementType>(number);
}

Value cast(Call& c, const Value& x, ElementType type) {
  if (type == ElementType::string) return x.kind() == Value::Kind::strings ? x : strings_from(x);
  if (x.kind() == Value::Kind::strings) {
    std::vector<double> numbers;
    for (const auto& text : x.strings().values) numbers.push_back(number_of_text(text));
    return cast(c, Value(tensor(numbers, x.shape(), f64)), type);
  }
  Tensor y = x.tensor();
  if (type == ElementType::boolean) return Value(y.to(boolean), type);
  if (is_integer(type)) return c.as(newtape::is_floating(y.dtype()) ? to_integers(y) : y.to(i64), type);
  if (x.type() == ElementType::uint64 && y.dtype() == i64) {
    const Tensor wide = where(y < 0, y.to(f64) + 0x1p64, y.to(f64));
    return Value(wide.to(c.dtype_of(type)), type);
  }
  y = y.to(c.dtype_of(type));
  if (type == ElementType::float16 && x.type() != type) y = rounded(y, round_to_half);
  if (type == ElementType::bfloat16 && x.type() != type) y = rounded(y, round_to_bfloat);
  return Value(std::move(y), type);
}

Rows cast_rows() { return cast_table; }

}  // namespace newtape::onnx::detail
