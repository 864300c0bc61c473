// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/logic.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/logic.hpp>

#include <limits>

namespace newtape {

static const Op equal_op{"equal"};
static const Op not_equal_op{"not_equal"};
static const Op less_op{"less"};
static const Op less_equal_op{"less_equal"};
static const Op greater_op{"greater"};
static const Op greater_equal_op{"greater_equal"};

static const Op isnan_op{"isnan"};
static const Op isinf_op{"isinf"};
static const Op isfinite_op{"isfinite"};
static const Op logical_and_op{"logical_and"};
static const Op logical_or_op{"logical_or"};
static const Op logical_xor_op{"logical_xor"};
static const Op logical_not_op{"logical_not"};
static const Op bitwise_and_op{"bitwise_and"};
static const Op bitwise_or_op{"bitwise_or"};
static const Op bitwise_xor_op{"bitwise_xor"};
static const Op bitwise_not_op{"bitwise_not"};

namespace {
/// The result of an operation without a derivative.
Tensor constant(const Op& op, std::vector<Tensor> operands, Array value) {
  if (!detail::is_traced()) return op(std::move(value));
  return detail::trace_call(op.name(), std::move(operands), {}, [&] { return op(std::move(value)); });
}

Tensor compare(const Op& op, In& a, In& b, Array (*kernel)(const Array&, const Array&)) {
  match(op, a, b);
  return constant(op, {a, b}, kernel(a.value(), b.value()));
}
}  // namespace

Tensor operator==(In a, In b) { return compare(equal_op, a, b, core::equal); }
Tensor operator!=(In a, In b) { return compare(not_equal_op, a, b, core::not_equal); }
Tensor operator<(In a, In b) { return compare(less_op, a, b, core::less); }
Tensor operator<=(In a, In b) { return compare(less_equal_op, a, b, core::less_equal); }
Tensor operator>(In a, In b) { return compare(greater_op, a, b, core::greater); }
Tensor operator>=(In a, In b) { return compare(greater_equal_op, a, b, core::greater_equal); }

Tensor isnan(In x) { return constant(isnan_op, {x}, core::isnan(x.value())); }
Tensor isinf(In x) { return constant(isinf_op, {x}, core::isinf(x.value())); }
Tensor isfinite(In x) { return constant(isfinite_op, {x}, core::isfinite(x.value())); }

Tensor nan_to_num(In x, double nan, std::optional<double> posinf, std::optional<double> neginf) {
  if (!is_floating(x.dtype())) return x;
  const double largest = x.dtype() == f32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor numbers = where(isnan(x), nan, x);
  return where(x == infinity, posinf.value_or(largest), where(x == -infinity, neginf.value_or(-largest), numbers));
}

Tensor logical_and(In a, In b) { return constant(logical_and_op, {a, b}, core::logical_and(a.value(), b.value())); }
Tensor logical_or(In a, In b) { return constant(logical_or_op, {a, b}, core::logical_or(a.value(), b.value())); }
Tensor logical_xor(In a, In b) { return constant(logical_xor_op, {a, b}, core::logical_xor(a.value(), b.value())); }
Tensor logical_not(In x) { return constant(logical_not_op, {x}, core::logical_not(x.value())); }

namespace {
Tensor bits(const Op& op, In& a, In& b, Array (*kernel)(Array, Array)) {
  match(op, a, b);
  std::vector<Tensor> operands;
  if (detail::is_traced()) operands = {a, b};
  return constant(op, std::move(operands), kernel(a.take(), b.take()));
}
}  // namespace

Tensor operator&(In a, In b) { return bits(bitwise_and_op, a, b, core::bitwise_and); }
Tensor operator|(In a, In b) { return bits(bitwise_or_op, a, b, core::bitwise_or); }
Tensor operator^(In a, In b) { return bits(bitwise_xor_op, a, b, core::bitwise_xor); }
Tensor operator~(In x) { return constant(bitwise_not_op, {x}, core::bitwise_not(x.value())); }

}  // namespace newtape
