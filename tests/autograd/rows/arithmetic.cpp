// SPDX-License-Identifier: BSD-3-Clause
#include "operands.hpp"

#include <newtape/autograd/cotangent.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

const Rows arithmetic{{
    {.name = "add",
     .call = [](Args& x) { return x[0] + x[1]; },
     .scalar = [](Numbers x) { return x[0] + x[1]; },
     .domains = {numbers, numbers},
     .rejects = two_refuse("add", newtape::operator+),
     .integers = true},
    {.name = "sub",
     .call = [](Args& x) { return x[0] - x[1]; },
     .scalar = [](Numbers x) { return x[0] - x[1]; },
     .domains = {numbers, numbers},
     .rejects = two_refuse("sub", newtape::operator-),
     .integers = true},
    {.name = "mul",
     .call = [](Args& x) { return x[0] * x[1]; },
     .scalar = [](Numbers x) { return x[0] * x[1]; },
     .domains = {numbers, numbers},
     .rejects = two_refuse("mul", newtape::operator*),
     .integers = true},
    {.name = "div",
     .call = [](Args& x) { return x[0] / x[1]; },
     .scalar = [](Numbers x) { return x[0] / x[1]; },
     .domains = {numbers, {.low = 0.5, .above = 0}},
     .rejects = two_refuse("div", newtape::operator/)},
    {.name = "div by negative",
     .call = [](Args& x) { return x[0] / x[1]; },
     .scalar = [](Numbers x) { return x[0] / x[1]; },
     .domains = {numbers, {.low = -2, .high = -0.5, .below = 0}},
     .covers = {"div"}},
    {.name = "strong_mul",
     .call = [](Args& x) -> Tensor { return Cotangent(x[0]) * x[1]; },
     .scalar = [](Numbers x) { return x[0] * x[1]; },
     .domains = {numbers, numbers}},
    {.name = "strong_div",
     .call = [](Args& x) -> Tensor { return Cotangent(x[0]) / x[1]; },
     .scalar = [](Numbers x) { return x[0] / x[1]; },
     .domains = {numbers, {.low = 0.5, .above = 0}}},
    {.name = "cotangent_mul",
     .call = [](Args& x) -> Tensor { return Cotangent(x[0]) * Cotangent(x[1]); },
     .scalar = [](Numbers x) { return x[0] * x[1]; },
     .domains = {numbers, numbers}},
    {.name = "neg", .call = [](Args& x) { return -x[0]; }, .scalar = [](Numbers x) { return -x[0]; }, .integers = true},
    {.name = "pow",
     .call = [](Args& x) { return pow(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::pow(x[0], x[1]); },
     .domains = {{.low = 0.5, .high = 3, .above = 0}, numbers},
     .rejects = two_refuse("pow", pow),
     .known = {{{{0, 0, 0}, {1, 2, 0.5 + 1}}, {{1, 0, 0}, {0, 0, 0}}},
               {{{-2, -2}, {2, 3}}, {{-4, 12}, {NAN, NAN}}},
               {{{2, 0}, {0, 0}}, {{0, 0}, {std::log(2.0), 0}}}},
     .integers_apart = true,
     .tolerance_scale = 4},
    {.name = "pow of whole numbers",
     .call = [](Args& x) { return pow(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::pow(x[0], x[1]); },
     .domains = {{.low = -9, .high = 9, .whole = true, .dtype = i64},
                 {.low = 0, .high = 12, .whole = true, .dtype = i64}},
     .rejects = {{Error::value, "pow: an integer to a negative integer power", [] { pow(three_ints(), -1); }}},
     .covers = {"pow"},
     .result = i64,
     .order = 0,
     .reason = "integers have no derivatives"},
    {.name = "pow of zero exponents",
     .call = [](Args& x) { return pow(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::pow(x[0], x[1]); },
     .domains = {{.low = 0.5, .high = 3, .above = 0}, {.low = -1, .high = 2, .whole = true}},
     .covers = {"pow"},
     .integers_apart = true,
     .tolerance_scale = 4},
    {.name = "pow with a number",
     .call = [](Args& x) { return pow(x[0], 3.0); },
     .scalar = [](Numbers x) { return x[0] * x[0] * x[0]; },
     .domains = {{.low = -1, .high = 1, .whole = true}},
     .covers = {"pow"},
     .tolerance_scale = 4},
    {.name = "arithmetic with numbers",
     .call = [](Args& x) { return 2 - (0.5 * (1 + x[0]) - 3) / 2.0; },
     .scalar = [](Numbers x) { return 2 - (0.5L * (1 + x[0]) - 3) / 2; },
     .composite = true,
     .tolerance_scale = 4},
    {.name = "square",
     .call = [](Args& x) { return square(x[0]); },
     .scalar = [](Numbers x) { return x[0] * x[0]; },
     .integers = true},
    {.name = "reciprocal",
     .call = [](Args& x) { return reciprocal(x[0]); },
     .scalar = [](Numbers x) { return 1 / x[0]; },
     .domains = {{.low = 0.5, .high = 3, .above = 0}}},
    {.name = "reciprocal of negative",
     .call = [](Args& x) { return reciprocal(x[0]); },
     .scalar = [](Numbers x) { return 1 / x[0]; },
     .domains = {{.low = -3, .high = -0.5, .below = 0}},
     .covers = {"reciprocal"}},
    {.name = "compound assignment",
     .call =
         [](Args& x) {
           Tensor y = x[0];
           const Tensor b = x[1];
           y += b;
           y -= 0.5;
           y *= b;
           y /= 4;
           return y;
         },
     .scalar = [](Numbers x) { return (x[0] + x[1] - 0.5L) * x[1] / 4; },
     .domains = {numbers, numbers},
     .rejects = {{Error::shape, "[2] and [3]",
                  [] {
                    Tensor y = one_two();
                    y += three();
                  }}},
     .composite = true,
     .tolerance_scale = 16},
    {.name = "hypot",
     .call = [](Args& x) { return hypot(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::hypot(x[0], x[1]); },
     .domains = {{.low = 0.5}, numbers},
     .rejects = two_refuse("hypot", hypot),
     .known = {{{{0, 3, -4}, {0, 4, 3}}, {{0, 0.6, -0.8}, {0, 0.8, 0.6}}}},
     .covers = {"hypot", "hypot_grad", "hypot_slope"},
     .length = true},
    {.name = "abs",
     .call = [](Args& x) { return abs(x[0]); },
     .scalar = [](Numbers x) { return std::abs(x[0]); },
     .domains = {{.avoid = {0}}},
     .known = {{{{-3, 0, 2}}, {{-1, 0, 1}}}},
     .covers = {"abs", "abs_grad"},
     .integers = true},
    {.name = "sign",
     .call = [](Args& x) { return sign(x[0]); },
     .scalar = [](Numbers x) { return x[0] > 0   ? 1.0L
                                      : x[0] < 0 ? -1.0L
                                                 : 0.0L; },
     .domains = {small_whole},
     .integers = true,
     .order = 0,
     .reason = step},
    {.name = "maximum",
     .call = [](Args& x) { return maximum(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::max(x[0], x[1]); },
     .domains = {numbers, numbers},
     .rejects = two_refuse("maximum", maximum),
     .known = {{{{1, 2, 3}, {3, 2, 1}}, {{0, 0.5, 1}, {1, 0.5, 0}}}},
     .distinct = true,
     .integers = true},
    {.name = "minimum",
     .call = [](Args& x) { return minimum(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::min(x[0], x[1]); },
     .domains = {numbers, numbers},
     .rejects = two_refuse("minimum", minimum),
     .known = {{{{1, 2, 3}, {3, 2, 1}}, {{1, 0.5, 0}, {0, 0.5, 1}}}},
     .distinct = true,
     .integers = true},
    {.name = "clip",
     .call = [](Args& x) { return clip(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return std::min(std::max(x[0], x[1]), x[2]); },
     .domains = {{.low = -3, .high = 3}, {.low = -3, .high = 1}, {.low = -1, .high = 3}},
     .rejects = {{Error::dtype, "clip", [] { clip(three(), three_doubles(), 2.0); }},
                 {Error::dtype, "f32 [3] and f64 [3]", [] { clip(three(), 0.0, three_doubles()); }},
                 {Error::shape, "[3] and [2]", [] { clip(three(), one_two(), 2.0); }}},
     .known = {{{{0, 1, 2, 3, 4}, {1, 1, 1, 1, 1}, {3, 3, 3, 3, 3}},
                {{0, 1, 1, 1, 0}, {1, 0, 0, 0, 0}, {0, 0, 0, 0, 1}}}},
     .distinct = true},
    {.name = "lerp",
     .call = [](Args& x) { return lerp(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return x[0] + x[2] * (x[1] - x[0]); },
     .domains = {{.low = 1, .high = 2}, {.low = 2, .high = 3}, {.low = 0, .high = 1}},
     .rejects = {{Error::dtype, "f64 [3] and f32 [3]", [] { lerp(three(), three_doubles(), 0.5); }},
                 {Error::shape, "[2] and [3]", [] { lerp(three(), three(), one_two()); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "where",
     .call = [](Args& x) { return where(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return x[0] != 0 ? x[1] : x[2]; },
     .domains = {flags, numbers, numbers},
     .rejects = {{Error::dtype, "where", [] { where(three(), three(), three()); }},
                 {Error::dtype, "f32 [3] and f64 [3]", [] { where(three_flags(), three(), three_doubles()); }},
                 {Error::shape, "where", [] { where(three_flags(), three(), one_two()); }}}},
    // To f32 and back: rounding requires a large step, which is exact as the operation is linear.
    {.name = "cast",
     .call =
         [](Args& x) {
           const Tensor t = x[0];
           return t.dtype() == f64 ? t.to(f32).to(f64) : t.to(f64).to(f32);
         },
     .scalar = [](Numbers x) { return static_cast<long double>(static_cast<float>(x[0])); },
     .step = 64},
    {.name = "cast to i64",
     .call = [](Args& x) { return static_cast<const Tensor&>(x[0]).to(i64); },
     .scalar = [](Numbers x) { return std::trunc(x[0]); },
     .domains = {{.above = -1e5, .below = 1e5}},
     .covers = {"cast"},
     .result = i64,
     .order = 0,
     .reason = step},
    {.name = "cast to boolean",
     .call = [](Args& x) { return static_cast<const Tensor&>(x[0]).to(boolean); },
     .scalar = [](Numbers x) { return x[0] != 0 ? 1.0L : 0.0L; },
     .domains = {small_whole},
     .covers = {"cast"},
     .integers = true,
     .result = boolean,
     .order = 0,
     .reason = step},
}};

/// Division with remainder also rejects the integer divisor 0.
std::vector<Rejection> division_refuses(const std::string& name, Tensor (*f)(In, In)) {
  auto r = two_refuse(name, f);
  r.push_back({Error::value, name + ": integer division by zero", [f] { f(three_ints(), three_flags().to(i64)); }});
  return r;
}
// Operands away from integral quotients, where the remainder jumps.
const Domain dividends{.low = 4.2, .high = 5.8};
const Domain divisors{.low = 2.05, .high = 2.09, .above = 1e4};  // extreme quotients have no fractional digits
const Domain negative_divisors{.low = -2.09, .high = -2.05, .below = -1e4};
long double floor_remainder(long double a, long double b) { return a - b * std::floor(a / b); }

const Rows divisions{{
    {.name = "remainder",
     .call = [](Args& x) { return remainder(x[0], x[1]); },
     .scalar = [](Numbers x) { return floor_remainder(x[0], x[1]); },
     .domains = {dividends, divisors},
     .rejects = division_refuses("remainder", remainder),
     .known = {{{{5, -5, 5, -5, 6}, {3, 3, -3, -3, 3}}, {{1, 1, 1, 1, 1}, {-1, 2, 2, -1, -2}}}},
     .tolerance_scale = 4},
    {.name = "remainder by negative",
     .call = [](Args& x) { return remainder(x[0], x[1]); },
     .scalar = [](Numbers x) { return floor_remainder(x[0], x[1]); },
     .domains = {dividends, negative_divisors},
     .covers = {"remainder"},
     .tolerance_scale = 4},
    {.name = "remainder of whole numbers",
     .call =
         [](Args& x) {
           const Tensor a = x[0];
           const Tensor b = x[1];
           return remainder(a, b) + 10 * remainder(a, -b);
         },
     .scalar = [](Numbers x) { return floor_remainder(x[0], x[1]) + 10 * floor_remainder(x[0], -x[1]); },
     .domains = {{.low = -9, .high = 9, .whole = true, .dtype = i64},
                 {.low = 1, .high = 4, .whole = true, .dtype = i64}},
     .covers = {"remainder"},
     .result = i64,
     .order = 0,
     .reason = "integers have no derivatives"},
    {.name = "fmod",
     .call = [](Args& x) { return fmod(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::fmod(x[0], x[1]); },
     .domains = {{.low = -5.8, .high = -4.2}, divisors},
     .rejects = division_refuses("fmod", fmod),
     .known = {{{{5, -5, 5, -5, 6}, {3, 3, -3, -3, 3}}, {{1, 1, 1, 1, 1}, {-1, 1, 1, -1, -2}}}},
     .tolerance_scale = 4},
    {.name = "floor_divide",
     .call = [](Args& x) { return floor_divide(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::floor(x[0] / x[1]); },
     .domains = {{.low = -9, .high = 9, .above = -1e4, .below = 1e4, .whole = true},
                 {.low = 1, .high = 4, .above = 1, .whole = true}},
     .rejects = division_refuses("floor_divide", floor_divide),
     .integers = true,
     .order = 0,
     .reason = step},
    {.name = "floor_divide by negative",
     .call = [](Args& x) { return floor_divide(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::floor(x[0] / x[1]); },
     .domains = {{.low = -9, .high = 9, .above = -1e4, .below = 1e4, .whole = true},
                 {.low = -4, .high = -1, .below = -1, .whole = true}},
     .covers = {"floor_divide"},
     .integers = true,
     .order = 0,
     .reason = step},
}};

Row to_whole(const std::string& name, Tensor (*f)(In), long double (*reference)(long double)) {
  return {.name = name,
          .call = [f](Args& x) { return f(0.5 * x[0]); },  // halves occur
          .scalar = [reference](Numbers x) { return reference(0.5L * x[0]); },
          .domains = {{.low = -9, .high = 9, .whole = true}},
          .rejects = {{Error::dtype, name, [f] { f(three_flags()); }}},
          .order = 0,
          .reason = step};
}

const Rows roundings{{
    to_whole("floor", floor, std::floor),
    to_whole("ceil", ceil, std::ceil),
    to_whole("round", round, std::nearbyint),
    to_whole("trunc", trunc, std::trunc),
}};

}  // namespace
}  // namespace newtape::table
