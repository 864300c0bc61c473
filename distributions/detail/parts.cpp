// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random_distributions.hpp>
#include <newtape/distributions/detail/parts.hpp>

#include <cmath>
#include <limits>

namespace newtape::distributions::detail {

Array repeated(const Tensor& parameter, const Shape& shape) {
  return core::contiguous(expand(parameter.detach(), shape).value());
}
Tensor uniform_noise(const Shape& shape, const Tensor& like, Generator& generator) {
  return random::uniform(shape, 0, 1, like.dtype(), generator);
}
Tensor normal_noise(const Shape& shape, const Tensor& like, Generator& generator) {
  return random::normal(shape, 0, 1, like.dtype(), generator);
}
Tensor exponential_noise(const Shape& shape, const Tensor& like, Generator& generator) {
  return random::exponential(shape, 1, like.dtype(), generator);
}

Tensor xlogx_sum(const Tensor& probs, const Tensor& logs) {
  return sum(where(probs == 0, 0.0, probs * where(probs == 0, 0.0, logs)), -1);
}
Tensor lbeta(const Tensor& a, const Tensor& b) { return lgamma(a) + lgamma(b) - lgamma(a + b); }
Tensor log1p_square(const Tensor& z) {
  // 1 is lost in 1 + z^2 there.
  const Tensor large = abs(z.detach()) > 1 / std::sqrt(epsilon(z.dtype()));
  return where(large, 2.0 * log(where(large, abs(z), 1.0)), log1p(square(where(large, 0.0, z))));
}

Tensor nan_like(const Tensor& x) { return full_like(x.detach(), std::numeric_limits<double>::quiet_NaN()); }

Tensor integer_quantile(const Tensor& p, const std::function<Tensor(const Tensor&)>& cdf, const Tensor& top) {
  const NoGrad off;
  Tensor high = full_like(p, 1);
  for (int i = 0; i < 50; ++i) {
    const Tensor small = (cdf(high) < p) & (p < 1);
    if (!any(small).item<bool>()) break;
    high = where(small, 2.0 * high, high);
  }
  Tensor low = full_like(p, -1);  // cdf(low) < p <= cdf(high)
  for (int i = 0; i < 52 && any(high - low > 1).item<bool>(); ++i) {
    const Tensor middle = floor((low + high) / 2.0);
    const Tensor enough = cdf(middle) >= p;
    high = where(enough, middle, high);
    low = where(enough, low, middle);
  }
  return where(p == 1, top, high);
}

}  // namespace newtape::distributions::detail
