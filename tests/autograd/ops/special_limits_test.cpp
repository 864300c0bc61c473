// SPDX-License-Identifier: BSD-3-Clause
// Special functions at the ends of their domains, and their highest derivatives.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/erf.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/autograd/tensor.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <cmath>
#include <limits>

namespace special_limits {

using namespace newtape;

constexpr double infinity = std::numeric_limits<double>::infinity();
Tensor one(double x) { return tensor({x}, f64); }

TEST_CASE("special functions have their limits at the ends of their domains") {
  CHECK(entr(one(0)).item() == 0);
  CHECK(entr(one(-1)).item() == -infinity);
  CHECK(ndtri(one(0)).item() == -infinity);
  CHECK(ndtri(one(1)).item() == infinity);
  CHECK(std::isnan(ndtri(one(1.5)).item()));
  CHECK(logit(one(0)).item() == -infinity);
  CHECK(igamma(one(2), one(0)).item() == 0);
  CHECK(igamma(one(2), one(infinity)).item() == 1);
  CHECK(igammac(one(2), one(infinity)).item() == 0);
  CHECK(std::isnan(igamma(one(-1), one(2)).item()));
  CHECK(igammainv(one(2), one(0)).item() == 0);
  CHECK(igammainv(one(2), one(1)).item() == infinity);
  CHECK(betainc(one(2), one(3), one(0)).item() == 0);
  CHECK(betainc(one(2), one(3), one(1)).item() == 1);
  CHECK(betaincinv(one(2), one(3), one(1)).item() == 1);
  CHECK(zeta(one(1), one(2)).item() == infinity);
  CHECK(zeta(one(2), one(-1)).item() == infinity);
  CHECK(zeta(one(infinity), one(2)).item() == 0);
}

TEST_CASE("derivatives in parameters of incomplete functions end at order 5 with an error") {
  UnaryFunction f = [](const Tensor& a) { return igamma(a, 3.0); };
  for (int order = 1; order <= 5; ++order) f = grad(f);
  CHECK(std::isfinite(f(one(2.5)).item()));
  CHECK_THROWS_AS(grad(f)(one(2.5)), ValueError);
}

}  // namespace special_limits
