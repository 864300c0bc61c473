// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/source_location.hpp>
#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/storage.hpp>

#include <atomic>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>

namespace newtape {

class Index;
class Tensor;
struct BackwardOptions;

namespace detail {
class Node;

/// The reference count, the base class of a node.
struct NodeCount {
  std::atomic<std::uint32_t> refs_{1};
  static void release(NodeCount* node) noexcept;
};

/// A counted reference to a node of the graph, or to none.
using NodeRef = Ref<Node, NodeCount>;
}  // namespace detail

/// Receives the gradient of a tensor and returns its replacement; an undefined tensor keeps the gradient.
using GradHook = std::function<Tensor(const Tensor&)>;

/// A registered hook; it stays registered when this handle is destroyed.
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::weak_ptr<GradHook> hook) : hook_(std::move(hook)) {}
  /// Unregisters the hook.
  void remove();

 private:
  std::weak_ptr<GradHook> hook_;
};

/// An array and, when it depends on a variable, its node in the graph. Immutable, with value semantics and cheap
/// copies.
class Tensor {
 public:
  /// The undefined tensor: `defined()` is false.
  Tensor() noexcept = default;
  /// A constant.
  Tensor(Array value) noexcept : value_(std::move(value)) {}
  /// A constant with the values of an xtensor expression.
  template <XtensorExpression E>
  explicit Tensor(E&& e) : value_(std::forward<E>(e)) {}
  Tensor(Array value, detail::NodeRef node) noexcept : value_(std::move(value)), node_(std::move(node)) {}
  Tensor(const Tensor&) noexcept = default;
  Tensor(Tensor&&) noexcept = default;
  // Not for temporaries: x[0] = y would change a copy. `index_put` gives a tensor with other values at an index.
  Tensor& operator=(const Tensor&) & noexcept = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  ~Tensor();

  bool defined() const noexcept { return value_.defined(); }
  const Array& value() const noexcept { return value_; }
  const Shape& shape() const { return value_.shape(); }
  std::int64_t shape(std::int64_t axis) const { return value_.shape(axis); }
  DType dtype() const { return value_.dtype(); }
  std::size_t ndim() const { return value_.ndim(); }
  std::int64_t size() const { return value_.size(); }
  /// The only element; ShapeError when there is not exactly one.
  template <class T = double>
  T item() const {
    return value_.item<T>();
  }

  /// Whether it is a variable or was recorded as depending on one.
  bool requires_grad() const noexcept { return static_cast<bool>(node_); }
  bool is_leaf() const noexcept;
  /// The same value as a constant.
  Tensor detach() const { return Tensor(value_); }
  /// Converted to `dtype`; differentiable among the float dtypes.
  Tensor to(DType dtype, SourceLocation location = SourceLocation::current()) const;

  /// NumPy's indexing: x[2], x[mask], x[{Slice(1, 5), 0, ellipsis, newaxis, indices}]. See ops/indexing.hpp.
  Tensor operator[](const Index& index) const;
  Tensor operator[](std::initializer_list<Index> indices) const;

  /// Adds the derivative of this one-element tensor to the `grad()` of every variable that it depends on.
  /// ValueError when it depends on none, or when the graph was released by an earlier backward.
  void backward() const;
  void backward(const BackwardOptions& options) const;
  /// The gradient that `backward` accumulated in this variable, or in this result since `retain_grad`; undefined before
  /// the first. Shared by all copies. ValueError for a constant and for a result without `retain_grad`.
  Tensor grad() const;
  /// Replaces the gradient; an undefined tensor clears it. ShapeError unless it has this shape and dtype.
  void set_grad(Tensor grad) const;
  /// Makes the result of an operation keep its gradient as a variable does. ValueError for a constant.
  void retain_grad() const;
  /// Calls `hook` in every sweep with the complete gradient of this tensor (after any batch axes of the cotangents),
  /// before it is stored or propagated. Hooks run in the order of registration. Do not register while another thread
  /// runs a sweep. ValueError for a constant.
  HookHandle register_hook(GradHook hook) const;

  const detail::NodeRef& node() const noexcept { return node_; }
  /// Moves the value out; the node stays.
  Array take_value() noexcept { return std::move(value_); }

 private:
  Array value_;
  detail::NodeRef node_;
};

/// A leaf of the graph: a tensor with a gradient. DTypeError unless the dtype is a float.
Tensor variable(Array value);
template <XtensorExpression E>
Tensor variable(const E& e) {
  return variable(Array(e));
}
inline Tensor variable(const Tensor& x) { return variable(x.value()); }

namespace detail {
/// A number in a list. A class, so that `{{1}, {2}}` converts better to a list of rows than to a list of numbers.
struct ListNumber {
  template <Arithmetic N>
  constexpr ListNumber(N number) noexcept : value(static_cast<double>(number)) {}
  double value;
};
Tensor from_number(double value, DType dtype);
Tensor from_numbers(const double* values, std::size_t size, DType dtype);
}  // namespace detail

/// A constant from numbers in the source: `tensor({1, 2, 3})`, `tensor({{1, 2}, {3, 4}})`, `tensor(0.5, f64)`.
template <Arithmetic N>
Tensor tensor(N value, DType dtype = f32) {
  return detail::from_number(static_cast<double>(value), dtype);
}
template <std::same_as<double> D>
Tensor tensor(std::initializer_list<D> values, DType dtype = f32) {
  return detail::from_numbers(values.begin(), values.size(), dtype);
}
Tensor tensor(std::initializer_list<detail::ListNumber> values, DType dtype = f32);
Tensor tensor(std::initializer_list<std::initializer_list<double>> rows, DType dtype = f32);
Tensor zeros(const Shape& shape, DType dtype = f32);
Tensor ones(const Shape& shape, DType dtype = f32);
Tensor full(const Shape& shape, double value, DType dtype = f32);
Tensor arange(std::int64_t n, DType dtype = i64);
Tensor eye(std::int64_t n, DType dtype = f32);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);

/// Whether operations on this thread are recorded.
bool grad_enabled() noexcept;

/// Turns recording on or off for a scope on this thread.
class GradMode {
 public:
  explicit GradMode(bool enabled) noexcept;
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

/// Turns recording off for a scope on this thread.
struct NoGrad : GradMode {
  NoGrad() noexcept : GradMode(false) {}
};

class In;

/// A Parameter, or another type that converts to a Tensor.
template <class P>
concept TensorHolder = !std::same_as<P, Tensor> && !std::same_as<P, In> && std::convertible_to<const P&, const Tensor&>;

/// An operand with the source line of the call: a Tensor, anything that converts to one, or a number, which takes the
/// dtype of the other operand. It refers to the caller's tensor, but a copy owns its tensor, so pullbacks may capture
/// it by value (never by reference). A temporary tensor is moved in, and `take()` moves its array out.
class In {
 public:
  // Not inline: expressions consist mostly of these calls, and compile twice as fast this way.
  // ValueError when the tensor is undefined.
  In(const Tensor& x, SourceLocation location = SourceLocation::current());
  In(Tensor&& x, SourceLocation location = SourceLocation::current());
  In(Array x, SourceLocation location = SourceLocation::current());
  template <Arithmetic N>
  In(N number, SourceLocation location = SourceLocation::current()) noexcept
      : In(Number{static_cast<double>(number)}, location) {}
  template <TensorHolder P>
  In(const P& holder, SourceLocation location = SourceLocation::current())
      : In(static_cast<const Tensor&>(holder), location) {}
  /// An operand that is left out, whose tensor is undefined. For the implementation of operations.
  static In absent() noexcept;
  In(const In& o);
  In(In&& o) noexcept;
  In& operator=(const In&) = delete;
  ~In();

  operator const Tensor&() const { return tensor(); }
  const Tensor& tensor() const { return is_number() ? promoted() : *tensor_; }
  const Array& value() const { return tensor().value(); }
  const Shape& shape() const { return tensor().shape(); }
  DType dtype() const { return tensor().dtype(); }
  std::size_t ndim() const { return tensor().ndim(); }
  std::int64_t size() const { return tensor().size(); }
  bool requires_grad() const noexcept { return tensor_->requires_grad(); }
  SourceLocation location() const noexcept { return location_; }

  /// The value, moved out when the argument was a temporary, so that a kernel may overwrite it. Only for operations
  /// whose pullbacks do not capture this argument.
  Array take() { return tensor_ == &own_ && !is_number() ? own_.take_value() : value(); }

  /// Whether it is a number that has no dtype yet. It becomes a 0-d f32 tensor when it is used as a tensor.
  bool is_number() const noexcept { return is_number_; }
  double number() const noexcept { return number_; }
  /// Gives this number a dtype. DTypeError naming `op` when it is not an integer and `dtype` is not a float.
  void resolve(const char* op, DType dtype);

 private:
  struct Number {
    double value;
  };
  In(Number number, SourceLocation location) noexcept;
  In() noexcept : tensor_(&own_) {}
  const Tensor& promoted() const;

  mutable Tensor own_;
  const Tensor* tensor_;
  SourceLocation location_;
  mutable bool is_number_ = false;
  double number_ = 0;
};

}  // namespace newtape
