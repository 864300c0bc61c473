// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tensor.hpp>

#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/observe/traced_numbers.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape {

Tensor variable(Array value) {
  if (!value.defined() || !is_floating(value.dtype())) {
    raise<DTypeError>("variable: the dtype must be a float", "f32 or f64, as of tensor({1.0, 2.0}) or x.to(f32)",
                      value.defined() ? name(value.dtype()) : "an undefined array");
  }
  auto leaf = detail::NodeRef::adopt(new detail::Leaf(value));
  return Tensor(std::move(value), std::move(leaf));
}

bool Tensor::is_leaf() const noexcept { return node_ && node_.get()->op == nullptr; }

namespace {
detail::Node& node_of(const Tensor& x, const char* op) {
  if (!x.requires_grad()) {
    raise<ValueError>(std::string(op) + ": the tensor must depend on a variable", "a variable or a recorded result",
                      "a constant");
  }
  return *x.node().get();
}

detail::GradCell& cell_of(const Tensor& x, const char* op) {
  auto* cell = x.requires_grad() ? detail::grad_cell(*x.node().get()) : nullptr;
  if (cell == nullptr) {
    raise<ValueError>(std::string(op) + ": the tensor must keep a gradient",
                      "a variable, or a result after retain_grad()",
                      x.requires_grad() ? "the result of an operation" : "a constant");
  }
  return *cell;
}

detail::GradHooks& grad_hooks_of(const Tensor& x, const char* op) {
  auto& grad_hooks = node_of(x, op).grad_hooks;
  if (grad_hooks == nullptr) grad_hooks = std::make_unique<detail::GradHooks>();
  return *grad_hooks;
}
}  // namespace

Tensor Tensor::grad() const {
  const auto& cell = cell_of(*this, "grad");
  if (detail::state_observer != nullptr) detail::state_observer->on_gradient(*node().get(), false);
  Tensor g = cell.get();
  if (detail::holds_rows(g)) {
    raise<ValueError>(
        "grad: the gradient of this table is kept as rows, since an embedding with sparse = true reads it",
        "row_grad(table), or an optimizer that takes rows: SparseAdam, SGD, Adagrad",
        "grad() of a table " + to_string(shape()) + " with " + std::to_string(g.shape(0)) + " rows");
  }
  return g;
}

void Tensor::set_grad(Tensor grad) const {
  auto& cell = cell_of(*this, "set_grad");
  if (grad.defined() && (grad.shape() != shape() || grad.dtype() != dtype())) {
    raise<ShapeError>("set_grad: a gradient must have its variable's shape and dtype",
                      std::string(name(dtype())) + " " + to_string(shape()), describe(grad.value()));
  }
  if (detail::state_observer != nullptr) detail::state_observer->on_gradient(*node().get(), true);
  cell.set(std::move(grad));
}

void Tensor::retain_grad() const {
  if (!is_leaf()) grad_hooks_of(*this, "retain_grad").retain = true;
}

HookHandle Tensor::register_hook(GradHook hook) const {
  auto& hooks = grad_hooks_of(*this, "register_hook").hooks;
  hooks.push_back(std::make_shared<GradHook>(std::move(hook)));
  return HookHandle(hooks.back());
}

template <Arithmetic T>
Tensor detail::from_elements(const T* from, const Shape& shape, std::size_t size, DType dtype) {
  if (shape.empty() && core::on_placeholders()) return core::number(static_cast<double>(*from), dtype);
  Array y = Array::empty(shape, dtype);
  if (y.size() != static_cast<std::int64_t>(size)) {
    raise<ShapeError>("tensor: the shape must have as many elements as there are numbers",
                      std::to_string(size) + " elements", to_string(shape));
  }
  if (is_storage(dtype))
    return core::cast(from_elements(from, shape, size, std::is_integral_v<T> ? i64 : f64).value(), dtype);
  visit_dtype(dtype, [&]<class U>() {
    std::transform(from, from + size, y.data<U>(), [](T number) {
      if constexpr (std::is_floating_point_v<T> && std::is_same_v<U, std::int64_t>) {
        return checked_i64("tensor", static_cast<double>(number));
      } else {
        return static_cast<U>(number);
      }
    });
  });
  return y;
}

namespace detail {
template Tensor from_elements(const bool*, const Shape&, std::size_t, DType);
template Tensor from_elements(const char*, const Shape&, std::size_t, DType);
template Tensor from_elements(const signed char*, const Shape&, std::size_t, DType);
template Tensor from_elements(const unsigned char*, const Shape&, std::size_t, DType);
template Tensor from_elements(const short*, const Shape&, std::size_t, DType);
template Tensor from_elements(const unsigned short*, const Shape&, std::size_t, DType);
template Tensor from_elements(const int*, const Shape&, std::size_t, DType);
template Tensor from_elements(const unsigned*, const Shape&, std::size_t, DType);
template Tensor from_elements(const long*, const Shape&, std::size_t, DType);
template Tensor from_elements(const unsigned long*, const Shape&, std::size_t, DType);
template Tensor from_elements(const long long*, const Shape&, std::size_t, DType);
template Tensor from_elements(const unsigned long long*, const Shape&, std::size_t, DType);
template Tensor from_elements(const float*, const Shape&, std::size_t, DType);
template Tensor from_elements(const double*, const Shape&, std::size_t, DType);
template Tensor from_elements(const long double*, const Shape&, std::size_t, DType);
}  // namespace detail

namespace {
using detail::NestedList;

int dtype_rank(DType t) { return t == boolean ? 0 : is_integer(t) ? 1 : 2; }

/// The dtype that holds all numbers of the list: boolean, i64 or f32; f32 when there are none.
DType common_dtype(const NestedList& list) {
  if (list.is_number() || list.size() == 0) return list.dtype();
  DType common = boolean;
  for (const auto& item : list) {
    const DType t = common_dtype(item);
    if (dtype_rank(t) > dtype_rank(common)) common = t;
  }
  return common;
}

/// Writes the numbers below `list`, whose lists at depth `axis` must be as long as the first of them, in C order.
template <class T>
T* write(const NestedList& list, const Shape& shape, std::size_t axis, T* out) {
  const bool fits = axis == shape.size() ? list.is_number() : !list.is_number() && list.size() == shape[axis];
  if (!fits) {
    raise<ShapeError>("tensor: all lists at one level must have the same length",
                      axis == shape.size() ? "a number" : "a list of " + std::to_string(shape[axis]),
                      list.is_number() ? "a number" : "a list of " + std::to_string(list.size()));
  }
  if (list.is_number()) {
    *out = list.as<T>();
    return out + 1;
  }
  for (const auto& item : list) out = write(item, shape, axis + 1, out);
  return out;
}
}  // namespace

std::int64_t detail::NestedList::truncated() const { return checked_i64("tensor", real_); }

Tensor detail::from_list(const NestedList& list) { return from_list(list, common_dtype(list)); }

Tensor detail::from_list(const NestedList& list, DType dtype) {
  if (is_storage(dtype)) {
    return core::cast(from_list(list, common_dtype(list) == f32 ? f64 : common_dtype(list)).value(), dtype);
  }
  Shape shape;
  for (const auto* first = &list; !first->is_number(); first = first->begin()) {
    shape.push_back(first->size());
    if (first->size() == 0) break;
  }
  Array y = Array::empty(shape, dtype);
  visit_dtype(dtype, [&]<class T>() { write(list, shape, 0, y.data<T>()); });
  return y;
}

Tensor zeros(const Shape& shape, DType dtype) { return core::zeros(shape, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return core::ones(shape, dtype); }
Tensor full(const Shape& shape, double value, DType dtype) { return core::full(shape, value, dtype); }
Tensor arange(std::int64_t n, DType dtype) { return core::arange(n, dtype); }
Tensor eye(std::int64_t n, DType dtype) { return core::eye(n, dtype); }
Tensor eye(std::int64_t rows, std::int64_t columns, DType dtype) { return core::eye(rows, columns, dtype); }
Tensor zeros_like(const Tensor& x) { return core::full_like(x.value(), 0); }
Tensor ones_like(const Tensor& x) { return core::full_like(x.value(), 1); }

Tensor detail::full_of(const Shape& shape, std::int64_t value, DType dtype) {
  if (dtype != i64) return core::full(shape, static_cast<double>(value), dtype);
  Array y = Array::empty(shape, i64);
  std::fill_n(y.data<std::int64_t>(), y.size(), value);
  return y;
}

void In::keep_digits(std::int64_t integer) {
  if (core::recorder() != nullptr) return;
  own_ = detail::full_of({}, integer, i64);
  tensor_ = &own_;
  is_number_ = false;
  if (detail::traced_numbers != nullptr) [[unlikely]]
    detail::traced_numbers->push_back(own_);
}

constinit thread_local std::vector<Tensor>* detail::traced_numbers = nullptr;

void In::resolve(const char* op, DType dtype) {
  if (!is_half(dtype) && !is_floating(dtype) && number_ != std::floor(number_)) {
    raise<DTypeError>(std::string(op) + ": a number takes the dtype of the other operand",
                      "an integer for " + std::string(name(dtype)) + ", or an operand converted with to(f32)",
                      std::to_string(number_));
  }
  own_ = Tensor(core::number(number_, dtype));
  tensor_ = &own_;
  is_number_ = false;
  if (detail::traced_numbers != nullptr) [[unlikely]]
    detail::traced_numbers->push_back(own_);
}

void In::promote(DType dtype) {
  own_ = Tensor(core::cast(tensor_->value(), dtype));
  tensor_ = &own_;
}

namespace {
/// The dtype in which two operands of different dtypes meet: that of a float before integers before boolean; i64 for
/// different integers.
DType common_dtype(const Op& op, const In& a, const In& b) {
  const DType s = a.literal();
  const DType t = b.literal();
  if (dtype_rank(s) != dtype_rank(t)) return dtype_rank(s) > dtype_rank(t) ? s : t;
  if (b.is_number()) return s;
  if (s != t && !a.is_number()) {
    if (is_integer(s) && is_integer(t)) return i64;
    raise<DTypeError>(std::string(op.name()) + ": the operands must have the same dtype",
                      "equal float dtypes; convert with to(dtype)",
                      describe(a.value()) + " and " + describe(b.value()));
  }
  return t;
}

void convert(const Op& op, In& x, DType dtype) {
  if (x.is_number()) {
    x.resolve(op.name(), dtype);
  } else if (x.dtype() != dtype) {
    x.promote(dtype);
  }
}
}  // namespace

void match(const Op& op, In& a, In& b) {
  if (!a.is_number() && !b.is_number() && a.dtype() == b.dtype()) return;
  if (a.is_number() && b.is_number()) {
    raise<ValueError>(std::string(op.name()) + ": at least one operand must be a tensor", "a tensor and a number",
                      "two numbers");
  }
  const DType dtype = common_dtype(op, a, b);
  convert(op, a, dtype);
  convert(op, b, dtype);
}

Tensor to(In x, DType dtype) { return x.tensor().to(dtype, x.location()); }

std::int64_t axis_from_last(std::string_view op, std::int64_t axis, std::size_t ndim) {
  return static_cast<std::int64_t>(normalize_axis(op, axis, ndim)) - static_cast<std::int64_t>(ndim);
}
std::int64_t axis_from_last(const Op& op, std::int64_t axis, std::size_t ndim) {
  return axis_from_last(op.name(), axis, ndim);
}

Shape with_leading(const Tensor& g, std::size_t ndim, const Shape& shape) {
  if (g.ndim() == ndim) return shape;
  Shape result = leading(g, ndim);
  for (const auto d : shape) result.push_back(d);
  return result;
}

Tensor map_leading(const Tensor& g, std::size_t ndim, const std::function<Tensor(const Tensor&)>& rule) {
  if (g.ndim() == ndim) return rule(g);
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < g.shape()[0]; ++i) parts.push_back(map_leading(select(g, 0, i), ndim, rule));
  if (parts.empty()) {
    // For an empty batch, zeros determine the shape of the result.
    const Tensor one =
        rule(zeros(Shape(g.shape().end() - static_cast<std::ptrdiff_t>(ndim), g.shape().end()), g.dtype()));
    return zeros(with_leading(g, ndim, one.shape()), one.dtype());
  }
  return stack(parts, 0);
}

}  // namespace newtape
