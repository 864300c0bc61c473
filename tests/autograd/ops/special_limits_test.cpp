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

TEST_CASE("igammac keeps its digits where P is near 1") {
  // mpmath 1.2: gammainc(a, x, inf, regularized=True), and its derivative in a, with 60 digits.
  const double points[][4] = {
      {1e-300, 1e-300, 6.9019831223331219e-298, 690.198312233312172},
      {1e-300, 1e-30, 6.85003371249198393e-299, 68.5003371249198376},
      {1e-300, 1e-10, 2.24486352651389245e-299, 22.4486352651389239},
      {1e-30, 1e-300, 6.9019831223331223e-28, 690.198312233312172},
      {1e-30, 1e-30, 6.85003371249198433e-29, 68.5003371249198376},
      {1e-30, 1e-10, 2.24486352651389258e-29, 22.4486352651389239},
      {1e-30, 0.4, 7.023801188656625e-31, 0.702380118865662441},
      {1e-30, 0.49, 5.72088836048530325e-31, 0.572088836048530277},
      {1e-20, 1e-300, 6.90198312233312132e-18, 690.198312233312168},
      {1e-20, 1e-30, 6.85003371249198338e-19, 68.5003371249198375},
      {1e-20, 1e-10, 2.24486352651389227e-19, 22.4486352651389239},
      {1e-20, 0.4, 7.02380118865662403e-21, 0.702380118865662441},
      {1e-20, 0.49, 5.72088836048530246e-21, 0.572088836048530277},
      {1e-10, 1e-300, 6.90198288414709482e-8, 690.198264596107289},
      {1e-10, 1e-30, 6.8500336890387278e-9, 68.500336655854714},
      {1e-10, 1e-10, 2.24486352400241102e-9, 22.4486352149092949},
      {1e-10, 0.4, 7.02380118891729629e-11, 0.702380118917796765},
      {1e-10, 0.49, 5.72088836077713044e-11, 0.572088836106895769},
      {1e-05, 1e-300, 0.00687821922280043784, 685.450993270643705},
      {1e-05, 1e-30, 0.000684768892191342348, 68.4534466629086221},
      {1e-05, 1e-10, 0.000224461239703327091, 22.4436128621659125},
      {1e-05, 0.4, 7.02382725538703479e-6, 0.70238533216860666},
      {1e-05, 0.49, 5.72091754290307159e-6, 0.572094672499267237},
      {0.1, 1e-300, 1.0, 7.25654295790819648e-28},
      {0.1, 1e-30, 0.998948862993888223, 0.072164547529632319},
      {0.1, 1e-10, 0.894886299389777811, 2.37578995101558196},
      {0.1, 0.4, 0.0724261664462955713, 0.742089958387651092},
      {0.1, 0.49, 0.0598041445988485925, 0.620820631579435364},
      {0.24, 1e-30, 0.999999930551159086, 4.78072341603362935e-6},
      {0.24, 1e-10, 0.995618074376028119, 0.0998481227146065922},
      {0.24, 0.4, 0.178064389943311844, 0.760423805391378395},
      {0.24, 0.49, 0.149766972395491988, 0.658817876424569423},
      {0.26, 1e-30, 0.999999982475693904, 1.20675888239620722e-6},
      {0.26, 1e-10, 0.997222584656685176, 0.0633536904300083773},
      {0.26, 0.4, 0.1932695788372638, 0.759979335003671157},
      {0.26, 0.49, 0.162972445125615237, 0.66162722134376375},
      {0.9, 1e-30, 1.0, 7.21940150579932459e-26},
      {0.9, 1e-10, 0.999999998960245866, 2.43115676543146242e-8},
      {0.9, 0.4, 0.62027494264827171, 0.525907417745915417},
      {0.9, 0.9, 0.361004272716405465, 0.458555165944064386},
  };
  for (const auto& [a, x, value, slope] : points) {
    INFO(a << ", " << x);
    const Tensor shape = variable(tensor(a, f64));
    const Tensor q = igammac(shape, tensor(x, f64));
    CHECK(q.item() == Approx(value).epsilon(1e-14));
    q.backward();
    CHECK(shape.grad().item() == Approx(slope).epsilon(1e-12));
  }
}

TEST_CASE("derivatives in parameters of incomplete functions end at order 5 with an error") {
  UnaryFunction f = [](const Tensor& a) { return igamma(a, 3.0); };
  for (int order = 1; order <= 5; ++order) f = grad(f);
  CHECK(std::isfinite(f(one(2.5)).item()));
  CHECK_THROWS_AS(grad(f)(one(2.5)), ValueError);
}

}  // namespace special_limits
