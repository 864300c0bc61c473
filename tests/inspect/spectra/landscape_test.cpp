// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/landscape.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/loss.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace core = newtape::core;
namespace inspect = newtape::inspect;
using inspect::LossSurface;

namespace {

/// sum of c x^2 / 2.
struct Bowl {
  explicit Bowl(nt::DType dtype) : c(core::arange(6, dtype, 1, 1)), x(normal<nt::Array>({6}, 41, dtype)) {}
  nt::Array c;
  nt::Parameter x;
  LossSurface surface() const {
    return {std::vector{x}, [this] { return nt::sum(c * x * x) * 0.5; }};
  }
  double at(const nt::Array& p) const {
    return core::sum(core::cast(c, nt::f64) * core::square(core::cast(p, nt::f64))).item() / 2;
  }
};

}  // namespace

TEST_CASE("the loss along the gradient is that of gradient descent") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const Bowl bowl(dtype);
    const auto down = inspect::descent_direction(bowl.surface());
    CHECK(distance(down[0].value(), -(bowl.c * bowl.x.value())) <= bounds::gamma(4, dtype) * 30);
    const auto curve = inspect::loss_along(bowl.surface(), down, 0, 0.3, 7);
    for (std::int64_t i = 0; i < 7; ++i) {
      const double lr = 0.05 * static_cast<double>(i);
      CHECK(curve.distance.data<double>()[i] == Approx(lr).margin(1e-15));
      const double exact = bowl.at(bowl.x.value() - lr * (bowl.c * bowl.x.value()));
      CHECK(curve.loss.data<double>()[i] == Approx(exact).margin(bounds::gamma(40, dtype) * bowl.at(bowl.x.value())));
    }
  }
}

TEST_CASE("random directions move every filter by its own length") {
  const nn::Linear layer(5, 4);
  const LossSurface surface(layer, [&] { return nt::sum(layer(nt::ones({1, 5}))); });
  nt::Generator a(1), b(1);
  const auto d = inspect::random_direction(surface, {.generator = &a});
  REQUIRE(d.size() == 2);
  for (std::int64_t i = 0; i < 4; ++i) {
    const double length = core::norm2(core::select(layer.weight.value(), 0, i));
    CHECK(core::norm2(core::select(d[0].value(), 0, i)) == Approx(length).epsilon(bounds::gamma(20, nt::f32)));
  }
  CHECK(core::norm2(d[1].value()) == 0);
  CHECK(same_bits(d[0].value(), inspect::random_direction(surface, {.generator = &b})[0].value()));
  const auto all = inspect::random_direction(surface, {.vectors = true});
  CHECK(core::norm2(all[1].value()) == Approx(core::norm2(layer.bias.value())).epsilon(bounds::gamma(20, nt::f32)));
}

TEST_CASE("a landscape is symmetric around a minimum, and has the present loss in its middle") {
  const Bowl bowl(nt::f64);
  const LossSurface surface = bowl.surface();
  const inspect::ParameterDirection u{normal({6}, 42)};
  const inspect::ParameterDirection v{normal({6}, 43)};
  const auto map = inspect::loss_landscape(surface, {.range = 0.5, .points = 5, .x = u, .y = v});
  REQUIRE(map.loss.shape() == nt::Shape{5, 5});
  CHECK(map.loss.data<double>()[12] == surface.loss());
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t k = 0; k < 5; ++k) {
      const double y = -0.5 + 0.25 * static_cast<double>(i);
      const double x = -0.5 + 0.25 * static_cast<double>(k);
      const double exact = bowl.at(bowl.x.value() + x * u[0].value() + y * v[0].value());
      CHECK(map.loss.data<double>()[i * 5 + k] == Approx(exact).epsilon(bounds::gamma(100, nt::f64)));
    }
  }
}

TEST_CASE("parameters keep their bits, also when the loss throws") {
  const nn::Linear layer(3, 2);
  const nt::Array before = core::copy(layer.weight.value());
  int calls = 0;
  const LossSurface surface(layer, [&] {
    if (++calls == 4) throw nt::NumericalError("no loss here");
    return nt::sum(layer(nt::ones({1, 3})));
  });
  CHECK_THROWS_AS(inspect::loss_landscape(surface, {.points = 3}), nt::NumericalError);
  CHECK(same_bits(layer.weight.value(), before));
  CHECK(layer.weight.requires_grad());
  CHECK_FALSE(layer.weight.grad().defined());
  inspect::loss_landscape(surface, {.points = 3});
  CHECK(same_bits(layer.weight.value(), before));
}

TEST_CASE("landscapes reject directions that do not fit") {
  const Bowl bowl(nt::f64);
  const LossSurface surface = bowl.surface();
  CHECK_THROWS_AS(inspect::random_direction(surface), nt::ValueError);
  CHECK_THROWS_AS(inspect::loss_along(surface, {}, 0, 1), nt::ShapeError);
  CHECK_THROWS_AS(inspect::loss_along(surface, {nt::ones({5}, nt::f64)}, 0, 1), nt::ShapeError);
  CHECK_THROWS_AS(inspect::loss_along(surface, {nt::ones({6}, nt::f32)}, 0, 1), nt::DTypeError);
  CHECK_THROWS_AS(inspect::loss_along(surface, {nt::ones({6}, nt::f64)}, 0, 1, 1), nt::ValueError);
  CHECK_THROWS_AS(inspect::loss_along(surface, {nt::ones({6}, nt::f64)}, nt::ones({2, 2}, nt::f64)), nt::ShapeError);
  CHECK_THROWS_AS(inspect::loss_landscape(surface, {.range = 0}), nt::ValueError);
}
