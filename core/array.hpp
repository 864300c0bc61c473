// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/dtype.hpp>
#include <newtape/core/error.hpp>
#include <newtape/core/shape.hpp>
#include <newtape/core/storage.hpp>
#include <newtape/core/xtensor.hpp>

#include <type_traits>
#include <utility>

namespace newtape {

namespace detail {

struct ArrayBody {
  std::atomic<std::uint32_t> refs_{1};
  DType dtype = DType::f32;
  bool contiguous = true;
  std::int64_t size = 0;
  std::byte* data = nullptr;  ///< of the first element
  Shape shape;
  Strides strides;  ///< in elements; 0 along a broadcast axis
  Ref<Storage> storage;

  static void destroy(ArrayBody* body) noexcept;
};

}  // namespace detail

/// A handle to an n-dimensional array: dtype, shape, strides and shared memory. Copies and views share the memory.
class Array {
 public:
  /// No array at all: `defined()` is false, and nothing else may be asked.
  Array() noexcept = default;

  /// Uninitialised, C-contiguous.
  static Array empty(const Shape& shape, DType dtype);
  /// A view of `base`'s memory, `offset` elements behind its first.
  static Array view_of(const Array& base, const Shape& shape, const Strides& strides, std::int64_t offset = 0);
  /// `data` that belong to `owner` (an aligned, C-contiguous buffer, a mapped file), which is freed after its last use.
  static Array adopt(const Shape& shape, DType dtype, void* data, void* owner, void (*free_owner)(void*));

  /// The values of any xtensor expression. An integer type becomes i64.
  template <class E>
  explicit Array(const xt::xexpression<E>& e);
  /// Gives up the buffer of an xarray of float, double, int64 or bool instead of copying it.
  template <Element T, xt::layout_type L, class A, class S>
    requires(L == xt::layout_type::row_major)
  explicit Array(xt::xarray_container<xt::uvector<T, A>, L, S>&& x);

  bool defined() const noexcept { return static_cast<bool>(body_); }
  const Shape& shape() const noexcept { return body_->shape; }
  /// The length of one axis; negative axes count from the last.
  std::int64_t shape(std::int64_t axis) const;
  /// In elements.
  const Strides& strides() const noexcept { return body_->strides; }
  DType dtype() const noexcept { return body_->dtype; }
  std::size_t ndim() const noexcept { return body_->shape.size(); }
  std::int64_t size() const noexcept { return body_->size; }
  /// Elements stand in C order without gaps.
  bool is_contiguous() const noexcept { return body_->contiguous; }
  /// Nobody else holds this memory, and it is contiguous: it may be written over.
  bool reusable() const noexcept { return body_.unique() && body_->contiguous && body_->storage.unique(); }
  bool shares_memory_with(const Array& other) const noexcept {
    return body_->storage.get() == other.body_->storage.get();
  }

  /// The first element; DTypeError when `T` is not what the array holds.
  template <Element T>
  const T* data() const {
    expect_dtype(dtype_of<T>);
    return reinterpret_cast<const T*>(body_->data);
  }
  template <Element T>
  T* data() {
    expect_dtype(dtype_of<T>);
    return reinterpret_cast<T*>(body_->data);
  }
  const void* raw() const noexcept { return body_->data; }
  void* raw() noexcept { return body_->data; }

  /// The only element, converted to `T`; ShapeError when there is not exactly one.
  template <class T = double>
    requires std::is_arithmetic_v<T>
  T item() const;

  /// An xtensor adaptor on the same memory, no copy; it must not outlive the array.
  template <Element T>
  auto view() {
    return adapt(data<T>());
  }
  template <Element T>
  auto view() const {
    return adapt(data<T>());
  }

 private:
  explicit Array(detail::Ref<detail::ArrayBody> body) noexcept : body_(std::move(body)) {}
  void expect_dtype(DType asked) const;
  double item_as_double() const;
  std::int64_t item_as_int() const;

  template <class T>
  auto adapt(T* p) const {
    const xt::dynamic_shape<std::size_t> shape(body_->shape.begin(), body_->shape.end());
    const xt::dynamic_shape<std::ptrdiff_t> strides(body_->strides.begin(), body_->strides.end());
    std::size_t reach = body_->size == 0 ? 0 : 1;  // elements from the first to the last in memory
    if (reach != 0) {
      for (std::size_t i = 0; i < shape.size(); ++i) reach += (shape[i] - 1) * static_cast<std::size_t>(strides[i]);
    }
    return xt::adapt(p, reach, xt::no_ownership(), shape, strides);
  }

  detail::Ref<detail::ArrayBody> body_;
};

template <class E>
Array::Array(const xt::xexpression<E>& e) {
  using V = std::decay_t<typename E::value_type>;
  using T = std::conditional_t<std::is_same_v<V, bool>, bool,
                               std::conditional_t<std::is_integral_v<V>, std::int64_t,
                                                  std::conditional_t<(sizeof(V) <= 4), float, double>>>;
  static_assert(std::is_arithmetic_v<V>, "an Array holds real numbers, integers or booleans");
  const auto& x = e.derived_cast();
  *this = empty(Shape(x.shape().begin(), x.shape().end()), dtype_of<T>);
  auto out = view<T>();
  xt::noalias(out) = xt::cast<T>(x);
}

template <Element T, xt::layout_type L, class A, class S>
  requires(L == xt::layout_type::row_major)
Array::Array(xt::xarray_container<xt::uvector<T, A>, L, S>&& x) {
  using X = xt::xarray_container<xt::uvector<T, A>, L, S>;
  auto* owner = new X(std::move(x));
  *this = adopt(Shape(owner->shape().begin(), owner->shape().end()), dtype_of<T>, owner->data(), owner,
                [](void* p) { delete static_cast<X*>(p); });
}

template <class T>
  requires std::is_arithmetic_v<T>
T Array::item() const {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return static_cast<T>(item_as_int());
  } else if constexpr (std::is_same_v<T, bool>) {
    return item_as_double() != 0;
  } else {
    return static_cast<T>(item_as_double());
  }
}

}  // namespace newtape
