// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

// xtensor moved its headers into folders in 0.26; only this file depends on their location.
#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xnoalias.hpp>
#endif

namespace newtape::detail {

/// The element type for values of type V: wide integers, which C++ computes by default, become i64.
template <class V>
using stored_type =
    std::conditional_t<std::is_integral_v<V> && (sizeof(V) > 2), std::int64_t,
                       std::conditional_t<Element<V>, V,
                                          std::conditional_t<std::is_integral_v<V>, std::int64_t,
                                                             std::conditional_t<(sizeof(V) <= 4), float, double>>>>;

template <class T>
struct include_newtape_core_xtensor_hpp {
  /// A new array with the values of an expression.
  template <class E>
  static Array read(const E& e) {
    using V = std::decay_t<typename E::value_type>;
    static_assert(std::is_arithmetic_v<V> || Element<V>, "an Array holds real numbers, integers or booleans");
    using To = stored_type<V>;
    Array x = Array::empty(Shape(e.shape().begin(), e.shape().end()), element_dtype<To>);
    auto out = x.view<To>();
    xt::noalias(out) = xt::cast<To>(e);
    return x;
  }

  /// Takes over the buffer of a temporary container.
  template <Element V, xt::layout_type L, class A, class S>
    requires(L == xt::layout_type::row_major && std::is_same_v<stored_type<V>, V>)
  static Array read(xt::xarray_container<xt::uvector<V, A>, L, S>&& x) {
    using X = xt::xarray_container<xt::uvector<V, A>, L, S>;
    auto* owner = new X(std::move(x));
    return Array::adopt(Shape(owner->shape().begin(), owner->shape().end()), element_dtype<V>, owner->data(), owner,
                        [](void* p) { delete static_cast<X*>(p); });
  }

  /// An adaptor on `data`; P may be const.
  template <class P>
  static auto view(P* data, const Shape& lengths, const Strides& steps) {
    const xt::dynamic_shape<std::size_t> shape(lengths.begin(), lengths.end());
    const xt::dynamic_shape<std::ptrdiff_t> strides(steps.begin(), steps.end());
    // The number of elements, not the extent in memory: copying or moving an adaptor compares the two, and throws when
    // a broadcast or stepped view makes them differ.
    const auto size = static_cast<std::size_t>(element_count(lengths));
    return xt::adapt(data, size, xt::no_ownership(), shape, strides);
  }
};

}  // namespace newtape::detail
