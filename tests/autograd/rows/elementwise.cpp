// SPDX-License-Identifier: BSD-3-Clause
// References are the C library's functions in long double, or the definition.
#include <newtape/core/xtensor.hpp>
#include "../table.hpp"

#include <cmath>

namespace newtape::table {
namespace {

using Numbers = const long double*;

/// Functions of floats: integers are refused.
std::vector<Rejection> refuse_integers(const std::string& name, Tensor (*f)(In)) {
  const auto call = [f] { f(Tensor(xt::xarray<std::int64_t>{1, 2, 3})); };
  return {{Error::dtype, name, call}, {Error::dtype, "i64", call}};
}

Row function(const std::string& name, Tensor (*f)(In), long double (*reference)(long double), Domain domain = {},
             double slack = 1) {
  return {.name = name,
          .call = [f](Args& x) { return f(x[0]); },
          .scalar = [reference](Numbers x) { return reference(x[0]); },
          .domains = {domain},
          .rejects = refuse_integers(name, f),
          .slack = slack};
}

long double phi(long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }  // the normal distribution

const Rows functions{{
    function("exp", exp, std::exp),
    function("expm1", expm1, std::expm1),
    function("log", log, std::log, {.low = 0.3, .high = 4, .above = 0}),
    function("log1p", log1p, std::log1p, {.low = -0.7, .high = 3, .above = -1}),
    function("sqrt", sqrt, std::sqrt, {.low = 0.3, .high = 4, .above = 0}),
    function("sin", sin, std::sin, {.low = -9, .high = 9}, 4),
    function("cos", cos, std::cos, {.low = -9, .high = 9}, 4),
    [] {
      Row row = function("tanh", tanh, std::tanh);
      row.covers = {"tanh", "tanh_grad"};  // its second derivatives are made of that
      return row;
    }(),
    function("erf", erf, std::erf),
    function("sigmoid", sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, {.low = -4, .high = 4}),
    function("softplus", softplus, [](long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); },
             {.low = -4, .high = 4}),
    // 1 + erf cancels far to the left, where the result is small against 1.
    function(
        "gelu", gelu, [](long double x) { return x * phi(x); }, {.low = -2, .high = 4}, 8),
    {.name = "relu",
     .call = [](Args& x) { return relu(x[0]); },
     .scalar = [](Numbers x) { return std::max(x[0], 0.0L); },
     .domains = {{.avoid = {0}}},
     .known = {{{{-1, 0, 1}}, {{0, 0, 1}}}},
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
