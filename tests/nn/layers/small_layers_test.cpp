// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/bilinear.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>

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
