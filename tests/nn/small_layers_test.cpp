// SPDX-License-Identifier: BSD-3-Clause
#include "torch_case.hpp"

#include <newtape/autograd/gradcheck.hpp>
#include <newtape/core/random.hpp>
#include <newtape/nn/nn.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {
nt::Tensor normal(const nt::Shape& shape, std::uint64_t seed) {
  nt::Generator g(seed);
  return nt::random::normal(shape, 0, 1, nt::f64, g);
}

/// Against PyTorch, and by differences to second order, also of the parameters.
template <class M>
void check(const Reference& torch, const std::string& name, const M& module) {
  check_module(torch, name, [&] { return module; });
  module.to(nt::f64);
  std::vector<nt::Tensor> inputs{torch(name + "/f64/in/0")};
  for (const auto& p : module.parameters()) inputs.push_back(p.tensor().detach());
  const auto result = nt::gradcheck(
      nt::Function([&](std::span<const nt::Tensor> xs) { return nn::functional_call(module, xs.subspan(1), xs[0]); }),
      inputs);
  INFO(name << ": " << result.message);
  CHECK(result);
}

template <class M>
std::vector<nt::Tensor> call_with_two(const M& module, const std::vector<nt::Tensor>& xs) {
  return {module(xs[0], xs[1])};
}
}  // namespace

TEST_CASE("activations agree with PyTorch, and differentiate") {
  const Reference torch("nn/small_layers.txt");
  check(torch, "ReLU", nn::ReLU());
  check(torch, "ReLU6", nn::ReLU6());
  check(torch, "Tanh", nn::Tanh());
  check(torch, "Sigmoid", nn::Sigmoid());
  check(torch, "LogSigmoid", nn::LogSigmoid());
  check(torch, "SELU", nn::SELU());
  check(torch, "SiLU", nn::SiLU());
  check(torch, "Mish", nn::Mish());
  check(torch, "Softsign", nn::Softsign());
  check(torch, "Hardswish", nn::Hardswish());
  check(torch, "Tanhshrink", nn::Tanhshrink());
  check(torch, "GELU", nn::GELU());
  check(torch, "GELU/tanh", nn::GELU(nt::Approximate::tanh));
  check(torch, "ELU", nn::ELU());
  check(torch, "ELU/2", nn::ELU(2));
  check(torch, "CELU", nn::CELU());
  check(torch, "CELU/2", nn::CELU(2));
  check(torch, "LeakyReLU", nn::LeakyReLU());
  check(torch, "LeakyReLU/0.2", nn::LeakyReLU(0.2));
  check(torch, "Hardtanh", nn::Hardtanh());
  check(torch, "Hardtanh/-2,0.5", nn::Hardtanh(-2, 0.5));
  check(torch, "Threshold", nn::Threshold(0.3, -2));
  check(torch, "Hardshrink", nn::Hardshrink());
  check(torch, "Softshrink", nn::Softshrink());
  check(torch, "Softplus/2,1", nn::Softplus({.beta = 2, .threshold = 1}));
  check(torch, "PReLU", nn::PReLU());
  check(torch, "PReLU/3", nn::PReLU(3, {.init = 0.1}));
  check(torch, "GLU", nn::GLU());
  check(torch, "GLU/1", nn::GLU(1));
  check(torch, "Softmin", nn::Softmin(1));
  check(torch, "Softmax", nn::Softmax(0));
  check(torch, "LogSoftmax", nn::LogSoftmax(1));
  check(torch, "Softmax2d", nn::Softmax2d());
  check(torch, "Unflatten", nn::Unflatten(1, {2, 3}));
  const nn::RReLU rrelu(0.1, 0.4);
  rrelu.eval();
  check(torch, "RReLU/eval", rrelu);
  // Beyond its threshold PyTorch's is x, from which ours differs by exp(-20).
  check_module(
      torch, "Softplus", [] { return nn::Softplus(); }, 1e-8);
  // PyTorch's gradient takes 1/6 from f32.
  check_module(
      torch, "Hardsigmoid", [] { return nn::Hardsigmoid(); }, 1e-7);
  check_module(
      torch, "Softplus/1,30", [] { return nn::Softplus({.threshold = 30}); }, 1e-12);
}

TEST_CASE("layers with two arguments agree with PyTorch, and differentiate") {
  const Reference torch("nn/small_layers.txt");
  check_module(
      torch, "Bilinear", [] { return nn::Bilinear(3, 4, 2); }, call_with_two<nn::Bilinear>);
  check_module(
      torch, "Bilinear/plain", [] { return nn::Bilinear(3, 4, 2, {.bias = false}); }, call_with_two<nn::Bilinear>);
  check_module(
      torch, "CosineSimilarity", [] { return nn::CosineSimilarity(); }, call_with_two<nn::CosineSimilarity>);
  check_module(
      torch, "CosineSimilarity/0", [] { return nn::CosineSimilarity({.dim = 0}); },
      call_with_two<nn::CosineSimilarity>);
  check_module(
      torch, "PairwiseDistance", [] { return nn::PairwiseDistance(); }, call_with_two<nn::PairwiseDistance>);
  check_module(
      torch, "PairwiseDistance/1", [] { return nn::PairwiseDistance({.p = 1, .keepdim = true}); },
      call_with_two<nn::PairwiseDistance>);

  const nn::Bilinear layer(3, 2, 2);
  const std::vector<nt::Tensor> xs{normal({4, 3}, 1), normal({4, 2}, 2), normal({2, 3, 2}, 3), normal({2}, 4)};
  const auto result = nt::gradcheck(
      nt::Function([&](std::span<const nt::Tensor> x) { return nn::functional_call(layer, x.subspan(2), x[0], x[1]); }),
      xs);
  INFO(result.message);
  CHECK(result);
}

TEST_CASE("RReLU draws its slopes in training") {
  const nn::RReLU layer(0.1, 0.4);
  const nt::Tensor y = layer(nt::full({1000}, -1, nt::f64));
  CHECK(nt::max(y).item() <= -0.1);
  CHECK(nt::min(y).item() >= -0.4);
  CHECK(nt::mean(y).item() == Approx(-0.25).margin(0.02));
  CHECK(identical(layer(nt::ones({3})).value(), nt::ones({3}).value()));
  CHECK_THROWS_AS(nn::RReLU(1, 0), nt::ValueError);
}

TEST_CASE("small layers take empty batches, and refuse what does not fit") {
  CHECK(nn::Bilinear(3, 4, 2)(nt::zeros({0, 3}), nt::zeros({0, 4})).shape() == nt::Shape{0, 2});
  CHECK(nn::PReLU(3)(nt::zeros({0, 3})).shape() == nt::Shape{0, 3});
  CHECK(nn::GLU()(nt::zeros({0, 4})).shape() == nt::Shape{0, 2});
  CHECK(nn::CosineSimilarity()(nt::zeros({0, 4}), nt::zeros({0, 4})).shape() == nt::Shape{0});
  CHECK_THROWS_AS(nn::Bilinear(0, 4, 2), nt::ValueError);
  CHECK_THROWS_WITH(nn::Bilinear(3, 4, 2)(nt::zeros({5, 4}), nt::zeros({5, 4})), contains("x1 [5, 4]"));
  CHECK_THROWS_AS(nn::PReLU(0), nt::ValueError);
  CHECK_THROWS_AS(nn::Softmax2d()(nt::zeros({2, 3})), nt::ShapeError);
  const nn::Sequential model(nn::Identity(), nn::PReLU(3));
  CHECK_THROWS_WITH(model(nt::zeros({2, 4})), contains("1: PReLU") && contains("[2, 4]"));
  CHECK_THROWS_WITH(nn::Sequential(nn::GLU())(nt::zeros({2, 3})), contains("0: glu") && contains("[2, 3]"));
}

TEST_CASE("containers name their members by position or by name, and copies are the same container") {
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

TEST_CASE("Residual adds its argument, and differentiates") {
  const nn::Residual block(nn::Linear(3, 3).to(nt::f64));
  const nt::Tensor x = normal({2, 3}, 7);
  CHECK(identical(block(x).value(), (block.inner(x) + x).value()));
  CHECK(block.has_parameter("inner.weight"));
  const auto result = nt::gradcheck(nt::UnaryFunction([&](const nt::Tensor& t) { return block(t * t); }), x);
  CHECK(result);
  const nn::Sequential model(nn::Residual(nn::Linear(3, 1)));
  CHECK_THROWS_WITH(model(nt::zeros({2, 3})), contains("0: Residual") && contains("[2, 1]"));
}
