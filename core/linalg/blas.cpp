// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>

namespace newtape::core::blas {

Shape stack_of(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

std::string member_name(const Shape& stack, std::int64_t index) {
  if (stack.empty()) return "";
  Dims at(stack.size());
  for (std::size_t i = stack.size(); i-- > 0;) {
    at[i] = index % stack[i];
    index /= stack[i];
  }
  return ", in matrix " + to_string(at) + " of the stack";
}

void expect_matrices(const char* op, const Array& a, bool square) {
  const std::string what(op);
  const bool fits = a.ndim() >= 2 && (!square || a.shape()[a.ndim() - 1] == a.shape()[a.ndim() - 2]);
  if (!fits) {
    raise<ShapeError>(what + (square ? ": a must be square" : ": a must be a matrix, or a stack of them"),
                      square ? "a [.., n, n]" : "a [.., m, n]", "a " + to_string(a.shape()));
  }
  expect_floating(what, a);
  for (const auto length : a.shape()) {
    if (length > INT32_MAX) {
      raise<ShapeError>(what + ": an axis is too long for LAPACK", "at most 2^31 - 1", "a " + to_string(a.shape()));
    }
  }
}

void expect_countable(const char* op, const Array& a, double elements) {
  if (elements <= INT32_MAX) return;
  raise<ShapeError>(std::string(op) + ": the matrix is too large for LAPACK", "work space of at most 2^31 - 1 elements",
                    "a " + to_string(a.shape()));
}

void expect_finite(const char* op, const Array& a) {
  if (all_finite(a)) return;
  const Shape stack = stack_of(a.shape());
  const Array found = contiguous(all(isfinite(a), {-2, -1}));
  const auto* finite = found.data<bool>();
  const auto member = std::find(finite, finite + found.size(), false) - finite;
  raise<NumericalError>(std::string(op) + ": a must be finite", "numbers",
                        "NaN or infinity" + member_name(stack, member));
}

void Failures::raise_first(const char* op, const Shape& stack, std::string_view what, std::string_view expected,
                           std::string_view before, std::string_view after) const {
  for (std::size_t i = 0; i < info_.size(); ++i) {
    if (info_[i] == 0) continue;
    raise<NumericalError>(std::string(op) + ": " + std::string(what), expected,
                          std::string(before) + std::to_string(info_[i]) + std::string(after) +
                              member_name(stack, static_cast<std::int64_t>(i)));
  }
}

}  // namespace newtape::core::blas
