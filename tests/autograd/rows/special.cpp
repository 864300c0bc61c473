// SPDX-License-Identifier: BSD-3-Clause
// References are the C library's functions in long double, or those of special.hpp.
#include "special.hpp"
#include "operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/special.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::table {
namespace {

using namespace special;

template <int n>
Row polygamma_row(const std::string& name, Domain domain) {
  return {.name = name,
          .call = [](Args& x) { return polygamma(n, x[0]); },
          .scalar = [](Numbers x) { return polygamma_of(n, x[0]); },
          .domains = {domain},
          .covers = {"polygamma"},
          .tolerance_scale = 4};
}

/// Of the first or the second kind.
Row bessel_row(int n, const std::string& name, Tensor (*f)(In), Domain domain, bool second = false) {
  const long double sign = n < 0 && n % 2 != 0 ? -1 : 1;
  const int order = std::abs(n);
  return {.name = name,
          .call = [f](Args& x) { return f(x[0]); },
          .scalar = [=](Numbers x) { return sign * (second ? bessel_y_of(order, x[0]) : bessel_j_of(order, x[0])); },
          .domains = {domain},
          .covers = {second ? "bessel_y" : "bessel_j"},
          .tolerance_scale = 8};
}

constexpr double infinity = std::numeric_limits<double>::infinity();
const Domain positive_arguments{.low = 0.5, .high = 5, .above = 0};
const Domain between_poles{.low = -1.75, .high = -1.25, .below = 0};

/// -inf is the zero of the log semiring: a sum of nothing else has no derivative. Equal infinities share theirs.
const std::vector<Known> log_sums_at_infinity{
    {{{1, -1e4, -infinity, -infinity, infinity, infinity}, {1, 1e4, -infinity, 3, 3, infinity}},
     {{0.5, 0, 0, 0, 1, 0.5}, {0.5, 1, 0, 1, 0, 0.5}}}};

const Rows specials{{
    [] {
      Row row = function("erf", erf, std::erf);
      row.covers = {"erf", "gaussian"};
      return row;
    }(),
    function("erfc", erfc, std::erfc),
    function("erfinv", erfinv, erfinv_of, {.low = -0.9, .high = 0.9, .above = -1, .below = 1}),
    function("erfcx", erfcx, erfcx_of, {}, 8),
    function("ndtr", ndtr, ndtr_of),
    function("log_ndtr", log_ndtr, log_ndtr_of, {.low = -4, .high = 3}),
    function("ndtri", ndtri, ndtri_of, {.low = 0.02, .high = 0.98, .above = 0, .below = 1}),
    function("entr", entr, entr_of, {.low = 0.1, .high = 2, .above = 0}),
    function("logit", [](In x) { return logit(std::move(x)); }, logit_of,
             {.low = 0.1, .high = 0.9, .above = 0, .below = 1}),
    {.name = "logit, clipped",
     .call = [](Args& x) { return logit(x[0], 0.25); },
     .scalar = [](Numbers x) { return logit_of(std::clamp(x[0], 0.25L, 0.75L)); },
     .domains = {{.low = -0.5, .high = 1.5, .avoid = {0.25, 0.75}}},
     .covers = {"logit"}},
    function("i0", i0, [](long double x) { return bessel_i_of(0, x); }, {.above = -200, .below = 200}),
    part(function("i0", i1, [](long double x) { return bessel_i_of(1, x); }), "i1"),
    function(
        "i0e", i0e, [](long double x) { return scaled_bessel_i_of(0, x); }, {.avoid = {0}, .below = 1e4}, 8),
    part(function(
             "i0e", i0e, [](long double x) { return scaled_bessel_i_of(0, x); }, {.low = 98, .high = 102}, 8),
         "i0e of large"),
    function(
        "i1e", i1e, [](long double x) { return scaled_bessel_i_of(1, x); }, {.avoid = {0}, .below = 1e4}, 8),
    bessel_row(0, "bessel_j0", bessel_j0, {.above = -1e3, .below = 1e3}),
    bessel_row(1, "bessel_j1", bessel_j1, {.low = -3, .high = 3, .above = -1e3, .below = 1e3}),
    bessel_row(-3, "bessel_jn", [](In x) { return bessel_jn(-3, std::move(x)); },
               {.low = 0.5, .high = 4, .above = -1e3, .below = 1e3}),
    bessel_row(0, "bessel_y0", bessel_y0, {.low = 1.2, .high = 3.5, .above = 0, .below = 1e3}, true),
    bessel_row(1, "bessel_y1", bessel_y1, {.low = 2.5, .high = 5, .above = 0, .below = 1e3}, true),
    bessel_row(
        -2, "bessel_yn", [](In x) { return bessel_yn(-2, std::move(x)); },
        {.low = 0.5, .high = 3, .above = 0, .below = 1e3}, true),
    function("lgamma", lgamma, lgamma_of, {.low = 2.5, .high = 6, .above = 0}),
    part(function("lgamma", lgamma, lgamma_of, between_poles, 4), "lgamma of negative"),
    function("digamma", digamma, digamma_of, {.low = 1.7, .high = 6, .above = 0}),
    part(function("digamma", digamma, digamma_of, {.low = -0.9, .high = -0.6, .below = 0}, 8), "digamma of negative"),
    polygamma_row<1>("polygamma 1", positive_arguments),
    polygamma_row<2>("polygamma 2", positive_arguments),
    polygamma_row<1>("polygamma 1 of negative", between_poles),
    polygamma_row<4>("polygamma 4 of negative", {.low = -1.4, .high = -1.2, .below = 0}),
    {.name = "polygamma 0",
     .call = [](Args& x) { return polygamma(0, x[0]); },
     .scalar = [](Numbers x) { return digamma_of(x[0]); },
     .domains = {{.low = 1.7, .high = 6, .above = 0}},
     .rejects = {{Error::value, "polygamma: the order", [] { polygamma(-1, three()); }}},
     .covers = {"digamma"}},
    function("sinc", sinc, sinc_of, {.low = -0.9, .high = 0.9, .above = -1e3, .below = 1e3}),
    // At 0, where the quotient is undefined: the derivatives of 1 - (pi x)^2 / 6 + ...
    {.name = "sinc at 0",
     .call = [](Args& x) { return sinc(0.0 * x[0]) + sinc(1e-9 * x[1]) + sinc(x[2]); },
     .scalar = [](Numbers x) { return sinc_of(0) + sinc_of(1e-9L * x[1]) + sinc_of(x[2]); },
     .domains = {numbers, numbers, {.low = -2, .high = 2, .above = -1e3, .below = 1e3, .whole = true}},
     .covers = {"sinc"}},
    {.name = "logaddexp",
     .call = [](Args& x) { return logaddexp(x[0], x[1]); },
     .scalar = [](Numbers x) { return logaddexp_of(x[0], x[1]); },
     .domains = {numbers, numbers},
     .rejects = two_refuse("logaddexp", logaddexp),
     .known = log_sums_at_infinity,
     .covers = {"logaddexp", "logaddexp_slope"},
     .tolerance_scale = 4},
    {.name = "logaddexp2",
     .call = [](Args& x) { return logaddexp2(x[0], x[1]); },
     .scalar =
         [](Numbers x) {
           return std::max(x[0], x[1]) + std::log1p(std::exp2(-std::abs(x[0] - x[1]))) / std::log(2.0L);
         },
     .domains = {numbers, numbers},
     .rejects = two_refuse("logaddexp2", logaddexp2),
     .known = log_sums_at_infinity,
     .tolerance_scale = 4},
    {.name = "xlogy",
     .call = [](Args& x) { return xlogy(x[0], x[1]); },
     .scalar = [](Numbers x) { return x[0] == 0 ? 0 : x[0] * std::log(x[1]); },
     .domains = {numbers, {.low = 0.4, .high = 4, .above = 0}},
     .rejects = two_refuse("xlogy", xlogy),
     .known = {{{{0, 0, 0}, {0, 1, 2}}, {{0, 0, std::log(2.0)}, {0, 0, 0}}}}},
    {.name = "xlog1py",
     .call = [](Args& x) { return xlog1py(x[0], x[1]); },
     .scalar = [](Numbers x) { return x[0] == 0 ? 0 : x[0] * std::log1p(x[1]); },
     .domains = {numbers, {.low = -0.6, .high = 3, .above = -1}},
     .rejects = two_refuse("xlog1py", xlog1py),
     .known = {{{{0, 0, 0}, {-1, 0, 1}}, {{0, 0, std::log(2.0)}, {0, 0, 0}}}}},
}};

}  // namespace
}  // namespace newtape::table
