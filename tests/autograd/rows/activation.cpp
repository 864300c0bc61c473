// SPDX-License-Identifier: BSD-3-Clause
// References are the definitions in long double.
#include "operands.hpp"
#include "special.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

using Number = long double;

Number phi(Number x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }  // the normal CDF
Number softplus_of(Number x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); }
Number elu_of(Number x, Number alpha) { return x > 0 ? x : alpha * std::expm1(x); }
Number clamped(Number x, Number low, Number high) { return std::min(std::max(x, low), high); }
Number gelu_tanh_of(Number x) {
  // 1 + tanh(u) suffers from cancellation for u < 0, 2 / (1 + exp(-2 u)) does not
  const Number u = std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x);
  return x / (1 + std::exp(-2 * u));
}
/// A function of one float with corners.
Row cornered(const std::string& name, Tensor (*f)(In), Number (*reference)(Number), std::vector<double> corners,
             std::vector<double> gradients, bool composite = false, double tolerance_scale = 1) {
  Row row = function(name, f, reference, {.low = -4, .high = 4, .avoid = corners}, tolerance_scale);
  row.known = {{{corners}, {gradients}}};
  row.composite = composite;
  if (composite) row.rejects = {};
  return row;
}
Row composite(Row row) {
  row.composite = true;
  row.rejects = {};
  return row;
}

const Domain wide_numbers{.low = -4, .high = 4};

const Rows activations{{
    {.name = "relu",
     .call = [](Args& x) { return relu(x[0]); },
     .scalar = [](Numbers x) { return std::max(x[0], 0.0L); },
     .domains = {{.avoid = {0}}},
     .known = {{{{-1, 0, 1}}, {{0, 0, 1}}}},
     .integers = true},
    cornered(
        "relu6", relu6, [](Number x) { return clamped(x, 0, 6); }, {0, 6}, {0, 0}, true),
    cornered(
        "leaky_relu", [](In x) { return leaky_relu(std::move(x)); }, [](Number x) { return x > 0 ? x : 0.01L * x; },
        {0}, {0.01}, true),
    {.name = "prelu",
     .call = [](Args& x) { return prelu(x[0], x[1]); },
     .scalar = [](Numbers x) { return x[0] > 0 ? x[0] : x[0] * x[1]; },
     .domains = {{.avoid = {0}}, numbers},
     .rejects = two_refuse("prelu", prelu),
     .known = {{{{-3, 0, 2}, {0.5, 0.5, 0.5}}, {{0.5, 0.5, 1}, {-3, 0, 0}}}}},
    cornered(
        "elu", [](In x) { return elu(std::move(x), 1.5); }, [](Number x) { return elu_of(x, 1.5L); }, {0}, {1.5}),
    composite(function(
        "selu", selu,
        [](Number x) { return 1.0507009873554804934193349852946L * elu_of(x, 1.6732632423543772848170429916717L); },
        {.low = -4, .high = 4, .avoid = {0}})),
    {.name = "celu",
     .call = [](Args& x) { return celu(x[0], 0.5); },
     .scalar = [](Numbers x) { return 0.5L * elu_of(2 * x[0], 1); },
     .domains = {{.avoid = {0}}},
     .rejects = {{Error::value, "celu: alpha", [] { celu(three(), 0); }}},
     .known = {{{{0}}, {{1}}}},
     .composite = true},
    function("sigmoid", sigmoid, sigmoid_of, wide_numbers),
    composite(function(
        "logsigmoid", logsigmoid, [](Number x) { return -softplus_of(-x); }, wide_numbers)),
    function("softplus", softplus, softplus_of, wide_numbers),
    cornered("softsign", softsign, [](Number x) { return x / (1 + std::abs(x)); }, {0}, {1}),
    function(
        "silu", silu, [](Number x) { return x * sigmoid_of(x); }, wide_numbers, 4),
    function(
        "mish", mish, [](Number x) { return x * std::tanh(softplus_of(x)); }, wide_numbers, 4),
    // 1 + erf suffers from cancellation for large negative x.
    function(
        "gelu", gelu, [](Number x) { return x * phi(x); }, {.low = -2, .high = 4}, 8),
    part(function(
             "gelu", [](In x) { return gelu(std::move(x), Approximate::exact); }, [](Number x) { return x * phi(x); },
             {.low = -2, .high = 4}, 8),
         "gelu, asked for exactly"),
    [] {
      Row row = function(
          "gelu_tanh", [](In x) { return gelu(std::move(x), Approximate::tanh); }, gelu_tanh_of, {.low = -2, .high = 4},
          8);
      return row;
    }(),
    {.name = "hardtanh",
     .call = [](Args& x) { return hardtanh(x[0]); },
     .scalar = [](Numbers x) { return clamped(x[0], -1, 1); },
     .domains = {{.low = -4, .high = 4, .avoid = {-1, 1}}},
     .rejects = {{Error::value, "hardtanh: the bounds", [] { hardtanh(three(), 1, -1); }}},
     .known = {{{{-1, 1}}, {{0, 0}}}},
     .integers = true},
    {.name = "hardtanh with other bounds",
     .call = [](Args& x) { return hardtanh(x[0], -2, 0.5); },
     .scalar = [](Numbers x) { return clamped(x[0], -2, 0.5L); },
     .domains = {{.low = -4, .high = 4, .avoid = {-2, 0.5}}},
     .known = {{{{-2, 0.5}}, {{0, 0}}}},
     .covers = {"hardtanh"}},
    cornered(
        "hardsigmoid", hardsigmoid, [](Number x) { return clamped(x / 6 + 0.5L, 0, 1); }, {-3, 3}, {0, 0}, true, 4),
    cornered(
        "hardswish", hardswish, [](Number x) { return x * clamped(x + 3, 0, 6) / 6; }, {-3, 3}, {0, 1}, false, 4),
    cornered(
        "threshold", [](In x) { return threshold(std::move(x), 0.5, -2); },
        [](Number x) { return x > 0.5L ? x : -2.0L; }, {0.5}, {0}, true),
    cornered(
        "hardshrink", [](In x) { return hardshrink(std::move(x)); },
        [](Number x) { return std::abs(x) > 0.5L ? x : 0.0L; }, {-0.5, 0.5}, {0, 0}, true),
    cornered(
        "softshrink", [](In x) { return softshrink(std::move(x)); },
        [](Number x) { return x - clamped(x, -0.5L, 0.5L); }, {-0.5, 0.5}, {0, 0}, true, 8),
    function("tanhshrink", tanhshrink, special::tanhshrink_of),
}};

}  // namespace
}  // namespace newtape::table
