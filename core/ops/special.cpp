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

namespace {
Array of_order(const char* op, const kernels::Kernels& kernels, Array x, int n) {
  Array order = full({}, n, x.dtype());
  return binary(op, kernels, std::move(x), std::move(order));
}
Array of_order(const char* op, const kernels::Kernels& kernels, Array a, Array b, int n) {
  Array order = full({}, n, a.dtype());
  return kernels::ternary(op, kernels, std::move(a), std::move(b), std::move(order));
}
}  // namespace

Array polygamma(int n, Array x) { return of_order("polygamma", kernels::special::polygamma, std::move(x), n); }
Array sinc(Array x, int order) { return of_order("sinc", kernels::special::sinc, std::move(x), order); }
Array erfcx(Array x, int n) { return of_order("erfcx", kernels::special::erfcx, std::move(x), n); }
Array log_ndtr(Array x, int n) { return of_order("log_ndtr", kernels::special::log_ndtr, std::move(x), n); }
Array ndtri(Array p) { return unary("ndtri", kernels::special::ndtri, std::move(p)); }
Array ndtr(Array x) { return unary("ndtr", kernels::special::ndtr, std::move(x)); }
Array logit(Array x) { return unary("logit", kernels::special::logit, std::move(x)); }
Array entr(Array x) { return unary("entr", kernels::special::entr, std::move(x)); }
Array i0(Array x, int n) { return of_order("i0", kernels::special::i0, std::move(x), n); }
Array i0e(Array x, int n) { return of_order("i0e", kernels::special::i0e, std::move(x), n); }
Array i1e(Array x, int n) { return of_order("i1e", kernels::special::i1e, std::move(x), n); }
Array bessel_j(Array x, int n) { return of_order("bessel_j", kernels::special::bessel_j, std::move(x), n); }
Array bessel_y(Array x, int n) { return of_order("bessel_y", kernels::special::bessel_y, std::move(x), n); }
Array igamma(Array a, Array x) { return binary("igamma", kernels::special::igamma, std::move(a), std::move(x)); }
Array igammac(Array a, Array x) { return binary("igammac", kernels::special::igammac, std::move(a), std::move(x)); }
Array gamma_density(Array a, Array y) {
  return binary("gamma_density", kernels::special::gamma_density, std::move(a), std::move(y));
}
Array gamma_ratio(Array a, Array y, int n) {
  return of_order("gamma_ratio", kernels::special::gamma_ratio, std::move(a), std::move(y), n);
}
Array log_igammainv(Array a, Array p) {
  return binary("log_igammainv", kernels::special::log_igammainv, std::move(a), std::move(p));
}
Array betaincinv(Array a, Array b, Array p) {
  return kernels::ternary("betaincinv", kernels::special::betaincinv, std::move(a), std::move(b), std::move(p));
}
Array betainc(Array a, Array b, Array x) {
  return kernels::ternary("betainc", kernels::special::betainc, std::move(a), std::move(b), std::move(x));
}
Array beta_density(Array a, Array b, Array x) {
  return kernels::ternary("beta_density", kernels::special::beta_density, std::move(a), std::move(b), std::move(x));
}
Array beta_ratio(Array a, Array b, Array x, int j, int k) {
  const auto& kernel = kernels::special::beta_ratio(j, k);
  return kernels::ternary("beta_ratio", kernel, std::move(a), std::move(b), std::move(x));
}
Array zeta(Array s, Array q, int n) { return of_order("zeta", kernels::special::zeta, std::move(s), std::move(q), n); }

Array gaussian(Array x, double factor) {
  if (!is_floating(x.dtype())) {  // before the factor takes its dtype
    expect_computed("gaussian", x);
    x = cast(std::move(x), f32);
  }
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
