// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/functional.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/penalty.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("penalties are on weights, or on parameters that pass the filter") {
  const nn::Sequential model(nn::Linear(2, 2), nt::tanh, nn::Linear(2, 1));
  model.parameter("0.weight").set_value(nt::tensor({{1.0, -2}, {0, 3}}).value());
  model.parameter("0.bias").set_value(nt::tensor({-1.0, 5}).value());
  model.parameter("2.weight").set_value(nt::tensor({{-4.0, 2}}).value());
  CHECK(nn::l1_penalty(model).item() == 12);
  CHECK(nn::l2_penalty(model).item() == 34);
  CHECK(nn::elastic_net(model, {.l1 = 0.5, .l2 = 2}).item() == 74);
  const auto first = [](std::string_view name) { return name.substr(0, 2) == "0."; };
  CHECK(nn::l1_penalty(model, first).item() == 12);
  CHECK(nn::l2_penalty(std::vector{model.parameter("0.bias")}).item() == 26);
  nn::elastic_net(model, {.l1 = 0.5, .l2 = 2}).backward();
  CHECK(identical(model.parameter("0.weight").grad().value(), nt::tensor({{4.5, -8.5}, {0, 12.5}}).value()));
  CHECK_FALSE(model.parameter("0.bias").grad().defined());
  CHECK_THROWS_AS(nn::l1_penalty(model, [](std::string_view) { return false; }), nt::ValueError);
  CHECK_THROWS_WITH(nn::l2_penalty(std::vector<nt::Parameter>()), contains("l2_penalty"));
}

TEST_CASE("penalties are differentiable to second order") {
  const auto model = nn::Linear(3, 2).to(nt::f64);
  const auto f = nn::function_of(model, [&] { return nn::elastic_net(model, {.l1 = 0.3, .l2 = 0.7}); });
  const auto result =
      nt::gradcheck(nt::Function([&](std::span<const nt::Tensor> xs) { return f(xs); }), nn::values_of(model));
  INFO(result.message);
  CHECK(result);
}
