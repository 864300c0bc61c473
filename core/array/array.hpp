// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/dtype.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/storage.hpp>

#include <concepts>
#include <limits>
#include <type_traits>
#include <utility>

namespace xt {
template <class D>
class xexpression;
}

namespace newtape {

namespace detail {

/// xtensor conversions, defined in <newtape/core/xtensor.hpp> so that only their users pay for them.
template <class T>
struct include_newtape_core_xtensor_hpp;

struct ArrayBody {
  std::atomic<std::uint32_t> refs_{1};
  DType dtype = DType::f32;
  bool contiguous = true;
  std::int64_t size = 0;
  std::byte* data = nullptr;  ///< of the first element
  Shape shape;
  Strides strides;  ///< in elements; 0 along a broadcast axis
  Ref<Storage> storage;

  static void release(ArrayBody* body) noexcept;
};

/// Throws the ValueError of an undefined operand.
[[noreturn]] void undefined_array();

}  // namespace detail

/// An xtensor container, view or expression, or a reference to one.
template <class E>
concept XtensorExpression = std::derived_from<std::remove_cvref_t<E>, xt::xexpression<std::remove_cvref_t<E>>>;

/// A handle to an n-dimensional array: dtype, shape, strides and shared memory. Copies and views share the memory.
class Array {
 public:
  /// An undefined handle: `defined()` is false; every other member throws ValueError.
  Array() noexcept = default;

  /// Uninitialised, C-contiguous.
  static Array empty(const Shape& shape, DType dtype);
  /// A view of `base`'s memory; its first element is `offset` elements after that of `base`.
  static Array view_of(const Array& base, const Shape& shape, const Strides& strides, std::int64_t offset = 0);
  /// Wraps `data` owned by `owner` (an aligned, C-contiguous buffer, a mapped file); `free_owner(owner)` is called
  /// after the last use.
  static Array adopt(const Shape& shape, DType dtype, void* data, void* owner, void (*free_owner)(void*));
  /// Reads `data`, which the caller keeps alive and C-contiguous, without a copy and without ever writing to it.
  static Array borrow(const Shape& shape, DType dtype, const void* data);

  /// The values of any xtensor expression (include <newtape/core/xtensor.hpp>). Integers of one and two bytes, float16 and
  /// bfloat16 keep their type; wider integers become i64. The buffer of a temporary xarray is moved, not copied, where
  /// the type stays.
  template <XtensorExpression E>
  explicit Array(E&& e)
      : Array(detail::include_newtape_core_xtensor_hpp<std::remove_cvref_t<E>>::read(std::forward<E>(e))) {}
  bool defined() const noexcept { return static_cast<bool>(body_); }
  const Shape& shape() const { return body().shape; }
  /// The length of one axis; negative axes count from the last.
  std::int64_t shape(std::int64_t axis) const;
  /// In elements.
  const Strides& strides() const { return body().strides; }
  DType dtype() const { return body().dtype; }
  std::size_t ndim() const { return body().shape.size(); }
  std::int64_t size() const { return body().size; }
  /// Elements are in C order without gaps.
  bool is_contiguous() const { return body().contiguous; }
  /// Contiguous and the only reference to its memory: the buffer may be overwritten.
  bool reusable() const {
    return body().contiguous && body_.unique() && body_->storage.unique() && !body_->storage->lent;
  }
  bool shares_memory_with(const Array& other) const { return body().storage.get() == other.body().storage.get(); }

  /// The first element; DTypeError when `T` is not what the array holds.
  template <Element T>
  const T* data() const {
    expect_dtype(element_dtype<T>);
    return reinterpret_cast<const T*>(body().data);
  }
  template <Element T>
  T* data() {
    expect_dtype(element_dtype<T>);
    return reinterpret_cast<T*>(body().data);
  }
  const void* raw() const { return body().data; }
  void* raw() { return body().data; }

  /// The only element, converted to `T`; ShapeError when there is not exactly one. An integer `T` drops the digits after
  /// the point: ValueError when it does not hold the rest, nor NaN.
  template <Arithmetic T = double>
  T item() const;

  /// An xtensor adaptor on the same memory without a copy (include <newtape/core/xtensor.hpp>); valid while the array
  /// exists.
  template <Element T>
  auto view() {
    return detail::include_newtape_core_xtensor_hpp<T>::view(data<T>(), shape(), strides());
  }
  template <Element T>
  auto view() const {
    return detail::include_newtape_core_xtensor_hpp<T>::view(data<T>(), shape(), strides());
  }

 private:
  explicit Array(detail::Ref<detail::ArrayBody> body) noexcept : body_(std::move(body)) {}
  const detail::ArrayBody& body() const {
    if (!body_) [[unlikely]]
      detail::undefined_array();
    return *body_.get();
  }
  void expect_dtype(DType asked) const;
  double item_as_double() const;
  std::int64_t item_as_int(std::int64_t lowest, std::uint64_t highest) const;

  detail::Ref<detail::ArrayBody> body_;
};

template <Arithmetic T>
T Array::item() const {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    using Limits = std::numeric_limits<T>;
    return static_cast<T>(
        item_as_int(static_cast<std::int64_t>(Limits::min()), static_cast<std::uint64_t>(Limits::max())));
  } else if constexpr (std::is_same_v<T, bool>) {
    return item_as_double() != 0;
  } else {
    return static_cast<T>(item_as_double());
  }
}

/// An argument of an operation on arrays, which is only read while it is borrowed (from an lvalue), and whose memory may
/// be reused for the result when it is given (an rvalue). Neither counts a reference.
class ArrayOperand {
 public:
  ArrayOperand(const Array& borrowed) noexcept : array_(&borrowed) {}
  ArrayOperand(Array&& given) noexcept : array_(&given), given_(&given) {}

  const Array& operator*() const noexcept { return *array_; }
  const Array* operator->() const noexcept { return array_; }
  /// Whether the buffer may be overwritten.
  bool reusable() const { return given_ != nullptr && given_->reusable(); }
  /// The array: moved out when it is given, else another reference.
  Array take() const { return given_ != nullptr ? std::move(*given_) : *array_; }

 private:
  const Array* array_;
  Array* given_ = nullptr;
};

/// The dtype and shape, for messages: "f32 [2, 3]".
std::string describe(const Array& x);

/// DTypeError naming `op` if the dtype of x is for storage only.
void expect_computed(std::string_view op, const Array& x);

/// DTypeError naming `op` unless the elements of x are f32 or f64.
void expect_floating(std::string_view op, const Array& x);

}  // namespace newtape
