// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/operators.hpp>

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>

#include <cmath>
#include <string>
#include <utility>

namespace newtape {
namespace {

/// A scalar with the dtype of x.
Array scalar(const char* op, double value, const Array& x) {
  if (!is_floating(x.dtype()) && value != std::floor(value)) {
    raise<DTypeError>(std::string(op) + ": a number takes the dtype of the array",
                      "an integer for " + std::string(name(x.dtype())), std::to_string(value));
  }
  return core::number(value, x.dtype());
}

}  // namespace

Array operator+(Array a, Array b) { return core::add(std::move(a), std::move(b)); }
Array operator-(Array a, Array b) { return core::sub(std::move(a), std::move(b)); }
Array operator*(Array a, Array b) { return core::mul(std::move(a), std::move(b)); }
Array operator/(Array a, Array b) { return core::div(std::move(a), std::move(b)); }
Array operator-(Array x) { return core::neg(std::move(x)); }

Array operator+(Array a, double b) {
  Array number = scalar("add", b, a);
  return core::add(std::move(a), std::move(number));
}
Array operator-(Array a, double b) {
  Array number = scalar("sub", b, a);
  return core::sub(std::move(a), std::move(number));
}
Array operator*(Array a, double b) {
  Array number = scalar("mul", b, a);
  return core::mul(std::move(a), std::move(number));
}
Array operator/(Array a, double b) {
  Array number = scalar("div", b, a);
  return core::div(std::move(a), std::move(number));
}
Array operator+(double a, Array b) { return std::move(b) + a; }
Array operator-(double a, Array b) {
  Array number = scalar("sub", a, b);
  return core::sub(std::move(number), std::move(b));
}
Array operator*(double a, Array b) { return std::move(b) * a; }
Array operator/(double a, Array b) {
  Array number = scalar("div", a, b);
  return core::div(std::move(number), std::move(b));
}

}  // namespace newtape
