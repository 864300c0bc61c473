// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/bilinear.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/padding.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("RReLU draws its slopes in training") {
  const nn::RReLU layer(0.1, 0.4);
  const nt::Tensor y = layer(nt::full({1000}, -1, nt::f64));
  CHECK(nt::max(y).item() <= -0.1);
  CHECK(nt::min(y).item() >= -0.4);
  CHECK(nt::mean(y).item() == Approx(-0.25).margin(0.02));
  CHECK(identical(layer(nt::ones({3})).value(), nt::ones({3}).value()));
  CHECK_THROWS_AS(nn::RReLU(1, 0), nt::ValueError);
}

TEST_CASE("small layers reject invalid options") {
  CHECK_THROWS_AS(nn::Bilinear(0, 4, 2), nt::ValueError);
  CHECK_THROWS_AS(nn::PReLU(0), nt::ValueError);
}

TEST_CASE("containers name their members by position or by name, and copies share the members") {
  struct Model : nn::Module<Model> {
    nn::ModuleList<nn::Linear> layers = add("layers", nn::ModuleList<nn::Linear>{nn::Linear(3, 3), nn::Linear(3, 3)});
    nn::ModuleDict<nn::Linear> heads =
        add("heads", nn::ModuleDict<nn::Linear>{{"a", nn::Linear(3, 1)}, {"b", nn::Linear(3, 2)}});
    nn::ParameterList scales = add("scales", nn::ParameterList{nt::Parameter(nt::ones({3}))});
    nt::Tensor forward(const nt::Tensor& x, std::string_view head) const {
      nt::Tensor y = x;
      for (const auto& layer : layers) y = layer(y) * scales[0];
      return heads[head](y);
    }
  };
  const Model model;
  std::vector<std::string> names;
  for (const auto& p : model.named_parameters()) names.push_back(p.first);
  CHECK(names == std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
                                          "heads.a.weight", "heads.a.bias", "heads.b.weight", "heads.b.bias",
                                          "scales.0"});
  CHECK(model(nt::zeros({2, 3}), "b").shape() == nt::Shape{2, 2});
  CHECK_THROWS_WITH(model(nt::zeros({2, 4}), "b"), contains("layers.0: Linear"));
  CHECK_THROWS_WITH(model(nt::zeros({2, 3}), "c"), contains("\n") && contains("c"));
  nn::ModuleList<nn::Linear> copy = model.layers;
  copy.push_back(nn::Linear(3, 3));
  CHECK(model.layers.size() == 3);
  CHECK(model.has_parameter("layers.2.weight"));
  CHECK(model.heads.contains("a"));
  CHECK_FALSE(model.heads.contains("c"));
  CHECK_THROWS_AS(model.layers[3], nt::ValueError);
  CHECK_THROWS_AS(model.scales[1], nt::ValueError);
}

TEST_CASE("Residual adds its argument") {
  const nn::Residual block(nn::Linear(3, 3).to(nt::f64));
  const nt::Tensor x = normal({2, 3}, 7);
  CHECK(identical(block(x).value(), (block.inner(x) + x).value()));
  CHECK(block.has_parameter("inner.weight"));
  const nn::Sequential model(nn::Residual(nn::Linear(3, 1)));
  CHECK_THROWS_WITH(model(nt::zeros({2, 3})), contains("0: Residual") && contains("[2, 1]"));
}

TEST_CASE("gumbel_softmax draws categories by their probabilities, softly or as one-hot vectors") {
  constexpr std::int64_t n = 40000;
  const nt::Tensor p = nt::tensor({0.2, 0.5, 0.3}, nt::f64);
  nt::Generator generator(8);
  const nt::Tensor logits = nt::expand(nt::log(p), {n, 3});
  const nt::Tensor hard = nn::gumbel_softmax(logits, {.tau = 0.5, .hard = true}, generator);
  CHECK(nt::all((hard == 0.0) | (hard == 1.0)).item<bool>());
  CHECK(identical(nt::sum(hard, -1).value(), nt::ones({n}, nt::f64).value()));
  const nt::Tensor error = nt::abs(nt::mean(hard, 0) - p) / nt::sqrt(p * (1.0 - p) / static_cast<double>(n));
  CHECK(nt::max(error).item() < 5);  // standard deviations

  // The same draws; the derivative of the hard ones is that of the soft ones.
  const nt::Tensor x = nt::variable(nt::tensor({{0.3, -1.0, 2.0, 0.1}}, nt::f64));
  const nt::Tensor weight = nt::tensor({{1.0, -2.0, 0.5, 3.0}}, nt::f64);
  const auto slope = [&](bool hardened) {
    nt::Generator same(9);
    return nt::grad(nt::sum(weight * nn::gumbel_softmax(x, {.hard = hardened, .axis = 1}, same)), x).value();
  };
  CHECK(identical(slope(true), slope(false)));
  nt::Generator a(3), b(3);
  const nt::Tensor soft = nn::gumbel_softmax(x, {.tau = 0.7, .axis = 0}, a);
  CHECK(identical(soft.value(), nt::ones({1, 4}, nt::f64).value()));  // of one category
  CHECK(distance(nn::gumbel_softmax(nt::t(x), {.tau = 2, .axis = 0}, b).value(),
                 [&] {
                   nt::Generator c(3);
                   return nt::reshape(nn::gumbel_softmax(nt::reshape(x, {1, 4}), {.tau = 2}, c), {4, 1});
                 }()
                     .value()) < 1e-15);
  CHECK_THROWS_AS(nn::gumbel_softmax(x, {.tau = 0}), nt::ValueError);
  CHECK_THROWS_AS(nn::gumbel_softmax(x, {.axis = 2}), nt::ShapeError);
}

TEST_CASE("rrelu and softmin as functions") {
  const nt::Tensor x = nt::tensor({-2.0, -1.0, 0.0, 3.0}, nt::f64);
  CHECK(identical(nn::rrelu(x, 0.1, 0.3).value(), nt::leaky_relu(x, 0.2).value()));
  nt::Generator generator(4);
  const nt::Tensor y = nn::rrelu(nt::full_like(nt::zeros({1000}, nt::f64), -1), 0.1, 0.3, true, generator);
  CHECK(nt::max(y).item() <= -0.1);
  CHECK(nt::min(y).item() > -0.3);
  CHECK(nt::mean(y).item() == Approx(-0.2).margin(5 * 0.2 / std::sqrt(12 * 1000.0)));
  CHECK_THROWS_AS(nn::rrelu(x, 1, 0), nt::ValueError);
  CHECK(identical(nn::softmin(x).value(), nt::softmax(-x, -1).value()));
}

TEST_CASE("parameters by name") {
  nn::ParameterDict dict{{"a", nt::Parameter(nt::ones({2}))}};
  dict.insert("b", nt::Parameter(nt::zeros({3})));
  CHECK(dict.size() == 2);
  CHECK(dict.contains("b"));
  CHECK_FALSE(dict.contains("c"));
  CHECK(dict["b"].size() == 3);
  std::vector<std::string> names;
  for (const auto& [name, parameter] : dict) names.push_back(name);
  CHECK(names == std::vector<std::string>{"a", "b"});
  CHECK(dict.state_dict().size() == 2);
  CHECK_THROWS_AS(dict["c"], nt::ValueError);
  CHECK_THROWS_AS(dict.insert("a", nt::Parameter(nt::ones({1}))), nt::ValueError);
  CHECK(dict.size() == 2);
}

TEST_CASE("padding layers say which widths they take") {
  CHECK_THROWS_WITH(nn::ZeroPad2d({{1, 2}}), Catch::Contains("ZeroPad2d") && Catch::Contains("2 pairs"));
  CHECK_THROWS_WITH(nn::ReflectionPad1d(-1), Catch::Contains("ReflectionPad1d"));
  CHECK(nn::ZeroPad3d({{1, 1}}).padding.size() == 3);
}
