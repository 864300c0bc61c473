// SPDX-License-Identifier: BSD-3-Clause
// Hooks on modules, apply, types, and the table of a model's layers.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/attention.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/recurrent_cell.hpp>
#include <newtape/nn/layers/transformer.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/module/summary.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

struct Pair : nn::Module<Pair> {
  nn::Linear first = add("first", nn::Linear(3, 4));
  nn::Linear second = add("second", nn::Linear(3, 5));
  std::pair<nt::Tensor, nt::Tensor> forward(const nt::Tensor& x) const { return {first(x), second(x)}; }
};
struct Net : nn::Module<Net> {
  Pair pair = add("pair", Pair());
  nn::Sequential tail = add("tail", nn::Sequential(nn::Linear(4, 2), nn::ReLU(), nn::Dropout()));
  nt::Tensor forward(const nt::Tensor& x, const nt::Tensor& mask) const { return tail(pair(x).first) * mask; }
};
struct Silent : nn::Module<Silent> {
  int forward(const nt::Tensor&) const { return 3; }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("module: types, paths, and apply") {
  const Net net;
  CHECK(net.type() == "Net");
  CHECK(nn::Lambda([](const nt::Tensor& x) { return x; }).type() == "Lambda");
  CHECK(net.is<Net>());
  CHECK_FALSE(net.is<nn::Linear>());
  const nn::Lambda twice([](const nt::Tensor& x) { return 2 * x; });
  const nn::Lambda thrice([](const nt::Tensor& x) { return 3 * x; });
  CHECK(twice.is<std::remove_const_t<decltype(twice)>>());
  CHECK_FALSE(twice.is<std::remove_const_t<decltype(thrice)>>());  // although compilers may write them alike
  Names paths;
  for (const auto& [path, m] : net.named_modules()) paths.push_back(path + "=" + std::string(m.type()));
  CHECK(paths == Names{"=Net", "pair=Pair", "pair.first=Linear", "pair.second=Linear", "tail=Sequential",
                       "tail.0=Linear", "tail.1=ReLU", "tail.2=Dropout"});
  Names order;
  net.apply([&](const nn::ModuleBase& m) {
    order.emplace_back(m.type());
    if (m.is<nn::Linear>()) nn::init::constant(m.parameter("weight"), 2);
  });
  CHECK(order == Names{"Linear", "Linear", "Pair", "Linear", "ReLU", "Dropout", "Sequential", "Net"});
  CHECK(nt::min(net.pair.second.weight).item() == 2);
  CHECK(net.has_parameter("pair.first.bias"));
  CHECK_FALSE(net.has_parameter("pair.first"));
}

TEST_CASE("module: forward hooks receive and replace the result") {
  const Net net;
  net.eval();
  const nt::Tensor x = nt::ones({6, 3});
  const nt::Tensor mask = nt::ones({6, 2});
  const nt::Tensor plain = net(x, mask);
  Names seen;
  const auto note = [&](const nn::ModuleBase& m, std::span<const nt::Tensor> inputs, const nt::Tensor& y) {
    seen.push_back(std::string(m.type()) + " " + std::to_string(inputs.size()) + " " +
                   (y.defined() ? to_string(y.shape()) : "none"));
    return nt::Tensor();
  };
  auto outer = net.register_forward_hook(note);
  net.pair.register_forward_hook(note);
  net.register_forward_pre_hook([&](const nn::ModuleBase& m, std::span<const nt::Tensor> inputs) {
    seen.push_back("before " + std::string(m.type()) + to_string(inputs[1].shape()));
  });
  CHECK(nt::sum(nt::abs(net(x, mask) - plain)).item() == 0);
  CHECK(seen == Names{"before Net[6, 2]", "Pair 1 [6, 4]", "Net 2 [6, 2]"});
  outer.remove();
  outer.remove();
  const auto doubling = [](const nn::ModuleBase&, std::span<const nt::Tensor>, const nt::Tensor& y) { return 2 * y; };
  net.register_forward_hook(doubling);
  auto again = net.register_forward_hook(doubling);
  CHECK(nt::sum(nt::abs(net(x, mask) - 4 * plain)).item() == 0);
  again.remove();
  CHECK(nt::sum(nt::abs(net(x, mask) - 2 * plain)).item() == 0);

  const Silent silent;
  silent.register_forward_hook(note);
  CHECK(silent(x) == 3);
  CHECK(seen.back() == "Silent 1 none");
}

TEST_CASE("module: backward hooks receive and replace the gradient of the result") {
  nn::Linear layer(3, 2);
  const nn::Sequential model(layer, nn::Tanh());
  const nt::Tensor x = nt::ones({4, 3});
  std::vector<nt::Shape> seen;
  auto handle = layer.register_backward_hook([&](const nn::ModuleBase& m, const nt::Tensor& g) {
    CHECK(m == layer);
    seen.push_back(g.shape());
    return nt::zeros_like(g);
  });
  nt::sum(model(x)).backward();
  CHECK(seen == std::vector<nt::Shape>{{4, 2}});
  CHECK(nt::max(nt::abs(layer.weight.grad())).item() == 0);
  handle.remove();
  nt::sum(model(x)).backward();
  CHECK(nt::max(nt::abs(layer.weight.grad())).item() > 0);
  CHECK(seen.size() == 1);
}

TEST_CASE("module: an error in a hook names the layer") {
  const Net net;
  net.tail.register_forward_hook(
      [](const nn::ModuleBase&, std::span<const nt::Tensor>, const nt::Tensor& y) { return y + nt::ones({7}); });
  CHECK_THROWS_WITH(net(nt::ones({6, 3}), nt::ones({6, 2})), contains("tail: add"));
}

TEST_CASE("summary: shapes, parameters, bytes and multiply-adds of each layer") {
  const Net net;
  net.pair.second.requires_grad(false);
  net.train();
  net.tail.eval();
  const auto s = nn::summary(net, [&] { net(nt::ones({6, 3}), nt::ones({6, 2})); });
  REQUIRE(s.layers.size() == 8);
  CHECK(s.layers[2].path == "pair.first");
  CHECK(s.layers[2].type == "Linear");
  CHECK(s.layers[2].outputs == std::vector<nt::Shape>{{6, 4}});
  CHECK(s.layers[2].parameters == 16);
  CHECK(s.layers[2].bytes == 64);
  CHECK(s.layers[2].multiply_adds == 6 * 3 * 4);
  CHECK(s.layers[3].trainable == 0);
  CHECK(s.layers[0].multiply_adds == 0);
  CHECK(s.layers[7].outputs.size() == 1);
  CHECK(s.parameters == 16 + 20 + 10);
  CHECK(s.trainable == 26);
  CHECK(s.multiply_adds == 6 * (3 * 4 + 3 * 5 + 4 * 2));
  const auto text = s.to_string();
  INFO(text);
  CHECK_THAT(text,
             contains("pair: Pair") && contains("[6, 4]") && contains("20 frozen") && contains("46 (26 trainable)"));
  // Training modes are restored.
  CHECK(net.is_training());
  CHECK_FALSE(net.tail.is_training());
  CHECK_FALSE(net.tail.children()[2].second.is_training());
  nt::sum(net(nt::ones({6, 3}), nt::ones({6, 2}))).backward();
  CHECK(s.layers[2].outputs.size() == 1);

  const nn::Linear big(1000, 2000, {.dtype = nt::f64});
  CHECK_THAT(nn::summary(big, {5, 1000}, nt::f64).to_string(), contains("16,016,000") && contains("10,000,000"));
  CHECK_THROWS_WITH(nn::summary(big, {5, 7}, nt::f64), contains("[5, 7]"));
}

TEST_CASE("summary counts the multiply-adds of recurrent layers and attention by their formulas") {
  const auto of = [](const auto& module, const nt::Shape& input) { return nn::summary(module, input).multiply_adds; };
  constexpr std::int64_t t = 5, n = 2, in = 3, h = 4;
  // For each step and sequence: the input and the state times the weights of each gate.
  CHECK(of(nn::RNN(in, h), {t, n, in}) == t * n * h * (in + h));
  CHECK(of(nn::GRU(in, h), {t, n, in}) == t * n * 3 * h * (in + h));
  CHECK(of(nn::LSTM(in, h), {t, n, in}) == t * n * 4 * h * (in + h));
  CHECK(of(nn::LSTM(in, h, {.num_layers = 2, .bidirectional = true}), {t, n, in}) ==
        2 * t * n * 4 * h * ((in + h) + (2 * h + h)));
  CHECK(of(nn::LSTM(in, h, {.proj_size = 2}), {t, n, in}) == t * n * (4 * h * (in + 2) + 2 * h));
  CHECK(of(nn::LSTMCell(in, h), {n, in}) == n * 4 * h * (in + h));
  // Four projections; scores and their sums of values, each over all pairs of steps and all features.
  constexpr std::int64_t l = 6, e = 8, f = 10;
  constexpr std::int64_t attention = 4 * l * n * e * e + 2 * n * l * l * e;
  CHECK(of(nn::MultiheadAttention(e, 2), {l, n, e}) == attention);
  const nn::TransformerEncoder encoder(e, 2, 3, {.layer = {.dim_feedforward = f}});
  const auto s = nn::summary(encoder, {l, n, e});
  CHECK(s.multiply_adds == 3 * (attention + 2 * l * n * e * f));
  const auto parameters = 3 * ((3 * e * e + 3 * e) + (e * e + e) + (f * e + f) + (e * f + e) + 4 * e);
  CHECK(s.parameters == parameters);
  CHECK(s.bytes == 4 * parameters);
}

TEST_CASE("module: a removed hook is released at once, and its handle may outlive the module") {
  const auto owned = std::make_shared<int>(0);
  nn::ModuleHook hook;
  {
    const Silent silent;
    hook = silent.register_forward_hook([owned](const nn::ModuleBase&, std::span<const nt::Tensor>, const nt::Tensor&) {
      ++*owned;
      return nt::Tensor();
    });
    silent(nt::zeros({1}));
    CHECK(*owned == 1);
    CHECK(owned.use_count() == 2);
    hook.remove();
    CHECK(owned.use_count() == 1);
    silent(nt::zeros({1}));
    CHECK(*owned == 1);
    hook = silent.register_forward_pre_hook([](const nn::ModuleBase&, std::span<const nt::Tensor>) {});
  }
  hook.remove();
}
