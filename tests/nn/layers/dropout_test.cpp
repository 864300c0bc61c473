// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/nn/layers/dropout.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("Dropout keeps the mean, scales kept elements, and is the identity in eval") {
  nt::manual_seed(2);
  const nn::Dropout drop(0.3);
  const nt::Tensor x = nt::variable(nt::ones({200000}).value());
  const nt::Tensor y = drop(x);
  const float kept = 1.0F / 0.7F;
  std::int64_t zeros = 0;
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const float v = y.value().data<float>()[i];
    if (v == 0) {
      ++zeros;
    } else {
      REQUIRE(v == Approx(kept).epsilon(1e-6));
    }
  }
  // Four standard deviations of a binomial count.
  CHECK(std::abs(static_cast<double>(zeros) - 60000) < 4 * std::sqrt(200000 * 0.3 * 0.7));
  CHECK(nt::mean(y).item() == Approx(1).epsilon(0.01));
  nt::sum(y).backward();
  CHECK(identical(x.grad().value(), y.value()));

  CHECK_FALSE(identical(drop(x).value(), y.value()));
  nt::manual_seed(2);
  CHECK(identical(drop(x).value(), y.value()));

  drop.eval();
  CHECK(identical(drop(x).value(), x.value()));
}

TEST_CASE("Dropout at its limits") {
  const nt::Tensor x = nt::tensor({1.0, 2, 3});
  CHECK(identical(nn::Dropout(0)(x).value(), x.value()));
  CHECK(identical(nn::Dropout(1)(x).value(), nt::zeros({3}).value()));
  CHECK_THROWS_AS(nn::Dropout(-0.1), nt::ValueError);
  CHECK_THROWS_AS(nn::Dropout(1.1), nt::ValueError);
  CHECK_THROWS_AS(nn::Dropout(NAN), nt::ValueError);
  CHECK_THROWS_AS(nn::dropout(x, 2), nt::ValueError);
}

TEST_CASE("feature_dropout drops entire channels") {
  nt::manual_seed(4);
  const auto check = [](const auto& layer, const nt::Shape& shape, std::int64_t channels) {
    const nt::Tensor y = nt::reshape(layer(nt::ones(shape)), {channels, -1});
    CHECK(identical(nt::min(y, 1).value(), nt::max(y, 1).value()));
    const nt::Tensor one = nt::max(y, 1);
    CHECK(nt::all((one == 0.0) | (one == 1 / 0.75)).item<bool>());
    const double kept = nt::mean((one != 0.0).to(nt::f64)).item();
    // Four standard deviations of a binomial fraction.
    CHECK(std::abs(kept - 0.75) < 4 * std::sqrt(0.75 * 0.25 / static_cast<double>(channels)));
  };
  check(nn::Dropout1d(0.25), {50, 20, 3}, 1000);
  check(nn::Dropout2d(0.25), {50, 20, 3, 2}, 1000);
  check(nn::Dropout2d(0.25), {1000, 3, 2}, 1000);
  check(nn::Dropout3d(0.25), {50, 20, 3, 2, 2}, 1000);
  CHECK(identical(nn::feature_dropout(nt::ones({2, 3, 4}), 1).value(), nt::zeros({2, 3, 4}).value()));
  CHECK_THROWS_AS(nn::feature_dropout(nt::ones({2})), nt::ShapeError);
  CHECK_THROWS_AS(nn::Dropout2d(1.5), nt::ValueError);
}

TEST_CASE("alpha dropout keeps mean and variance, and drops to selu(-inf)") {
  nt::manual_seed(5);
  const nt::Tensor x = nt::random::normal({200000}, 0, 1, nt::f64);
  const nt::Tensor y = nn::AlphaDropout(0.3)(x);
  CHECK(nt::mean(y).item() == Approx(0).margin(0.02));
  CHECK(nt::mean(nt::square(y)).item() == Approx(1).epsilon(0.02));
  // Dropped elements have one common value; the others are affine in x.
  const double low = nt::selu(nt::tensor(-1e4, nt::f64)).item();
  const double a = 1 / std::sqrt(0.7 * (1 + 0.3 * low * low));
  const double dropped = a * low - a * low * 0.3;
  const nt::Tensor is_dropped = nt::abs(y - dropped) < 1e-12;
  CHECK(nt::mean(is_dropped.to(nt::f64)).item() == Approx(0.3).margin(0.01));
  const nt::Tensor others = nt::where(is_dropped, 0.0, y - (a * x - a * low * 0.3));
  CHECK(nt::max(nt::abs(others)).item() < 1e-12);
  CHECK(identical(nn::alpha_dropout(x, 1).value(), nt::zeros({200000}, nt::f64).value()));
  CHECK_THROWS_AS(nn::AlphaDropout(-0.1), nt::ValueError);
}

TEST_CASE("dropout sets to 0 also what is infinite or NaN") {
  const nt::Tensor x = nt::tensor({HUGE_VAL, NAN}, nt::f64);
  CHECK(identical(nn::dropout(x, 1.0).value(), nt::zeros({2}, nt::f64).value()));
  CHECK(identical(nn::alpha_dropout(x, 1.0).value(), nt::zeros({2}, nt::f64).value()));
  CHECK(identical(nn::feature_dropout(nt::reshape(x, {1, 2, 1}), 1.0).value(), nt::zeros({1, 2, 1}, nt::f64).value()));
}

TEST_CASE("functions for one to three spatial axes are the modules'") {
  const nt::Tensor x = nt::ones({2, 5, 3, 2}, nt::f64);
  const auto seeded = [](const auto& f) {
    nt::manual_seed(6);
    return f().value();
  };
  CHECK(identical(seeded([&] { return nn::dropout2d(x, 0.4); }), seeded([&] { return nn::Dropout2d(0.4)(x); })));
  CHECK(identical(seeded([&] { return nn::dropout1d(x[0], 0.4); }), seeded([&] { return nn::Dropout1d(0.4)(x[0]); })));
  CHECK(identical(seeded([&] { return nn::dropout3d(x, 0.4); }), seeded([&] { return nn::Dropout3d(0.4)(x); })));
  CHECK(identical(nn::dropout2d(x, 0.4, false).value(), x.value()));
  CHECK_THROWS_AS(nn::dropout3d(x[0], 0.4), nt::ShapeError);
}

TEST_CASE("feature_alpha_dropout drops entire channels, and keeps mean and variance") {
  nt::manual_seed(7);
  const nt::Tensor x = nt::random::normal({40000, 5, 1}, 0, 1, nt::f64);
  const nt::Tensor y = nn::feature_alpha_dropout(nt::expand(x, {40000, 5, 3}), 0.3);
  CHECK(identical(nt::min(y, -1).value(), nt::max(y, -1).value()));
  CHECK(nt::mean(y).item() == Approx(0).margin(0.02));
  CHECK(nt::mean(nt::square(y)).item() == Approx(1).epsilon(0.02));
  CHECK_THROWS_AS(nn::feature_alpha_dropout(nt::ones({2})), nt::ShapeError);
}
