// SPDX-License-Identifier: BSD-3-Clause
// References are the C library's functions in long double.
#include "operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>

#include <cmath>

namespace newtape::table {
namespace {

const Domain positive_numbers{.low = 0.3, .high = 4, .above = 0};
const Domain negative_numbers{.low = -4, .high = -0.3, .below = 0};
const Domain inside_unit{.low = -0.8, .high = 0.8, .above = -1, .below = 1};
long double rsqrt_of(long double x) { return 1 / std::sqrt(x); }

const Rows elementwise_functions{{
    function("exp", exp, std::exp),
    function("expm1", expm1, std::expm1),
    function("exp2", exp2, std::exp2),
    function("log", log, std::log, positive_numbers),
    function("log1p", log1p, std::log1p, {.low = -0.7, .high = 3, .above = -1}),
    function("log2", log2, std::log2, positive_numbers),
    function("log10", log10, std::log10, positive_numbers),
    function("sqrt", sqrt, std::sqrt, positive_numbers),
    function("rsqrt", rsqrt, rsqrt_of, positive_numbers),
    function("cbrt", cbrt, std::cbrt, positive_numbers),
    part(function("cbrt", cbrt, std::cbrt, negative_numbers), "cbrt of negative"),
    function("sin", sin, std::sin, {.low = -9, .high = 9}, 4),
    function("cos", cos, std::cos, {.low = -9, .high = 9}, 4),
    function("tan", tan, std::tan, {.low = -1.2, .high = 1.2}, 4),
    [] {
      Row row = function("asin", asin, std::asin, inside_unit);
      row.covers = {"asin", "asin_slope"};
      return row;
    }(),
    function("acos", acos, std::acos, inside_unit),
    function("atan", atan, std::atan),
    {.name = "atan2",
     .call = [](Args& x) { return atan2(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::atan2(x[0], x[1]); },
     .domains = {{.low = 0.5}, numbers},
     .rejects = two_refuse("atan2", atan2),
     .known = {{{{0, 1, 0}, {0, 0, -2}}, {{0, 0, -0.5}, {0, -1, 0}}}}},
    function("sinh", sinh, std::sinh),
    function("cosh", cosh, std::cosh),
    [] {
      Row row = function("tanh", tanh, std::tanh);
      row.covers = {"tanh", "tanh_slope"};  // the rule, and that of the sigmoid
      return row;
    }(),
    function("asinh", asinh, std::asinh),
    function("acosh", acosh, std::acosh, {.low = 1.3, .high = 4, .above = 1}),
    function("atanh", atanh, std::atanh, inside_unit),
}};

}  // namespace
}  // namespace newtape::table
