// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/ops/index.hpp>

#include <utility>

namespace newtape::detail {

/// f(x) for an elementwise function f. Of a broadcast view, as the cotangent of a sum is, f sees each element once, and
/// the result is such a view, too.
template <class F>
Array on_distinct(Array x, const F& f) {
  if (x.is_contiguous() || core::on_placeholders()) return f(std::move(x));
  Shape distinct = x.shape();
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (x.strides()[i] == 0) distinct[i] = 1;
  }
  if (distinct == x.shape()) return f(std::move(x));
  return core::expand(f(Array::view_of(x, distinct, x.strides())), x.shape());
}

}  // namespace newtape::detail
