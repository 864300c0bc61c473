// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/inspect/effects/check_technique.hpp>
#include <newtape/inspect/effects/effect.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

using namespace newtape;
namespace inspect = newtape::inspect;

namespace {

/// A matrix whose singular values are all `gain`.
inspect::MakeBlock isometry(double gain) {
  return [gain](std::int64_t width) {
    const nn::Linear linear(width, width, {.bias = false});
    nn::init::orthogonal(linear.weight, gain);
    return nn::Sequential(linear);
  };
}

const inspect::CheckTechniqueOptions few{.depth = 50, .width = 16, .batch = 8, .runs = 2, .epochs = 1};

bool finds(const inspect::TechniqueReport& r, const std::string& what) {
  return std::any_of(r.findings.begin(), r.findings.end(),
                     [&](const std::string& f) { return f.find(what) != std::string::npos; });
}

const Op wrong_op{"square with a wrong derivative"};
Tensor wrong_square(const Tensor& x) {
  return wrong_op(x.value() * x.value(), wrt(x, [x](const Tensor& g, const Tensor&) { return g * x * 1.9; }));
}

}  // namespace

TEST_CASE("an isometric block propagates signals and gradients without change", "[effects]") {
  const auto r = inspect::check_technique(isometry(1), few);
  CHECK(static_cast<bool>(r.derivatives));
  // Each product by an orthogonal matrix that was rounded to f32 (16 terms) changes lengths by at most gamma_16.
  const double bound = 50 * bounds::gamma(16, f32);
  REQUIRE(r.signal.size() == 51);
  for (const double s : r.signal) CHECK(std::abs(s - 1) <= bound);
  for (const double g : r.gradient) CHECK(std::abs(g - 1) <= bound);
  CHECK(r.block.values.size() == 16);
  CHECK(std::abs(r.block.largest() - 1) <= bound);
  CHECK(std::abs(r.stack.smallest() - 1) <= bound);
  CHECK(std::abs(r.stack.mean_square() - 1) <= 2 * bound);
  CHECK(r.effects.size() == 2);
}

TEST_CASE("blocks that scale make signals vanish or explode by their power", "[effects]") {
  const double bound = 50 * bounds::gamma(16, f32);
  const auto half = inspect::check_technique(isometry(0.5), few);
  CHECK(half.signal.back() == Approx(std::pow(0.5, 50)).epsilon(bound));
  CHECK(half.gradient.front() == Approx(std::pow(0.5, 50)).epsilon(bound));
  CHECK(half.block.median() == Approx(0.5).epsilon(bound));
  CHECK(half.stack.largest() == Approx(std::pow(0.5, 50)).epsilon(bound));
  CHECK(finds(half, "the gradient vanishes"));
  CHECK(finds(half, "the signal vanishes"));
  const auto twice = inspect::check_technique(isometry(2), few);
  CHECK(finds(twice, "the gradient explodes"));
  CHECK_FALSE(twice.ok());
}

TEST_CASE("a wrong derivative is found", "[effects]") {
  const auto r = inspect::check_technique(
      [](std::int64_t width) { return nn::Sequential(nn::Linear(width, width), wrong_square); }, few);
  CHECK_FALSE(static_cast<bool>(r.derivatives));
  CHECK(finds(r, "derivatives: "));
  CHECK_THAT(inspect::to_string(r), contains("WRONG"));
}

TEST_CASE("blocks with batch statistics and with dropout can be examined", "[effects]") {
  const auto r = inspect::check_technique(
      [](std::int64_t width) {
        return nn::Sequential(nn::Linear(width, width), nn::BatchNorm1d(width), nn::Tanh(), nn::Dropout(0.2));
      },
      few);
  INFO(inspect::to_string(r));
  CHECK(static_cast<bool>(r.derivatives));
  CHECK(r.signal.back() > 0.1);  // the normalisation holds the variance at 1, the tanh takes a part of it
  const auto json = nlohmann::json::parse(inspect::to_json(r));
  CHECK(json["signal"].size() == 51);
  CHECK(json["effects"].size() == 2);
  CHECK(json["block_singular_values"].size() == 16);
}

TEST_CASE("a block that learns nothing harms on both tasks", "[effects]") {
  auto options = few;
  options.depth = 2;
  options.runs = 6;
  options.epochs = 3;
  const auto r = inspect::check_technique(
      [](std::int64_t) { return nn::Sequential([](const Tensor& x) { return x * 0; }); }, options);
  CHECK(r.effects[0].verdict == inspect::Verdict::harms);
  CHECK(finds(r, "harms"));
  CHECK(finds(r, "the signal"));
}

TEST_CASE("check_technique rejects blocks that change the shape", "[effects]") {
  const auto narrow = [](std::int64_t width) { return nn::Sequential(nn::Linear(width, width - 1)); };
  CHECK_THROWS_WITH(inspect::check_technique(narrow, few), contains("the block must keep the shape"));
  auto options = few;
  options.depth = 0;
  CHECK_THROWS_AS(inspect::check_technique(isometry(1), options), ValueError);
}
