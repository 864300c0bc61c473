// SPDX-License-Identifier: BSD-3-Clause
#include "../table.hpp"

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

using Numbers = const long double*;

Tensor one_two() { return tensor({1, 2}); }
Tensor three() { return tensor({1, 2, 3}); }
Tensor three_doubles() { return tensor({1, 2, 3}, f64); }
Tensor three_flags() { return tensor({1, 0, 1}, boolean); }
Tensor three_ints() { return tensor({1, 2, 3}, i64); }

/// What every operation of two tensors must refuse. (i64 only where integers have no such operation.)
std::vector<Rejection> two_refuse(const std::string& name, Tensor (*f)(In, In), bool integers = true) {
  std::vector<Rejection> r{{Error::shape, name, [f] { f(one_two(), three()); }},
                           {Error::shape, "[2] and [3]", [f] { f(one_two(), three()); }},
                           {Error::dtype, name, [f] { f(three(), three_doubles()); }},
                           {Error::dtype, "f32 [3] and f64 [3]", [f] { f(three(), three_doubles()); }},
                           {Error::dtype, "i64 [3] and f64 [3]", [f] { f(three_ints(), three_doubles()); }},
                           {Error::value, name, [f] { f(1.0, 2.0); }}};
  if (!integers) r.push_back({Error::dtype, "i64", [f] { f(three_ints(), three_ints()); }});
  return r;
}

const Domain numbers{};
const Domain small_whole{.low = -1, .high = 1, .whole = true};
const Domain flags{.low = 0, .high = 1, .dtype = boolean};
const std::string step = "its value is constant wherever it has a derivative";

const Rows arithmetic{{
    {.name = "add",
     .call = [](Args& x) { return x[0] + x[1]; },
     .scalar = [](Numbers x) { return x[0] + x[1]; },
     .domains = {numbers, numbers},
     .rejects = two_refuse("add", operator+),
     .integers = true},
    {.name = "sub",
     .call = [](Args& x) { return x[0] - x[1]; },
     .scalar = [](Numbers x) { return x[0] - x[1]; },
     .domains = {numbers, numbers},
     .rejects = two_refuse("sub", operator-),
     .integers = true},
    {.name = "mul",
     .call = [](Args& x) { return x[0] * x[1]; },
     .scalar = [](Numbers x) { return x[0] * x[1]; },
     .domains = {numbers, numbers},
     .rejects = two_refuse("mul", operator*),
     .integers = true},
    {.name = "div",
     .call = [](Args& x) { return x[0] / x[1]; },
     .scalar = [](Numbers x) { return x[0] / x[1]; },
     .domains = {numbers, {.low = 0.5, .above = 0}},
     .rejects = two_refuse("div", operator/, false)},
    {.name = "div by negative",
     .call = [](Args& x) { return x[0] / x[1]; },
     .scalar = [](Numbers x) { return x[0] / x[1]; },
     .domains = {numbers, {.low = -2, .high = -0.5, .below = 0}},
     .covers = {"div"}},
    {.name = "neg", .call = [](Args& x) { return -x[0]; }, .scalar = [](Numbers x) { return -x[0]; }, .integers = true},
    {.name = "pow",
     .call = [](Args& x) { return pow(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::pow(x[0], x[1]); },
     .domains = {{.low = 0.5, .high = 3, .above = 0}, numbers},
     .rejects = two_refuse("pow", pow, false),
     .known = {{{{0, 0, 0}, {1, 2, 0.5 + 1}}, {{1, 0, 0}, {0, 0, 0}}},
               {{{-2, -2}, {2, 3}}, {{-4, 12}, {NAN, NAN}}},
               {{{2, 0}, {0, 0}}, {{0, 0}, {std::log(2.0), 0}}}},
     .slack = 4},
    {.name = "pow of zero exponents",
     .call = [](Args& x) { return pow(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::pow(x[0], x[1]); },
     .domains = {{.low = 0.5, .high = 3, .above = 0}, {.low = -1, .high = 2, .whole = true}},
     .covers = {"pow"},
     .slack = 4},
    {.name = "pow with a number",
     .call = [](Args& x) { return pow(x[0], 3.0); },
     .scalar = [](Numbers x) { return x[0] * x[0] * x[0]; },
     .domains = {{.low = -1, .high = 1, .whole = true}},
     .covers = {"pow"},
     .slack = 4},
    {.name = "arithmetic with numbers",
     .call = [](Args& x) { return 2 - (0.5 * (1 + x[0]) - 3) / 2.0; },
     .scalar = [](Numbers x) { return 2 - (0.5L * (1 + x[0]) - 3) / 2; },
     .composite = true,
     .slack = 4},
    {.name = "square",
     .call = [](Args& x) { return square(x[0]); },
     .scalar = [](Numbers x) { return x[0] * x[0]; },
     .integers = true},
    {.name = "abs",
     .call = [](Args& x) { return abs(x[0]); },
     .scalar = [](Numbers x) { return std::abs(x[0]); },
     .domains = {{.avoid = {0}}},
     .known = {{{{-3, 0, 2}}, {{-1, 0, 1}}}},
     .integers = true},
    {.name = "sign",
     .call = [](Args& x) { return sign(x[0]); },
     .scalar = [](Numbers x) { return x[0] > 0   ? 1.0L
                                      : x[0] < 0 ? -1.0L
                                                 : 0.0L; },
     .domains = {small_whole},
     .order = 0,
     .reason = step},
    {.name = "maximum",
     .call = [](Args& x) { return maximum(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::max(x[0], x[1]); },
     .domains = {numbers, numbers},
     .rejects = two_refuse("maximum", maximum),
     .known = {{{{1, 2, 3}, {3, 2, 1}}, {{0, 0.5, 1}, {1, 0.5, 0}}}},
     .apart = true,
     .integers = true},
    {.name = "minimum",
     .call = [](Args& x) { return minimum(x[0], x[1]); },
     .scalar = [](Numbers x) { return std::min(x[0], x[1]); },
     .domains = {numbers, numbers},
     .rejects = two_refuse("minimum", minimum),
     .known = {{{{1, 2, 3}, {3, 2, 1}}, {{1, 0.5, 0}, {0, 0.5, 1}}}},
     .apart = true,
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
     .apart = true},
    {.name = "where",
     .call = [](Args& x) { return where(x[0], x[1], x[2]); },
     .scalar = [](Numbers x) { return x[0] != 0 ? x[1] : x[2]; },
     .domains = {flags, numbers, numbers},
     .rejects = {{Error::dtype, "where", [] { where(three(), three(), three()); }},
                 {Error::dtype, "f32 [3] and f64 [3]", [] { where(three_flags(), three(), three_doubles()); }},
                 {Error::shape, "where", [] { where(three_flags(), three(), one_two()); }},
                 {Error::value, "where", [] { where(three_flags(), 1.0, 2.0); }}}},
    // To f32 and back: only a wide step has digits left, and the operation is linear.
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

Row comparison(const std::string& name, Tensor (*f)(In, In), bool (*holds)(long double, long double)) {
  return {.name = name,
          .call = [f](Args& x) { return f(x[0], x[1]); },
          .scalar = [holds](Numbers x) { return holds(x[0], x[1]) ? 1.0L : 0.0L; },
          .domains = {small_whole, small_whole},
          .rejects = two_refuse(name, f),
          .integers = true,
          .result = boolean,
          .order = 0,
          .reason = step};
}

const Rows comparisons{{
    comparison("equal", operator==, [](long double a, long double b) { return a == b; }),
    comparison("not_equal", operator!=, [](long double a, long double b) { return a != b; }),
    comparison("less", operator<, [](long double a, long double b) { return a < b; }),
    comparison("less_equal", operator<=, [](long double a, long double b) { return a <= b; }),
    comparison("greater", operator>, [](long double a, long double b) { return a > b; }),
    comparison("greater_equal", operator>=, [](long double a, long double b) { return a >= b; }),
}};

}  // namespace
}  // namespace newtape::table
