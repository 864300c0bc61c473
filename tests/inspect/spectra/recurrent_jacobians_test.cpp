// SPDX-License-Identifier: BSD-3-Clause
// Products of single steps against the Jacobian of the whole layer in its initial state.
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/recurrent_jacobians.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace core = newtape::core;
namespace inspect = newtape::inspect;

namespace {

/// Rounding of a product of a dozen small matrices and of SVDs.
const double product_rounding = 100 * bounds::gamma(500, nt::f64);

template <class Layer>
void check_layer(const Layer& layer, const nt::Tensor& x) {
  const auto& o = layer.options();
  const auto time = o.batch_first ? 1 : 0;
  const auto batch = x.shape(o.batch_first ? 0 : 1);
  const auto size = o.proj_size > 0 ? o.proj_size : layer.hidden_size();
  const auto all = inspect::recurrent_jacobians(layer, x);
  REQUIRE(all.singular_values.shape() == nt::Shape{x.shape(time), batch, o.num_layers * size});
  REQUIRE(all.step_norms.shape() == nt::Shape{x.shape(time), batch});
  const nt::NoGrad off;
  for (std::int64_t b = 0; b < batch; ++b) {
    const nt::Tensor one = nt::slice(x, 1 - time, b, b + 1);
    const auto f = [&](const nt::Tensor& h) { return layer(one, {.h_0 = h}).h_n; };
    const nt::Tensor h = nt::zeros({o.num_layers, 1, size}, nt::f64);
    const auto n = o.num_layers * size;
    const nt::Array j = core::reshape(nt::jacobian(f, h).value(), {n, n});
    const nt::Array s = core::contiguous(core::svd(j, core::SVDPart::values).s);
    const nt::Array first = core::select(core::select(all.singular_values, 0, 0), 0, b);
    CHECK(distance(core::contiguous(first), s) <= product_rounding);
  }
}

}  // namespace

TEST_CASE("recurrent Jacobians agree with the derivative of the whole layer") {
  const nt::Tensor x = normal({7, 2, 3}, 1);
  check_layer(nn::RNN(3, 4, {.dtype = nt::f64}), x);
  check_layer(nn::RNN(3, 4, {.num_layers = 2, .nonlinearity = nn::init::Nonlinearity::relu, .dtype = nt::f64}), x);
  check_layer(nn::GRU(3, 4, {.num_layers = 2, .dtype = nt::f64}), x);
  check_layer(nn::LSTM(3, 4, {.dtype = nt::f64}), x);
  check_layer(nn::LSTM(3, 4, {.num_layers = 2, .batch_first = true, .proj_size = 2, .dtype = nt::f64}),
              nt::transpose(x, 0, 1));
}

TEST_CASE("a scaled rotation vanishes or explodes at its rate") {
  for (const double c : {0.8, 1.3}) {
    const nn::RNN layer(2, 5, {.bias = false, .nonlinearity = nn::init::Nonlinearity::relu, .dtype = nt::f64});
    // A permutation keeps states positive, so that relu is the identity.
    nt::Array turn = core::zeros({5, 5}, nt::f64);
    for (std::int64_t i = 0; i < 5; ++i) turn.data<double>()[i * 5 + (i + 1) % 5] = c;
    layer.parameter("weight_hh_l0").set_value(turn);
    layer.parameter("weight_ih_l0").set_value(nt::ones({5, 2}, nt::f64));
    const std::int64_t steps = 12;
    const auto j = inspect::recurrent_jacobians(layer, nt::ones({steps, 1, 2}, nt::f64));
    for (std::int64_t t = 0; t < steps; ++t) {
      const double exact = std::pow(c, static_cast<double>(steps - t));
      const nt::Array s = core::select(j.singular_values, 0, t);
      CHECK(core::max(core::abs(s - exact)).item() <= product_rounding * exact);
    }
    CHECK(core::max(core::abs(j.step_norms - c)).item() <= product_rounding);
    CHECK(j.exponents.item() == Approx(std::log(c)).epsilon(1e-12));
  }
}

TEST_CASE("long products neither underflow nor overflow in the exponent") {
  const nn::RNN layer(1, 3, {.bias = false, .nonlinearity = nn::init::Nonlinearity::relu});
  layer.parameter("weight_hh_l0").set_value(nt::eye(3) * 0.5);
  layer.parameter("weight_ih_l0").set_value(nt::ones({3, 1}));
  const auto j = inspect::recurrent_jacobians(layer, nt::ones({1200, 1, 1}));
  CHECK(j.exponents.item() == Approx(std::log(0.5)).epsilon(1e-12));
  CHECK(core::max(core::select(j.singular_values, 0, 0)).item() == 0);
  // The layer itself is unchanged.
  CHECK(layer.parameter("weight_hh_l0").dtype() == nt::f32);
  CHECK(layer.is_training());
}

TEST_CASE("recurrent_jacobians rejects what it cannot follow") {
  const nt::Tensor x = normal({4, 2, 3}, 1, nt::f32);
  CHECK_THROWS_AS(inspect::recurrent_jacobians(nn::GRU(3, 4, {.bidirectional = true}), x), nt::ValueError);
  CHECK_THROWS_AS(inspect::recurrent_jacobians(nn::GRU(3, 4), normal({4, 3}, 1, nt::f32)), nt::ShapeError);
  CHECK_THROWS_AS(inspect::recurrent_jacobians(nn::GRU(3, 4), nt::zeros({0, 2, 3})), nt::ShapeError);
}
