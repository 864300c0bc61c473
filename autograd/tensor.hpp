// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor_methods.hpp>
#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/source_location.hpp>
#include <newtape/core/runtime/storage.hpp>

#include <atomic>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <iterator>
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

namespace detail {
/// What is to see the results of operations on this thread, as bits: the checks of DetectAnomaly, an OpObserver, an
/// OpTracer. Set by observe/grad_hooks.cpp.
extern constinit thread_local unsigned instrumentation;
inline constexpr unsigned detecting_anomalies = 3, observing = 4, tracing = 8;
/// Tells the tracer of this thread that the program reads the elements of x.
void give_read(const Tensor& x);
}  // namespace detail

/// An array and, when it depends on a variable, its node in the graph. Immutable, with value semantics and cheap
/// copies.
class Tensor : public TensorMethods<Tensor> {
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

  /// Whether it holds an array.
  bool defined() const noexcept { return value_.defined(); }
  /// The array, without the graph.
  const Array& value() const noexcept { return value_; }
  /// As of the array: lengths of all axes, or of one; dtype, number of axes, number of elements. ValueError when there
  /// is none.
  const Shape& shape() const { return value_.shape(); }
  std::int64_t shape(std::int64_t axis) const { return value_.shape(axis); }
  DType dtype() const { return value_.dtype(); }
  std::size_t ndim() const { return value_.ndim(); }
  std::int64_t size() const { return value_.size(); }
  /// The only element; ShapeError when there is not exactly one.
  template <class T = double>
  T item() const {
    if ((detail::instrumentation & detail::tracing) != 0) [[unlikely]]
      detail::give_read(*this);
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
  template <class = void>  // `backward({})` is the one with options
  void backward(SourceLocation location = SourceLocation::current()) const {
    backward_at(location);
  }
  void backward(const BackwardOptions& options, SourceLocation location = SourceLocation::current()) const;
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

  /// The node of the graph; null for constants.
  const detail::NodeRef& node() const noexcept { return node_; }
  /// Moves the value out; the node stays.
  Array take_value() noexcept { return std::move(value_); }

 private:
  friend class In;
  void backward_at(SourceLocation location) const;
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

/// The dtype that numbers of a C++ type get in `tensor` unless one is given, as in PyTorch: i64 for integers, f32 for
/// floats, boolean for bool.
template <Arithmetic N>
inline constexpr DType literal_dtype = std::same_as<N, bool> ? boolean
                                       : std::integral<N>    ? i64
                                                             : f32;

namespace detail {
/// A number, or a list of them or of lists, of any depth, in the source.
class NestedList {
 public:
  template <Arithmetic N>
  constexpr NestedList(N number) noexcept
      : real_(static_cast<double>(number)),
        integer_(std::integral<N> ? static_cast<std::int64_t>(number) : 0),
        dtype_(literal_dtype<N>) {}
  constexpr NestedList(std::initializer_list<NestedList> list) noexcept
      : items_(list), dtype_(f32), is_number_(false) {}

  constexpr bool is_number() const noexcept { return is_number_; }
  constexpr const NestedList* begin() const noexcept { return items_.begin(); }
  constexpr const NestedList* end() const noexcept { return items_.end(); }
  constexpr std::int64_t size() const noexcept { return static_cast<std::int64_t>(items_.size()); }
  constexpr DType dtype() const noexcept { return dtype_; }
  template <class T>
  constexpr T as() const {
    if (dtype_ == i64) return static_cast<T>(integer_);
    if constexpr (std::same_as<T, std::int64_t>) return truncated();
    return static_cast<T>(real_);
  }

 private:
  std::int64_t truncated() const;  ///< ValueError when real_ does not fit

  std::initializer_list<NestedList> items_;
  double real_ = 0;
  std::int64_t integer_ = 0;
  DType dtype_;
  bool is_number_ = true;
};

/// Of the dtype of the literals: f32 when there is a float among them or none at all. ValueError for a number that is
/// beyond the range of an integer `dtype`.
Tensor from_list(const NestedList& list);
Tensor from_list(const NestedList& list, DType dtype);
/// All elements `value`, exactly where `dtype` is i64.
Tensor full_of(const Shape& shape, std::int64_t value, DType dtype);
/// A copy of `size` elements of a C++ type.
template <Arithmetic T>
Tensor from_elements(const T* from, const Shape& shape, std::size_t size, DType dtype);

/// A container of contiguous numbers: a vector, an array, a span.
template <class R> concept NumberRange = !XtensorExpression<R> && requires(const R& r) {
  std::size(r);
  requires Arithmetic<std::remove_cvref_t<decltype(*std::data(r))>>;
};
template <class R>
using NumberOf = std::remove_cvref_t<decltype(*std::data(std::declval<const R&>()))>;
}  // namespace detail

/// A constant from a number, or from numbers in braces of any depth: `tensor({0, 1, 2})` is i64, `tensor({{0.5, 1}, {2,
/// 3}})` f32, `tensor({1, 2}, f64)` what is asked for; floats given for an integer dtype lose the digits after their
/// points. ShapeError when lists at one level differ in length, ValueError for NaN, infinity or 1e300 as an integer.
template <Arithmetic N>
Tensor tensor(N value, DType dtype = literal_dtype<N>) {
  return detail::from_elements(&value, {}, 1, dtype);
}
template <Arithmetic N>
Tensor tensor(std::initializer_list<N> values, DType dtype = literal_dtype<N>) {
  return detail::from_elements(values.begin(), {static_cast<std::int64_t>(values.size())}, values.size(), dtype);
}
inline Tensor tensor(std::initializer_list<detail::NestedList> values) { return detail::from_list(values); }
inline Tensor tensor(std::initializer_list<detail::NestedList> values, DType dtype) {
  return detail::from_list(values, dtype);
}
/// A copy of a vector, span or array of numbers, of their type: i64 for integers, f32 or f64 for floats; with a shape,
/// in C order. ShapeError unless the shape has as many elements.
template <detail::NumberRange R>
Tensor tensor(const R& values, DType dtype = dtype_of<detail::NumberOf<R>>) {
  return detail::from_elements(std::data(values), {static_cast<std::int64_t>(std::size(values))}, std::size(values),
                               dtype);
}
template <detail::NumberRange R>
Tensor tensor(const R& values, const Shape& shape, DType dtype = dtype_of<detail::NumberOf<R>>) {
  return detail::from_elements(std::data(values), shape, std::size(values), dtype);
}
/// The elements at `data`, in C order, without a copy. They are only read, and must outlive the tensor and all views of
/// it.
template <Element T>
Tensor from_blob(const T* data, const Shape& shape) {
  return Array::borrow(shape, element_dtype<T>, data);
}
/// A constant of zeros, of ones, or of one number: DTypeError for one with digits after its point, for NaN and infinity,
/// and ValueError for one beyond +-2^63, when `dtype` is an integer.
Tensor zeros(const Shape& shape, DType dtype = f32);
Tensor ones(const Shape& shape, DType dtype = f32);
Tensor full(const Shape& shape, double value, DType dtype = f32);
template <std::same_as<std::int64_t> N>
Tensor full(const Shape& shape, N value, DType dtype = f32) {
  return detail::full_of(shape, value, dtype);
}
/// 0, 1, .., n - 1.
Tensor arange(std::int64_t n, DType dtype = i64);
/// Ones on the diagonal of a matrix, by default square.
Tensor eye(std::int64_t n, DType dtype = f32);
Tensor eye(std::int64_t rows, std::int64_t columns, DType dtype = f32);
/// A constant of the shape and dtype of x.
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);

namespace detail {
extern constinit thread_local bool recording;
}  // namespace detail

/// Whether operations on this thread are recorded.
inline bool grad_enabled() noexcept { return detail::recording; }

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

namespace detail {
/// The checks of DetectAnomaly that are on: see observe/anomaly.hpp.
inline unsigned gradient_checks() noexcept { return instrumentation & detecting_anomalies; }
/// Whether operands are shown after an operation: while anomalies are detected or operations are traced.
inline bool keeps_operands() noexcept { return (instrumentation & (detecting_anomalies | tracing)) != 0; }
}  // namespace detail

/// A Parameter, or another type that converts to a Tensor.
template <class P>
concept TensorHolder = !std::same_as<P, Tensor> && !std::same_as<P, In> && std::convertible_to<const P&, const Tensor&>;

/// An operand with the source line of the call: a Tensor, anything that converts to one, or a number, which takes the
/// dtype of the other operand (but a float with an i64 or boolean tensor gives f32). It refers to the caller's tensor,
/// but a copy owns its tensor, so pullbacks may capture it by value (never by reference). A temporary tensor is moved in,
/// and `take()` moves its array out. An integer that a double does not hold (beyond 2^53) becomes an i64 tensor.
class In {
 public:
  // Not inline: expressions consist mostly of these calls, and compile twice as fast this way.
  // ValueError when the tensor is undefined.
  In(const Tensor& x, SourceLocation location = SourceLocation::current());
  In(Tensor&& x, SourceLocation location = SourceLocation::current());
  In(Array x, SourceLocation location = SourceLocation::current());
  template <Arithmetic N>
  In(N number, SourceLocation location = SourceLocation::current())
      : In(Number{static_cast<double>(number), literal_dtype<N>}, location) {
    if constexpr (std::integral<N> && sizeof(N) == sizeof(std::int64_t)) {
      if ((number_ >= 0x1p53 || number_ <= -0x1p53) && std::in_range<std::int64_t>(number)) {
        keep_digits(static_cast<std::int64_t>(number));
      }
    }
  }
  template <TensorHolder P>
  In(const P& holder, SourceLocation location = SourceLocation::current())
      : In(static_cast<const Tensor&>(holder), location) {}
  /// An operand that is left out, whose tensor is undefined. For the implementation of operations.
  static In absent(SourceLocation location = SourceLocation::current()) noexcept;
  In(const In& o);
  In(In&& o) noexcept;
  In& operator=(const In&) = delete;
  ~In();

  /// The operand as a tensor; a number becomes a constant, of its literal's dtype unless it was resolved to another.
  operator const Tensor&() const { return tensor(); }
  const Tensor& tensor() const { return is_number() ? promoted() : *tensor_; }
  const Array& value() const { return tensor().value(); }
  const Shape& shape() const { return tensor().shape(); }
  DType dtype() const { return tensor().dtype(); }
  std::size_t ndim() const { return tensor().ndim(); }
  std::int64_t size() const { return tensor().size(); }
  bool requires_grad() const noexcept { return tensor_->requires_grad(); }
  /// The line of the caller, for messages.
  SourceLocation location() const noexcept { return location_; }

  /// The value, moved out when the argument was a temporary, so that a kernel may overwrite it. Only for operations
  /// whose pullbacks do not capture this argument. Not moved while operands are shown.
  ArrayOperand operand() { return is_given() ? ArrayOperand(std::move(own_.value_)) : ArrayOperand(value()); }
  /// operand() as an array.
  Array take() { return operand().take(); }

  /// Whether it is a number that has no dtype yet. It becomes a 0-d f32 tensor when it is used as a tensor.
  bool is_number() const noexcept { return is_number_; }
  double number() const noexcept { return number_; }
  /// Of the tensor, or of the literal: boolean, i64 or f32.
  DType literal() const { return is_number() ? literal_ : tensor_->dtype(); }
  /// Gives this number a dtype. DTypeError naming `op` when it is not an integer and `dtype` is not a float.
  void resolve(const char* op, DType dtype);
  /// Converts an i64 or boolean tensor, a constant.
  void promote(DType dtype);

 private:
  struct Number {
    double value;
    DType literal;
  };
  In(Number number, SourceLocation location) noexcept;
  void keep_digits(std::int64_t integer);
  explicit In(SourceLocation location) noexcept : tensor_(&own_), location_(location) {}
  const Tensor& promoted() const;
  bool is_given() const noexcept { return tensor_ == &own_ && !is_number() && !detail::keeps_operands(); }

  mutable Tensor own_;
  const Tensor* tensor_;
  SourceLocation location_;
  mutable bool is_number_ = false;
  DType literal_ = f32;  ///< of a number
  double number_ = 0;
};

/// x converted to `dtype`: x.to(dtype).
Tensor to(In x, DType dtype);

}  // namespace newtape
