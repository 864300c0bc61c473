// SPDX-License-Identifier: BSD-3-Clause
// What the sources of families share.
#pragma once

#include <newtape/distributions/distribution.hpp>

#include <functional>

namespace newtape::distributions::detail {

/// A parameter, repeated for the draws of this shape; a constant.
Array repeated(const Tensor& parameter, const Shape& shape);
/// Constants of this shape and of the dtype of `like`.
Tensor uniform_noise(const Shape& shape, const Tensor& like, Generator& generator);  ///< in [0, 1)
Tensor normal_noise(const Shape& shape, const Tensor& like, Generator& generator);
Tensor exponential_noise(const Shape& shape, const Tensor& like, Generator& generator);

Tensor xlogx_sum(const Tensor& probs,
                 const Tensor& logs);            ///< sum of probs * logs over the last axis; 0 where probs = 0
Tensor lbeta(const Tensor& a, const Tensor& b);  ///< log B(a, b)
Tensor log1p_square(const Tensor& z);            ///< log(1 + z^2), also where z^2 overflows
Tensor nan_like(const Tensor& x);

/// The least integer n >= 0 with cdf(n) >= p, by bisection; `top` where p = 1. A constant.
Tensor integer_quantile(const Tensor& p, const std::function<Tensor(const Tensor&)>& cdf, const Tensor& top);

}  // namespace newtape::distributions::detail
