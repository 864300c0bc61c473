// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/singular_values.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <algorithm>
#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace core = newtape::core;
namespace inspect = newtape::inspect;

TEST_CASE("the Jacobian of a linear map has the singular values of its matrix, at every sample") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    for (const auto& [rows, columns] : {std::pair{3, 5}, std::pair{5, 3}, std::pair{9, 2}}) {
      const nn::Linear layer(columns, rows, {.dtype = dtype});
      const auto s = inspect::jacobian_singular_values([&](const nt::Tensor& x) { return layer(x); },
                                                       normal({4, columns}, 1, dtype));
      const nt::Array w = core::svd(layer.weight.value(), core::SVDPart::values).s;
      REQUIRE(s.shape() == nt::Shape{4, std::min(rows, columns)});
      for (std::int64_t b = 0; b < 4; ++b) {
        CHECK(distance(core::contiguous(core::select(s, 0, b)), core::contiguous(w)) <= 100 * bounds::gamma(20, dtype));
      }
    }
  }
}

TEST_CASE("Jacobians of samples agree with each sample's own, dense and by Lanczos") {
  const nn::Sequential model(nn::Conv2d(2, 3, 3), nn::Tanh(), nn::Flatten(), nn::Linear(12, 6));
  model.to(nt::f64);
  const nt::Tensor x = normal({3, 2, 4, 4}, 2);
  const auto f = [&](const nt::Tensor& t) { return model(t); };
  const auto dense = inspect::jacobian_singular_values(f, x);
  REQUIRE(dense.shape() == nt::Shape{3, 6});
  const auto some = inspect::jacobian_singular_values(f, x, {.dense_limit = 0, .count = 2});
  REQUIRE(some.shape() == nt::Shape{3, 2});
  for (std::int64_t b = 0; b < 3; ++b) {
    const nt::NoGrad off;
    const nt::Tensor one(core::slice(x.value(), 0, b, b + 1));
    const nt::Array j = core::reshape(nt::jacobian(f, one).value(), {6, 32});
    const nt::Array s = core::contiguous(core::svd(j, core::SVDPart::values).s);
    const double rounding = 100 * bounds::gamma(100, nt::f64);
    CHECK(distance(core::contiguous(core::select(dense, 0, b)), s) <= rounding);
    // Of the squares, within residual^2 / gap of the tolerance 1e-8.
    CHECK(distance(core::contiguous(core::select(some, 0, b)), core::contiguous(core::slice(s, 0, 0, 2))) <= 1e-7);
  }
}

TEST_CASE("an orthogonal layer is a dynamical isometry") {
  const auto q = core::qr(normal<nt::Array>({6, 6}, 3)).q;
  const auto s = inspect::jacobian_singular_values([&](const nt::Tensor& x) { return nt::matmul(x, nt::Tensor(q)); },
                                                   normal({2, 6}, 4));
  CHECK(core::max(core::abs(s - 1)).item() <= 100 * bounds::gamma(36, nt::f64));
}

TEST_CASE("jacobian_singular_values rejects what does not keep the samples") {
  const nt::Tensor x = normal({3, 4}, 5);
  CHECK_THROWS_AS(inspect::jacobian_singular_values([](const nt::Tensor& t) { return nt::sum(t); }, x), nt::ShapeError);
  CHECK_THROWS_AS(inspect::jacobian_singular_values([](const nt::Tensor& t) { return nt::tanh(t); }, x, {.count = 0}),
                  nt::ValueError);
}

TEST_CASE("weight spectra") {
  const nn::Sequential model(nn::Linear(3, 4), nn::Conv2d(2, 5, 3));
  model.to(nt::f64);
  // diag(4, 2, 0): rank 2, stable rank 1 + 1/4.
  nt::Array w = core::zeros({4, 3}, nt::f64);
  w.data<double>()[0] = 4;
  w.data<double>()[4] = -2;
  model.parameter("0.weight").set_value(w);
  const auto spectra = inspect::weight_spectra(model);
  REQUIRE(spectra.size() == 2);
  CHECK(spectra[0].name == "0.weight");
  CHECK(spectra[0].spectral_norm == Approx(4).epsilon(1e-14));
  CHECK(spectra[0].stable_rank == Approx(1.25).epsilon(1e-14));
  CHECK(spectra[0].rank == 2);
  CHECK(std::isinf(spectra[0].condition));
  const nt::Array conv = core::reshape(model.parameter("1.weight").value(), {5, 18});
  const auto s = core::contiguous(core::svd(conv, core::SVDPart::values).s);
  CHECK(distance(spectra[1].singular_values, s) <= 100 * bounds::gamma(90, nt::f64));
  CHECK(spectra[1].condition == Approx(s.data<double>()[0] / s.data<double>()[4]).epsilon(1e-10));
  CHECK(spectra[1].rank == 5);
  CHECK_THAT(inspect::to_string(spectra), contains("0.weight"));

  model.parameter("0.weight").set_value(core::zeros({4, 3}, nt::f64));
  const auto zero = inspect::weight_spectra(model)[0];
  CHECK(zero.stable_rank == 0);
  CHECK(zero.rank == 0);
  CHECK(std::isinf(zero.condition));
}
