// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tensor.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape {

Tensor variable(Array value) {
  if (!value.defined() || !is_floating(value.dtype())) {
    raise<DTypeError>("variable: the dtype must be a float", "f32 or f64",
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

Tensor Tensor::grad() const { return cell_of(*this, "grad").get(); }

void Tensor::set_grad(Tensor grad) const {
  auto& cell = cell_of(*this, "set_grad");
  if (grad.defined() && (grad.shape() != shape() || grad.dtype() != dtype())) {
    raise<ShapeError>("set_grad: a gradient must have its variable's shape and dtype",
                      std::string(name(dtype())) + " " + to_string(shape()), describe(grad.value()));
  }
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

Tensor detail::from_numbers(const double* values, std::size_t size, DType dtype) {
  Array x = Array::empty({static_cast<std::int64_t>(size)}, f64);
  std::copy_n(values, size, x.data<double>());
  return core::cast(std::move(x), dtype);
}

Tensor detail::from_number(double value, DType dtype) { return core::number(value, dtype); }

Tensor tensor(std::initializer_list<detail::ListNumber> values, DType dtype) {
  Array x = Array::empty({static_cast<std::int64_t>(values.size())}, f64);
  std::transform(values.begin(), values.end(), x.data<double>(),
                 [](detail::ListNumber number) { return number.value; });
  return core::cast(std::move(x), dtype);
}

Tensor tensor(std::initializer_list<std::initializer_list<double>> rows, DType dtype) {
  const auto columns = static_cast<std::int64_t>(rows.size() == 0 ? 0 : rows.begin()->size());
  Array x = Array::empty({static_cast<std::int64_t>(rows.size()), columns}, f64);
  double* out = x.data<double>();
  for (const auto& row : rows) {
    if (static_cast<std::int64_t>(row.size()) != columns) {
      raise<ShapeError>("tensor: all rows must have the same length", std::to_string(columns) + " numbers",
                        std::to_string(row.size()));
    }
    out = std::copy(row.begin(), row.end(), out);
  }
  return core::cast(std::move(x), dtype);
}

Tensor zeros(const Shape& shape, DType dtype) { return core::zeros(shape, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return core::ones(shape, dtype); }
Tensor full(const Shape& shape, double value, DType dtype) { return core::full(shape, value, dtype); }
Tensor arange(std::int64_t n, DType dtype) { return core::arange(n, dtype); }
Tensor eye(std::int64_t n, DType dtype) { return core::eye(n, dtype); }
Tensor zeros_like(const Tensor& x) { return core::full_like(x.value(), 0); }
Tensor ones_like(const Tensor& x) { return core::full_like(x.value(), 1); }

void In::resolve(const char* op, DType dtype) {
  if (!is_floating(dtype) && number_ != std::floor(number_)) {
    raise<DTypeError>(std::string(op) + ": a number takes the dtype of the other operand",
                      "an integer for " + std::string(name(dtype)) + ", or an operand converted with to(f32)",
                      std::to_string(number_));
  }
  own_ = Tensor(core::number(number_, dtype));
  tensor_ = &own_;
  is_number_ = false;
}

void match(const Op& op, In& a, In& b) {
  if (a.is_number() || b.is_number()) {
    if (a.is_number() && b.is_number()) {
      raise<ValueError>(std::string(op.name()) + ": at least one operand must be a tensor", "a tensor and a number",
                        "two numbers");
    }
    a.is_number() ? a.resolve(op.name(), b.dtype()) : b.resolve(op.name(), a.dtype());
  } else if (a.dtype() != b.dtype()) {
    raise<DTypeError>(std::string(op.name()) + ": the operands must have the same dtype",
                      "equal dtypes; convert with to(dtype)", describe(a.value()) + " and " + describe(b.value()));
  }
}

std::int64_t axis_from_last(const Op& op, std::int64_t axis, std::size_t ndim) {
  return static_cast<std::int64_t>(normalize_axis(op.name(), axis, ndim)) - static_cast<std::int64_t>(ndim);
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
