// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/source_location.hpp>
#include <newtape/core/array/array.hpp>

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

/// The part of a node that a reference to it needs to see.
struct Counted {
  std::atomic<std::uint32_t> refs{1};
};
/// Gives back one reference.
void release_node(Counted* node) noexcept;

/// A counted reference to a node of the graph, or to none.
class NodeRef {
 public:
  NodeRef() noexcept = default;
  explicit NodeRef(Counted* node) noexcept : node_(node) {
    if (node_ != nullptr) node_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  /// Takes over one reference that the caller holds.
  static NodeRef adopt(Counted* node) noexcept {
    NodeRef r;
    r.node_ = node;
    return r;
  }
  NodeRef(const NodeRef& o) noexcept : NodeRef(o.node_) {}
  NodeRef(NodeRef&& o) noexcept : node_(std::exchange(o.node_, nullptr)) {}
  NodeRef& operator=(NodeRef o) noexcept {
    std::swap(node_, o.node_);
    return *this;
  }
  ~NodeRef() {
    if (node_ != nullptr) release_node(node_);
  }
  Node* get() const noexcept;
  explicit operator bool() const noexcept { return node_ != nullptr; }

 private:
  Counted* node_ = nullptr;
};
}  // namespace detail

/// Sees the gradient of a tensor, and returns what is to go on in its place; an undefined tensor leaves it as it is.
using GradHook = std::function<Tensor(const Tensor&)>;

/// A hook that was registered; it stays when this handle dies.
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::weak_ptr<GradHook> hook) : hook_(std::move(hook)) {}
  /// The hook is not called any more.
  void remove();

 private:
  std::weak_ptr<GradHook> hook_;
};

/// An array and, when it depends on a variable, its place in the graph. A value: copying is cheap, and it never
/// changes.
class Tensor {
 public:
  /// No tensor at all: `defined()` is false.
  Tensor() noexcept = default;
  /// A constant.
  Tensor(Array value) noexcept : value_(std::move(value)) {}
  /// A constant with the values of an xtensor expression.
  template <class E>
    requires std::derived_from<std::remove_cvref_t<E>, xt::xexpression<std::remove_cvref_t<E>>>
  explicit Tensor(E&& e) : value_(std::forward<E>(e)) {}
  Tensor(Array value, detail::NodeRef node) noexcept : value_(std::move(value)), node_(std::move(node)) {}
  Tensor(const Tensor&) noexcept = default;
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  ~Tensor();

  bool defined() const noexcept { return value_.defined(); }
  const Array& value() const noexcept { return value_; }
  const Shape& shape() const noexcept { return value_.shape(); }
  std::int64_t shape(std::int64_t axis) const { return value_.shape(axis); }
  DType dtype() const noexcept { return value_.dtype(); }
  std::size_t ndim() const noexcept { return value_.ndim(); }
  std::int64_t size() const noexcept { return value_.size(); }
  /// The only element; ShapeError when there is not exactly one.
  template <class T = double>
  T item() const {
    return value_.item<T>();
  }

  /// It depends on a variable, and the tape knows how.
  bool requires_grad() const noexcept { return static_cast<bool>(node_); }
  bool is_leaf() const noexcept;
  /// The same values as a constant.
  Tensor detach() const { return Tensor(value_); }
  /// Converted to `dtype`; differentiable among the float dtypes.
  Tensor to(DType dtype, SourceLocation location = SourceLocation::current()) const;

  /// A part, as NumPy indexes: x[2], x[mask], x[{Slice(1, 5), 0, ellipsis, newaxis, indices}]. See ops/indexing.hpp.
  Tensor operator[](const Index& index) const;
  Tensor operator[](std::initializer_list<Index> indices) const;

  /// Adds the derivative of this one-element tensor to the `grad()` of every variable that it depends on.
  /// ValueError when it depends on none, or when the graph was released by an earlier backward.
  void backward() const;
  void backward(const BackwardOptions& options) const;
  /// What `backward` left in this variable, or in this result since `retain_grad`; undefined when nothing yet. Every
  /// copy sees it. ValueError for a constant, and for a result that retains nothing.
  Tensor grad() const;
  /// Puts another gradient in its place; an undefined one clears it.
  void set_grad(Tensor grad) const;
  /// Lets a result of an operation keep its gradient like a variable. ValueError for a constant.
  void retain_grad() const;
  /// Calls `hook` in every sweep that comes here, with the gradient once it is complete (after any batch axes, if the
  /// cotangents have them), before it is kept or goes on. Hooks are called in the order of registration. Register them
  /// while no other thread sweeps. ValueError for a constant.
  HookHandle register_hook(GradHook hook) const;

  const detail::NodeRef& node() const noexcept { return node_; }
  /// Moves the value out; the place in the graph stays.
  Array take_value() noexcept { return std::move(value_); }

 private:
  Array value_;
  detail::NodeRef node_;
};

/// A leaf of the graph: a tensor whose gradient is wanted. DTypeError unless the dtype is a float.
Tensor variable(Array value);
template <class E>
  requires std::derived_from<E, xt::xexpression<E>> Tensor variable(const E& e) { return variable(Array(e)); }
inline Tensor variable(const Tensor& x) { return variable(x.value()); }

/// A constant from numbers in the source: `tensor({1, 2, 3})`, `tensor({{1, 2}, {3, 4}})`, `tensor(0.5, f64)`.
Tensor tensor(double value, DType dtype = f32);
Tensor tensor(std::initializer_list<double> values, DType dtype = f32);
Tensor tensor(std::initializer_list<std::initializer_list<double>> rows, DType dtype = f32);
Tensor zeros(const Shape& shape, DType dtype = f32);
Tensor ones(const Shape& shape, DType dtype = f32);
Tensor full(const Shape& shape, double value, DType dtype = f32);
Tensor arange(std::int64_t n, DType dtype = i64);
Tensor eye(std::int64_t n, DType dtype = f32);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);

/// Whether operations on this thread are being recorded.
bool grad_enabled() noexcept;

/// Sets recording for a scope on this thread.
class GradMode {
 public:
  explicit GradMode(bool enabled) noexcept;
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

/// Nothing is recorded while one of these is in scope.
struct NoGrad : GradMode {
  NoGrad() noexcept : GradMode(false) {}
};

/// What an operation takes: a Tensor, anything that converts to one, or a number, which takes the dtype of the other
/// operand; and the line of the call. It refers to the caller's tensor, but a copy of it owns what it holds: so a
/// pullback may capture it by value (never by reference). A temporary tensor is moved in, and gives its memory up in
/// `take()`.
class In {
 public:
  // Not inline: an expression of a script is mostly these, and compiles twice as fast so.
  In(const Tensor& x, SourceLocation location = SourceLocation::current()) noexcept;
  In(Tensor&& x, SourceLocation location = SourceLocation::current()) noexcept;
  In(Array x, SourceLocation location = SourceLocation::current()) noexcept;
  template <class S>
    requires std::is_arithmetic_v<S> In(S number, SourceLocation location = SourceLocation::current())
  noexcept : In(Number{static_cast<double>(number)}, location) {}
  /// A Parameter, or another holder of a tensor.
  template <class P>
    requires(!std::same_as<P, Tensor> && !std::same_as<P, In> && std::convertible_to<const P&, const Tensor&>)
  In(const P& holder, SourceLocation location = SourceLocation::current())
  noexcept : In(static_cast<const Tensor&>(holder), location) {}
  In(const In& o);
  In(In&& o) noexcept;
  In& operator=(const In&) = delete;
  ~In();

  operator const Tensor&() const noexcept { return *tensor_; }
  const Tensor& tensor() const noexcept { return *tensor_; }
  const Array& value() const noexcept { return tensor_->value(); }
  const Shape& shape() const noexcept { return tensor_->shape(); }
  DType dtype() const noexcept { return tensor_->dtype(); }
  std::size_t ndim() const noexcept { return tensor_->ndim(); }
  std::int64_t size() const noexcept { return tensor_->size(); }
  bool requires_grad() const noexcept { return tensor_->requires_grad(); }
  SourceLocation location() const noexcept { return location_; }

  /// The value, given up when the argument was a temporary, so that a kernel may write over it. Only for an operation
  /// whose pullbacks do not capture this argument.
  Array take() { return tensor_ == &own_ ? own_.take_value() : tensor_->value(); }

  /// Still a number without a dtype.
  bool is_number() const noexcept { return !tensor_->defined(); }
  double number() const noexcept { return number_; }
  /// Gives this number a dtype. DTypeError naming `op` when it is not a whole number and `dtype` is no float.
  void resolve(const char* op, DType dtype);

 private:
  struct Number {
    double value;
  };
  In(Number number, SourceLocation location) noexcept;

  Tensor own_;
  const Tensor* tensor_;
  SourceLocation location_;
  double number_ = 0;
};

}  // namespace newtape
