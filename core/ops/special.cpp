// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/special.hpp>

#include <newtape/core/kernels/elementwise.hpp>
#include <newtape/core/kernels/special.hpp>
#include <newtape/core/ops/creation.hpp>

#include <utility>

namespace newtape::core {

using kernels::binary;
using kernels::unary;

Array erf(Array x) { return unary<"erf">(std::move(x)); }
Array erfc(Array x) { return unary<"erfc">(std::move(x)); }
Array erfinv(Array x) { return unary<"erfinv">(std::move(x)); }
Array lgamma(Array x) { return unary("lgamma", kernels::special::lgamma, std::move(x)); }
Array digamma(Array x) { return unary("digamma", kernels::special::digamma, std::move(x)); }
Array polygamma(int n, Array x) {
  Array order = full({}, n, x.dtype());
  return binary("polygamma", kernels::special::polygamma, std::move(x), std::move(order));
}
Array sinc(Array x, int order) {
  Array n = full({}, order, x.dtype());
  return binary("sinc", kernels::special::sinc, std::move(x), std::move(n));
}
Array gaussian(Array x, double factor) {
  Array f = full({}, factor, x.dtype());
  return binary<"gaussian">(std::move(x), std::move(f));
}
Array logaddexp(Array a, Array b) { return binary<"logaddexp">(std::move(a), std::move(b)); }
Array logaddexp2(Array a, Array b) { return binary<"logaddexp2">(std::move(a), std::move(b)); }
Array logaddexp_slope(Array a, Array b) { return binary<"logaddexp_slope">(std::move(a), std::move(b)); }
Array logaddexp2_slope(Array a, Array b) { return binary<"logaddexp2_slope">(std::move(a), std::move(b)); }
Array xlogy(Array a, Array b) { return binary<"xlogy">(std::move(a), std::move(b)); }
Array xlog1py(Array a, Array b) { return binary<"xlog1py">(std::move(a), std::move(b)); }

}  // namespace newtape::core
