// SPDX-License-Identifier: BSD-3-Clause
#include "operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>

#include <cmath>

namespace newtape::table {
namespace {

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
    comparison("equal", newtape::operator==, [](long double a, long double b) { return a == b; }),
    comparison("not_equal", newtape::operator!=, [](long double a, long double b) { return a != b; }),
    comparison("less", newtape::operator<, [](long double a, long double b) { return a < b; }),
    comparison("less_equal", newtape::operator<=, [](long double a, long double b) { return a <= b; }),
    comparison("greater", newtape::operator>, [](long double a, long double b) { return a > b; }),
    comparison("greater_equal", newtape::operator>=, [](long double a, long double b) { return a >= b; }),
}};

Row logical(const std::string& name, Tensor (*f)(In, In), bool (*holds)(bool, bool)) {
  return {.name = name,
          .call =
              [f](Args& x) {
                const Tensor a = x[0];
                return f(a, x[1]);
              },
          .scalar = [holds](Numbers x) { return holds(x[0] != 0, x[1] != 0) ? 1.0L : 0.0L; },
          .domains = {flags, small_whole},
          .rejects = {{Error::shape, "[2] and [3]", [f] { f(one_two(), three()); }}},
          .integers = true,
          .result = boolean,
          .order = 0,
          .reason = step};
}

/// Bitwise operations: of booleans under the operation's name, of integers with the suffix " of integers".
Row bitwise(const std::string& name, Tensor (*f)(In, In), DType dtype,
            long double (*reference)(std::int64_t, std::int64_t)) {
  const Domain d = dtype == boolean ? flags : Domain{.low = -9, .high = 9, .dtype = i64};
  Row row{
      .name = dtype == boolean ? name : name + " of integers",
      .call = [f](Args& x) { return f(x[0], x[1]); },
      .scalar = [reference](
                    Numbers x) { return reference(static_cast<std::int64_t>(x[0]), static_cast<std::int64_t>(x[1])); },
      .domains = {d, d},
      .covers = {name},
      .result = dtype,
      .order = 0,
      .reason = step};
  if (dtype == boolean) {
    row.rejects = {{Error::shape, "[2] and [3]", [f] { f(one_two().to(boolean), three_flags()); }},
                   {Error::dtype, name, [f] { f(three(), three()); }}};
  }
  return row;
}

long double bits_and(std::int64_t a, std::int64_t b) { return static_cast<long double>(a & b); }
long double bits_or(std::int64_t a, std::int64_t b) { return static_cast<long double>(a | b); }
long double bits_xor(std::int64_t a, std::int64_t b) { return static_cast<long double>(a ^ b); }

/// A predicate on sqrt(1 / x), which is infinite at 0, and NaN for negative x.
Row predicate(const std::string& name, Tensor (*f)(In), bool (*holds)(long double)) {
  return {.name = name,
          .call = [f](Args& x) { return f(sqrt(1.0 / x[0])); },
          .scalar = [holds](Numbers x) { return holds(std::sqrt(1 / x[0])) ? 1.0L : 0.0L; },
          .domains = {small_whole},
          .covers = {name},
          .result = boolean,
          .order = 0,
          .reason = step};
}

const Rows predicates{{
    logical("logical_and", logical_and, [](bool a, bool b) { return a && b; }),
    logical("logical_or", logical_or, [](bool a, bool b) { return a || b; }),
    logical("logical_xor", logical_xor, [](bool a, bool b) { return a != b; }),
    {.name = "logical_not",
     .call = [](Args& x) { return !x[0].tensor(); },
     .scalar = [](Numbers x) { return x[0] == 0 ? 1.0L : 0.0L; },
     .domains = {small_whole},
     .integers = true,
     .result = boolean,
     .order = 0,
     .reason = step},
    bitwise("bitwise_and", newtape::operator&, boolean, bits_and),
    bitwise("bitwise_and", newtape::operator&, i64, bits_and),
    bitwise("bitwise_or", newtape::operator|, boolean, bits_or),
    bitwise("bitwise_or", newtape::operator|, i64, bits_or),
    bitwise("bitwise_xor", newtape::operator^, boolean, bits_xor),
    bitwise("bitwise_xor", newtape::operator^, i64, bits_xor),
    {.name = "bitwise_not",
     .call = [](Args& x) { return ~x[0].tensor(); },
     .scalar = [](Numbers x) { return x[0] == 0 ? 1.0L : 0.0L; },
     .domains = {flags},
     .rejects = {{Error::dtype, "bitwise_not", [] { ~three(); }}},
     .result = boolean,
     .order = 0,
     .reason = step},
    {.name = "bitwise_not of integers",
     .call = [](Args& x) { return ~x[0].tensor(); },
     .scalar = [](Numbers x) { return -x[0] - 1; },
     .domains = {{.low = -9, .high = 9, .dtype = i64}},
     .covers = {"bitwise_not"},
     .result = i64,
     .order = 0,
     .reason = step},
    predicate("isnan", isnan, [](long double y) { return std::isnan(y); }),
    predicate("isinf", isinf, [](long double y) { return std::isinf(y); }),
    predicate("isfinite", isfinite, [](long double y) { return std::isfinite(y); }),
    {.name = "nan_to_num",
     .call = [](Args& x) { return nan_to_num(x[0], 7, 8); },
     .scalar = [](Numbers x) { return x[0]; },
     .known = {{{{1, NAN, INFINITY, -INFINITY}}, {{1, 0, 0, 0}}}},
     .composite = true,
     .integers = true},
    {.name = "nan_to_num of what is not finite",
     .call = [](Args& x) { return nan_to_num(x[0].tensor().detach() / 0.0, 7, 8, -9); },
     .scalar = [](Numbers x) { return x[0] > 0   ? 8.0L
                                      : x[0] < 0 ? -9.0L
                                                 : 7.0L; },
     .domains = {small_whole},
     .composite = true,
     .order = 0,
     .reason = "its operand is a constant, as the quotient has no derivative"},
}};

}  // namespace
}  // namespace newtape::table
