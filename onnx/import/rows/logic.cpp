// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <cmath>
#include <limits>

namespace newtape::onnx::detail {
namespace {

template <Tensor (*f)(In, In)>
Results compare(Call& c) {
  Tensor b = second_operand(c);
  if (c.value(0).kind() == Value::Kind::strings) c.fail("strings are not compared");
  Tensor a = c.tensor(0);
  if (c.type(0) == ElementType::uint64) {  // in the order of i64
    const auto move = [](std::int64_t v) { return v ^ std::numeric_limits<std::int64_t>::min(); };
    a = map_integers(a, move);
    b = map_integers(b, move);
  }
  return c.out(f(std::move(a), std::move(b)), ElementType::boolean);
}

Results is_infinite(Call& c) {
  const bool negative = c.integer("detect_negative", 1) != 0, positive = c.integer("detect_positive", 1) != 0;
  const Tensor x = c.tensor(0);
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor none = zeros(x.shape(), boolean);
  return c.out((positive ? x == inf : none) | (negative ? x == -inf : none), ElementType::boolean);
}

Results select_row(Call& c) {
  const ElementType type = c.type(1);
  return c.out(where(c.tensor(0), c.tensor(1), c.tensor(2)), type);
}

constexpr Row logic_table[] = {{"And", {1, 7}, compare<newtape::logical_and>},
                               {"BitwiseAnd", {18}, binary < newtape::operator&> },
                                {"BitwiseNot", {18}, unary < newtape::operator~> },
                                 {"BitwiseOr", {18}, binary < newtape::operator|> },
                                  {
                                      "BitwiseXor",
                                      {18},
                                      binary < newtape::operator^> },
                                      {"Equal", {1, 7, 11, 13, 19}, compare<(newtape::operator==)>},
                                      {"Greater", {1, 7, 9, 13}, compare<(newtape::operator>)>},
                                      {"GreaterOrEqual", {12, 16}, compare<(newtape::operator>=)>},
                                      {"IsInf", {10, 20}, is_infinite},
                                      {"IsNaN", {9, 13, 20}, predicate<newtape::isnan>},
                                      {"Less", {1, 7, 9, 13}, compare<(newtape::operator<)>},
                                      {"LessOrEqual", {12, 16}, compare<(newtape::operator<=)>},
                                      {"Not", {1}, predicate<newtape::logical_not>},
                                      {"Or", {1, 7}, compare<newtape::logical_or>},
                                      {"Where", {9, 16}, select_row},
                                      {"Xor", {1, 7}, compare<newtape::logical_xor>},
                                 };

}  // namespace

Rows logic_rows() { return logic_table; }

}  // namespace newtape::onnx::detail
