// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/number_parts.hpp>

#include <cmath>
#include <numbers>

namespace newtape::table {
namespace {

const Domain whole_numbers{.low = -40, .high = 40, .dtype = i64};
const Domain exponents{.low = -3, .high = 3, .dtype = i64};

/// Values where there are no differences: beside a jump, or of NaN.
Row at_a_jump(const std::string& name, const std::vector<std::string>& cases, Tensor (*f)(In, In)) {
  std::vector<StoredCase> calls;
  for (const auto& c : cases) {
    calls.push_back({c, [f](Args& x) { return f(x[0].tensor().detach(), x[1].tensor().detach()); }});
  }
  return {.name = name,
          .samples = stored(name, calls),
          .composite = true,
          .order = 0,
          .reason = "it has no derivative there; see the row of the function"};
}
Values scaled_by_powers(const std::vector<Values>& x) {
  Values y(broadcast_shapes("reference", x[0].shape, x[1].shape));
  for_each_index(y.shape, [&](const Dims& i) { y[i] = std::ldexp(x[0][i], static_cast<int>(x[1][i])); });
  return y;
}
Row composed(Row row) {
  row.composite = true;
  return row;
}
Row divisors(const std::string& name, Tensor (*f)(In, In)) {
  const Call both = [f](Args& x) { return f(x[0], x[1]); };
  return {.name = name,
          .domains = {whole_numbers},
          .samples = stored(name, {{"plain", both}, {"empty", both}}),
          .rejects = {{Error::dtype, "i64", [f] { f(three(), three()); }},
                      {Error::shape, "[3] and [2]",
                       [f] {
                         f(three_ints(), tensor({1, 2}));
                       }}},
          .result = i64,
          .order = 0,
          .reason = "integers have no derivatives"};
}

const Rows number_rows{{
    {.name = "fmax",
     .call = [](Args& x) { return fmax(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::fmax(x[0], x[1]); },
     .domains = {{}, {}},
     .rejects = two_refuse("fmax", fmax),
     .known = {{{{2, 3, std::nan("")}, {2, 1, 4}}, {{0.5, 1, 0}, {0.5, 0, 1}}}},
     .distinct = true,
     .integers = true},
    {.name = "fmin",
     .call = [](Args& x) { return fmin(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::fmin(x[0], x[1]); },
     .domains = {{}, {}},
     .rejects = two_refuse("fmin", fmin),
     .known = {{{{2, 3, std::nan("")}, {2, 1, 4}}, {{0.5, 0, 0}, {0.5, 1, 1}}}},
     .distinct = true,
     .integers = true},
    at_a_jump("fmax of NaN", {"nan", "empty"}, fmax),
    at_a_jump("fmin of NaN", {"nan", "empty"}, fmin),
    {.name = "signbit",
     .samples = stored("signbit", {{"plain", [](Args& x) { return signbit(x[0]); }},
                                   {"empty", [](Args& x) { return signbit(x[0]); }}}),
     .integers = false,
     .result = boolean,
     .order = 0,
     .reason = step},
    {.name = "copysign",
     .call = [](Args& x) { return copysign(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::copysign(x[0], x[1]); },
     .domains = {{.avoid = {0}}, {.avoid = {0}}},
     .rejects = two_refuse("copysign", copysign),
     .known = {{{{0, -2, 3}, {1, 1, -1}}, {{0, -1, -1}, {0, 0, 0}}}}},
    at_a_jump("copysign of zeros", {"plain", "empty"}, copysign),
    {.name = "frac",
     .call = [](Args& x) { return frac(x[0]); },
     .scalar = [](Numbers x) { return x[0] - std::trunc(x[0]); },
     .domains = {{.avoid = {-1, 0, 1}}},
     .known = {{{{1.5, -1.75, 2}}, {{1, 1, 1}}}},
     .composite = true,
     .integers = true},
    {.name = "heaviside",
     .call = [](Args& x) { return heaviside(x[0], x[1]); },
     .scalar = [](Numbers x) { return x[0] == 0  ? x[1]
                                      : x[0] > 0 ? 1
                                                 : 0; },
     .domains = {{.avoid = {0}}, {}},
     .rejects = two_refuse("heaviside", heaviside),
     .known = {{{{0, -2, 3}, {5, 5, 5}}, {{0, 0, 0}, {1, 0, 0}}}},
     .integers = true},
    at_a_jump("heaviside at 0", {"plain", "broadcast", "empty"}, heaviside),
    {.name = "ldexp",
     .call = [](Args& x) { return ldexp(x[0], x[1]); },
     .domains = {{.above = -1e3, .below = 1e3}, exponents},
     .samples = {{{{}, {}}, {}, scaled_by_powers},
                 {{{2, 3}, {3}}, {}, scaled_by_powers},
                 {{{3}, {2, 1}}, {}, scaled_by_powers},
                 {{{0}, {1}}, {}, scaled_by_powers}},
     .rejects = {{Error::dtype, "integer", [] { ldexp(three(), three()); }},
                 {Error::shape, "[3] and [2]",
                  [] {
                    ldexp(three(), tensor({1, 2}));
                  }}}},
    {.name = "ldexp of integers",
     .domains = {{}, exponents},
     .samples = stored("ldexp of integers", {{"plain", [](Args& x) { return ldexp(x[0], x[1]); }},
                                             {"far", [](Args& x) { return ldexp(x[0], x[1]); }},
                                             {"empty", [](Args& x) { return ldexp(x[0], x[1]); }}}),
     .composite = true},
    {.name = "frexp",
     .call = [](Args& x) { return frexp(x[0]).mantissa; },
     .scalar =
         [](Numbers x) {
           int e = 0;
           return std::frexp(x[0], &e);
         },
     .domains = {{.low = 1.1, .high = 1.9, .above = 1e-5, .below = 1e6}},
     .composite = true},
    {.name = "frexp's exponent",
     .samples = stored("frexp's exponent", {{"exponent", [](Args& x) { return frexp(x[0]).exponent; }},
                                            {"empty", [](Args& x) { return frexp(x[0]).exponent; }}}),
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = step},
    {.name = "nextafter",
     .call = [](Args& x) { return nextafter(x[0], x[1]); },
     .scalar = [](Numbers x) { return x[0]; },  // exactly in number_parts_test.cpp
     .domains = {{}, {}},
     .rejects = two_refuse("nextafter", nextafter)},
    divisors("gcd", gcd),
    divisors("lcm", lcm),
    composed(function("deg2rad", deg2rad, [](long double x) { return x * std::numbers::pi_v<long double> / 180; })),
    composed(function("rad2deg", rad2deg, [](long double x) { return x * 180 / std::numbers::pi_v<long double>; })),
    {.name = "addcmul",
     .call = [](Args& x) { return addcmul(x[0], x[1], x[2], -0.5); },
     .scalar = [](Numbers x) { return x[0] - x[1] * x[2] / 2; },
     .domains = {{.above = 0, .below = 1e3}, {.above = -1e-3, .below = 0}, {.low = 0.1, .above = 0, .below = 1e3}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "addcdiv",
     .call = [](Args& x) { return addcdiv(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return x[0] + x[1] / x[2]; },
     .domains = {{.low = 0, .above = 0, .below = 1e3},
                 {.low = 0, .above = 0, .below = 1e3},
                 {.low = 0.5, .above = 1, .below = 1e3}},
     .composite = true,
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
