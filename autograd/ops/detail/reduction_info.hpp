// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <algorithm>

namespace newtape::detail {

/// Shapes and axes of a reduction, for its pullback.
struct ReductionInfo {
  Shape shape;       ///< of the operand
  Dims axes;         ///< the reduced axes
  Shape kept;        ///< of the result with keepdims
  std::size_t ndim;  ///< of the result

  ReductionInfo(const char* op, const Shape& x, const Axes& which, bool keepdims)
      : shape(x), axes(which.normalized(op, x.size())), kept(x), ndim(x.size()) {
    for (const auto a : axes) {
      kept[static_cast<std::size_t>(a)] = 1;
      ndim -= keepdims ? 0 : 1;
    }
  }
  /// The number of elements reduced to each result.
  double count() const {
    double n = 1;
    for (const auto a : axes) n *= static_cast<double>(shape[static_cast<std::size_t>(a)]);
    return n;
  }
  /// A tensor of the result's shape, with the reduced axes inserted with length 1.
  Tensor align(const Tensor& g) const { return reshape(g, with_leading(g, ndim, kept)); }
  /// align, expanded to the operand's shape.
  Tensor spread(const Tensor& g) const { return expand(align(g), with_leading(g, ndim, shape)); }

  /// The operand with the reduced axes merged into one, the last: for reductions over one axis.
  Tensor rows(const In& x) const {
    if (axes.size() == 1 && axes[0] + 1 == static_cast<std::int64_t>(shape.size())) return x;
    Dims order;
    Shape flat;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end()) continue;
      order.push_back(static_cast<std::int64_t>(i));
      flat.push_back(shape[i]);
    }
    for (const auto a : axes) order.push_back(a);
    flat.push_back(static_cast<std::int64_t>(count()));
    return reshape(permute(x, order), flat);
  }
  /// The reduced rows, one number each, in the shape of the result.
  Tensor result(const Tensor& y, bool keepdims) const { return keepdims ? reshape(y, kept) : y; }
};

}  // namespace newtape::detail
