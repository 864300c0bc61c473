// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "torch_case.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/conv.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/functional.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/parametrize.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace parametrize = newtape::nn::parametrize;

namespace {
std::vector<std::string> names_of(const nn::ModuleBase& module) {
  std::vector<std::string> names;
  for (const auto& p : module.named_parameters()) names.push_back(p.first);
  return names;
}

struct Convolution : nn::Module<Convolution> {
  nt::Parameter weight = add("weight", nt::Parameter(normal({3, 2, 2}, 1)));
  nt::Parameter bias = add("bias", nt::Parameter(nt::zeros({3}, nt::f64)));
  nt::Tensor forward(const nt::Tensor& x) const { return nt::conv1d(x, weight, bias); }
};

/// exp(original): positive values.
struct Positive : nn::Module<Positive> {
  nt::Tensor forward(nt::In x) const { return nt::exp(std::move(x)); }
  nt::Tensor right_inverse(const nt::Tensor& w) const { return nt::log(w); }
};

void check_gradients(const nn::Linear& layer) {
  std::vector<nt::Tensor> inputs{normal({4, layer.in_features}, 2)};
  std::uint64_t seed = 10;
  for (const auto& p : layer.parameters()) inputs.push_back(normal(p.shape(), seed++));
  const auto result = nt::gradcheck(
      nt::Function([&](std::span<const nt::Tensor> xs) { return nn::functional_call(layer, xs.subspan(1), xs[0]); }),
      inputs);
  INFO(result.message);
  CHECK(result);
}
}  // namespace

TEST_CASE("parametrizations are differentiable to second order in the originals") {
  check_gradients(parametrize::weight_norm(nn::Linear(3, 4).to(nt::f64)));
  check_gradients(parametrize::weight_norm(nn::Linear(3, 4).to(nt::f64), "weight", {.dim = {}}));
  check_gradients(parametrize::weight_norm(nn::Linear(3, 4).to(nt::f64), "bias"));
  check_gradients(parametrize::symmetric(nn::Linear(3, 3).to(nt::f64)));
  check_gradients(parametrize::orthogonal(nn::Linear(3, 2).to(nt::f64)));
  check_gradients(
      parametrize::orthogonal(nn::Linear(2, 3).to(nt::f64), "weight", {.map = parametrize::OrthogonalMap::cayley}));
  const auto spectral = parametrize::spectral_norm(nn::Linear(3, 4).to(nt::f64));
  spectral.eval();
  check_gradients(spectral);
  const auto vector = parametrize::spectral_norm(nn::Linear(3, 4).to(nt::f64), "bias");
  check_gradients(vector);
}

TEST_CASE("parametrized values have the intended property") {
  const nt::Tensor x = normal({5, 4}, 3);
  const auto rotation = parametrize::orthogonal(nn::Linear(4, 4).to(nt::f64));
  const auto mirrored = parametrize::symmetric(nn::Linear(4, 4).to(nt::f64));
  const auto spectral = parametrize::spectral_norm(nn::Linear(4, 6).to(nt::f64));
  for (int step = 0; step < 3; ++step) {
    nt::sum(nt::square(rotation(x)) + nt::square(mirrored(x))).backward();
    for (const auto& m : {rotation, mirrored}) {
      for (const auto& p : m.parameters()) p.set_value((p - 0.1 * p.grad()).value());
      m.zero_grad();
    }
    for (int i = 0; i < 30; ++i) spectral(x);
    rotation(x);
    mirrored(x);
    CHECK(distance(nt::matmul(rotation.weight, nt::transpose(rotation.weight)).value(), nt::eye(4, nt::f64).value()) <
          1e-13);
    CHECK(identical(mirrored.weight.value(), nt::transpose(mirrored.weight).value()));
  }
  CHECK(nt::max(nt::linalg::svdvals(spectral.weight)).item() == Approx(1).epsilon(1e-3));
}

TEST_CASE("a parametrization replaces a parameter, and can be removed") {
  const nn::Linear layer(3, 2);
  const nt::Tensor x = nt::ones({4, 3});
  const nt::Array before = layer(x).value();
  nn::Linear copy = layer;
  parametrize::weight_norm(layer);
  CHECK(names_of(layer) ==
        std::vector<std::string>{"bias", "parametrizations.weight.original0", "parametrizations.weight.original1"});
  CHECK(parametrize::is_parametrized(layer));
  CHECK(parametrize::is_parametrized(layer, "weight"));
  CHECK_FALSE(parametrize::is_parametrized(layer, "bias"));
  CHECK(distance(layer(x).value(), before) < 1e-6);
  layer.parameter("parametrizations.weight.original0").set_value((2.0 * layer.parameters()[1]).value());
  layer.parameter("bias").set_value((2.0 * layer.bias).value());
  CHECK(distance(copy(x).value(), (2.0 * nt::Tensor(before)).value()) < 1e-6);

  nt::sum(layer(x)).backward();
  CHECK(layer.parameters()[1].grad().defined());
  CHECK(layer.parameters()[2].grad().defined());

  parametrize::weight_norm(layer, "bias");
  parametrize::remove_parametrizations(layer, "weight");
  CHECK(names_of(layer) ==
        std::vector<std::string>{"weight", "parametrizations.bias.original0", "parametrizations.bias.original1"});
  parametrize::remove_parametrizations(layer, "bias");
  CHECK(names_of(layer) == std::vector<std::string>{"weight", "bias"});
  CHECK_FALSE(parametrize::is_parametrized(layer));
  CHECK(distance(layer(x).value(), (2.0 * nt::Tensor(before)).value()) < 1e-6);
  layer.zero_grad();
  nt::sum(layer(x)).backward();
  CHECK(layer.weight.grad().defined());
  CHECK(layer.bias.grad().defined());
}

TEST_CASE("a parametrized module is converted, saved, loaded, frozen and called with other values") {
  const auto make = [] { return parametrize::spectral_norm(nn::Linear(3, 3)); };
  const auto a = make();
  const auto b = make();
  const nt::Tensor x = nt::ones({2, 3});
  a.eval();
  b.eval();
  CHECK_FALSE(identical(a(x).value(), b(x).value()));
  b.load_state_dict(a.state_dict());
  CHECK(identical(a(x).value(), b(x).value()));
  a.to(nt::f64);
  CHECK(a(x.to(nt::f64)).dtype() == nt::f64);
  b.requires_grad(false);
  CHECK_FALSE(b(x).requires_grad());
  auto values = nn::values_of(b);
  for (auto& v : values) v = nt::zeros_like(v);
  values[1] = nt::eye(3);  // the bias comes first
  CHECK_FALSE(identical(nn::functional_call(b, values, x).value(), b(x).value()));
  CHECK(identical(a(x.to(nt::f64)).value(), a(x.to(nt::f64)).value()));
}

TEST_CASE("a user-defined parametrization is a module, whose inverse gives the initial value") {
  struct Scale : nn::Module<Scale> {
    nt::Parameter s = add("s", nt::Parameter(nt::tensor({1, 2, 4}, nt::f64)));
    nt::Tensor forward(const nt::Tensor& x) const { return x * s; }
  };
  const Scale layer;
  parametrize::register_parametrization(layer, "s", Positive());
  CHECK(names_of(layer) == std::vector<std::string>{"parametrizations.s.original"});
  CHECK(distance(layer.s.value(), nt::tensor({1, 2, 4}, nt::f64).value()) < 1e-15);
  nt::sum(layer(nt::ones({3}, nt::f64))).backward();
  CHECK(distance(layer.parameters()[0].grad().value(), nt::tensor({1, 2, 4}, nt::f64).value()) < 1e-15);
}

TEST_CASE("parametrizations reject invalid arguments, and change nothing") {
  const nn::Linear layer(3, 2);
  const auto names = names_of(layer);
  CHECK_THROWS_WITH(parametrize::weight_norm(layer, "wight"), contains("weight, bias") && contains("wight"));
  CHECK_THROWS_AS(parametrize::symmetric(layer), nt::ShapeError);
  CHECK_THROWS_AS(parametrize::orthogonal(layer, "bias"), nt::ShapeError);
  CHECK_THROWS_AS(parametrize::spectral_norm(layer, "weight", {.n_power_iterations = 0}), nt::ValueError);
  CHECK_THROWS_AS(parametrize::remove_parametrizations(layer, "weight"), nt::ValueError);
  struct Sum : nn::Module<Sum> {
    nt::Tensor forward(nt::In x) const { return nt::sum(std::move(x)); }
  };
  CHECK_THROWS_WITH(parametrize::register_parametrization(layer, "weight", Sum()), contains("[2, 3]"));
  CHECK(names_of(layer) == names);
  parametrize::weight_norm(layer);
  CHECK_THROWS_WITH(parametrize::weight_norm(layer), contains("already"));
  const nn::Sequential model(layer);
  CHECK_THROWS_WITH(model(nt::ones({2, 4})), contains("0: Linear"));
}

TEST_CASE("norms of zeros leave the function as it was, with finite gradients, and it can be trained") {
  const auto check = [](const char* name, const nt::Tensor& weight, const auto& parametrized) {
    INFO(name);
    const nn::Linear plain(2, 2, {.dtype = nt::f64});
    plain.weight.set_value(weight.value());
    const nt::Tensor x = nt::tensor({{1, 2}}, nt::f64);
    const nt::Tensor before = plain(x).detach();
    const nn::Linear layer = parametrized(plain);
    const nt::Tensor y = layer(x);
    CHECK(distance(y.value(), before.value()) < 1e-15);
    nt::sum(y).backward();
    bool some = false;
    for (const auto& p : layer.parameters()) {
      CHECK(nt::all(nt::isfinite(p.grad())).item<bool>());
      some = some || nt::any(p.grad() != 0.0).item<bool>();
    }
    CHECK(some);
  };
  const nt::Tensor row = nt::tensor({{0, 0}, {1, 2}}, nt::f64);
  const nt::Tensor nothing = nt::zeros({2, 2}, nt::f64);
  for (const auto& w : {row, nothing}) {
    check("weight_norm", w, [](const nn::Linear& l) { return parametrize::weight_norm(l); });
    check("weight_norm/whole", w,
          [](const nn::Linear& l) { return parametrize::weight_norm(l, "weight", {.dim = {}}); });
  }
  check("spectral_norm", nothing, [](const nn::Linear& l) { return parametrize::spectral_norm(l); });
  // Trained away from 0, the weight has a largest singular value of 1.
  const auto layer = parametrize::spectral_norm(nn::Linear(2, 2, {.dtype = nt::f64}));
  const auto original = layer.parameter("parametrizations.weight.original");
  original.set_value(nothing.value());
  layer(nt::ones({1, 2}, nt::f64));
  original.set_value(nt::tensor({{3, 0}, {0, 1}}, nt::f64).value());
  for (int i = 0; i < 60; ++i) layer(nt::ones({1, 2}, nt::f64));
  CHECK(nt::linalg::matrix_norm(layer.weight, 2.0).item() == Approx(1));
}
