// SPDX-License-Identifier: BSD-3-Clause
#include "torch_case.hpp"

#include <newtape/autograd/gradcheck.hpp>
#include <newtape/core/random.hpp>
#include <newtape/nn/linear.hpp>
#include <newtape/nn/recurrent.hpp>
#include <newtape/nn/recurrent_cell.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;
using nt::Tensor;

namespace {

std::vector<Tensor> all_of(const nn::RecurrentResult& y) {
  if (y.c_n.defined()) return {y.output, y.h_n, y.c_n};
  return {y.output, y.h_n};
}
/// The first argument is the input, the others are initial states.
nn::RecurrentInput states_of(const std::vector<Tensor>& xs) {
  nn::RecurrentInput more;
  if (xs.size() > 1) more.h_0 = xs[1];
  if (xs.size() > 2) more.c_0 = xs[2];
  return more;
}
const auto with_states = [](const auto& m, const std::vector<Tensor>& xs) { return all_of(m(xs[0], states_of(xs))); };

Tensor random(const nt::Shape& shape, std::uint64_t seed, nt::DType dtype = nt::f64) {
  nt::Generator generator(seed);
  return nt::random::uniform(shape, -1, 1, dtype, generator);
}

template <class Layer>
void check_layer(const std::string& name) {
  const Reference torch("nn/recurrent.txt");
  check_module(
      torch, name + "/one", [] { return Layer(2, 3); }, with_states);
  check_module(
      torch, name + "/states", [] { return Layer(2, 3, {.bias = false}); }, with_states);
  check_module(
      torch, name + "/alone", [] { return Layer(3, 2); }, with_states);
  const auto deep = [] { return Layer(2, 2, {.num_layers = 2, .batch_first = true, .bidirectional = true}); };
  check_module(torch, name + "/deep", deep, with_states);
  check_module(torch, name + "/lengths", deep, [](const auto& m, const auto& xs) {
    return all_of(m(xs[0], {.lengths = {3, 4, 1}}));
  });
  check_module(torch, name + "/lengths", deep, [](const auto& m, const auto& xs) {
    Tensor mask = nt::tensor({{1, 1, 1, 0}, {1, 1, 1, 1}, {1, 0, 0, 0}}, nt::boolean);
    return all_of(m(xs[0], {.mask = mask}));
  });
}

Tensor state_of(const Tensor& h) { return h; }
Tensor state_of(const nn::LstmState& state) { return state.h; }

/// To order two, as a function of the input and of all parameters.
template <class Layer>
void check_derivatives(const nn::RecurrentOptions& options, const nn::RecurrentInput& more) {
  const Layer layer(2, 2, options);
  std::vector<Tensor> at{random({3, 2, 2}, 1)};
  for (const auto& p : layer.parameters()) at.push_back(p.value());
  const nt::Function f = [&](std::span<const Tensor> xs) {
    const std::vector<Tensor> values(xs.begin() + 1, xs.end());
    const auto y = nn::functional_call(layer, values, xs[0], more);
    Tensor total = nt::sum(nt::square(y.output)) + nt::sum(nt::square(y.h_n));
    return y.c_n.defined() ? total + nt::sum(y.c_n) : total;
  };
  const auto report = nt::gradcheck(f, at, {.order = 2});
  INFO(report.message);
  CHECK(report.ok);
}

}  // namespace

TEST_CASE("RNN agrees with PyTorch") {
  check_layer<nn::RNN>("rnn");
  const Reference torch("nn/recurrent.txt");
  check_module(
      torch, "rnn/relu", [] { return nn::RNN(2, 3, {.nonlinearity = nn::init::Nonlinearity::relu}); }, with_states);
}
TEST_CASE("LSTM agrees with PyTorch") {
  check_layer<nn::LSTM>("lstm");
  const Reference torch("nn/recurrent.txt");
  const auto make = [] { return nn::LSTM(2, 3, {.bidirectional = true, .proj_size = 2}); };
  check_module(torch, "lstm/projected", make, with_states);
  check_module(torch, "lstm/projected_lengths", make, [](const auto& m, const auto& xs) {
    return all_of(m(xs[0], {.lengths = {2, 3}}));
  });
}
TEST_CASE("GRU agrees with PyTorch") { check_layer<nn::GRU>("gru"); }

TEST_CASE("recurrent cells agree with PyTorch") {
  const Reference torch("nn/recurrent.txt");
  const auto one = [](const auto& m, const std::vector<Tensor>& xs) -> std::vector<Tensor> {
    return {xs.size() > 1 ? m(xs[0], xs[1]) : m(xs[0])};
  };
  const auto two = [](const nn::LSTMCell& m, const std::vector<Tensor>& xs) -> std::vector<Tensor> {
    const auto y = xs.size() > 1 ? m(xs[0], {xs[1], xs[2]}) : m(xs[0]);
    return {y.h, y.c};
  };
  check_module(
      torch, "rnn/cell", [] { return nn::RNNCell(2, 3); }, one);
  check_module(
      torch, "rnn/relu_cell", [] { return nn::RNNCell(2, 3, {.nonlinearity = nn::init::Nonlinearity::relu}); }, one);
  check_module(
      torch, "gru/cell", [] { return nn::GRUCell(2, 3); }, one);
  check_module(
      torch, "gru/plain_cell", [] { return nn::GRUCell(2, 3, {.bias = false}); }, one);
  check_module(
      torch, "lstm/cell", [] { return nn::LSTMCell(2, 3); }, two);
  check_module(
      torch, "lstm/plain_cell", [] { return nn::LSTMCell(2, 3, {.bias = false}); }, two);
}

TEST_CASE("recurrent layers differentiate twice, in all they are given") {
  const nn::RecurrentOptions both{.bidirectional = true, .dtype = nt::f64};
  check_derivatives<nn::RNN>({.dtype = nt::f64}, {.lengths = {3, 1}});
  check_derivatives<nn::LSTM>(both, {.lengths = {2, 3}});
  check_derivatives<nn::LSTM>({.proj_size = 1, .dtype = nt::f64}, {});
  check_derivatives<nn::GRU>(both, {});
}

TEST_CASE("cells and layers are the same function") {
  const nn::LSTM layer(3, 4, {.dtype = nt::f64});
  const nn::LSTMCell cell(3, 4, {.dtype = nt::f64});
  cell.weight_ih.set_value(layer.parameter("weight_ih_l0").value());
  cell.weight_hh.set_value(layer.parameter("weight_hh_l0").value());
  cell.bias_ih.set_value(layer.parameter("bias_ih_l0").value());
  cell.bias_hh.set_value(layer.parameter("bias_hh_l0").value());
  const Tensor x = random({6, 2, 3}, 2);
  nn::LstmState state;
  for (std::int64_t t = 0; t < 6; ++t) state = cell(nt::select(x, 0, t), state);
  const auto y = layer(x);
  CHECK(distance(y.h_n.value(), nt::unsqueeze(state.h, 0).value()) < 1e-14);
  CHECK(distance(y.c_n.value(), nt::unsqueeze(state.c, 0).value()) < 1e-14);
}

TEST_CASE("a mask passes steps over wherever they are") {
  const nn::GRU layer(3, 4, {.dtype = nt::f64});
  const Tensor x = random({4, 1, 3}, 3);
  const auto masked = layer(x, {.mask = nt::unsqueeze(nt::tensor({1, 0, 1, 0}, nt::boolean), 1)});
  const auto rest = layer(nt::concatenate({nt::slice(x, 0, 0, 1), nt::slice(x, 0, 2, 3)}));
  CHECK(distance(masked.h_n.value(), rest.h_n.value()) < 1e-15);
  CHECK(identical(nt::select(masked.output, 0, 1).value(), nt::zeros({1, 4}, nt::f64).value()));
}

TEST_CASE("recurrent layers drop between layers in training only") {
  const nn::LSTM layer(3, 4, {.num_layers = 2, .dropout = 0.5});
  const Tensor x = random({5, 2, 3}, 4, nt::f32);
  nt::manual_seed(1);
  const auto first = layer(x).output;
  CHECK_FALSE(identical(first.value(), layer(x).output.value()));
  nt::manual_seed(1);
  CHECK(identical(first.value(), layer(x).output.value()));
  layer.eval();
  const auto second = layer(x).output;
  CHECK(identical(second.value(), layer(x).output.value()));
  CHECK_FALSE(identical(first.value(), second.value()));
}

TEST_CASE("recurrent layers take an empty batch") {
  const auto check = [](const auto& layer, const auto& cell) {
    const Tensor x = nt::variable(nt::zeros({4, 0, 3}).value());
    const auto y = layer(x);
    CHECK(y.output.shape() == nt::Shape{4, 0, 8});
    CHECK(y.h_n.shape() == nt::Shape{2, 0, 4});
    nt::sum(y.output).backward();
    CHECK(x.grad().shape() == x.shape());
    for (const auto& p : layer.parameters()) CHECK(identical(p.grad().value(), nt::zeros_like(p).value()));
    CHECK(state_of(cell(nt::zeros({0, 3}))).shape() == nt::Shape{0, 4});
  };
  check(nn::RNN(3, 4, {.bidirectional = true}), nn::RNNCell(3, 4));
  check(nn::LSTM(3, 4, {.bidirectional = true}), nn::LSTMCell(3, 4));
  check(nn::GRU(3, 4, {.bidirectional = true}), nn::GRUCell(3, 4));
}

TEST_CASE("hooks see a recurrent layer's output") {
  const nn::LSTM layer(3, 4);
  nt::Shape seen;
  layer.register_forward_hook([&](const nn::ModuleBase&, std::span<const Tensor> inputs, const Tensor& output) {
    CHECK(inputs.size() == 1);
    seen = output.shape();
    return output * 0;
  });
  const auto y = layer(nt::ones({5, 2, 3}), {.lengths = {5, 2}});
  CHECK(seen == nt::Shape{5, 2, 4});
  CHECK(nt::sum(nt::square(y.output)).item() == 0);
}

TEST_CASE("recurrent layers name what does not fit, and where") {
  struct Tagger : nn::Module<Tagger> {
    nn::LSTM encoder = add("encoder", nn::LSTM(3, 4));
    nn::GRUCell cell = add("cell", nn::GRUCell(3, 4));
    Tensor forward(const Tensor& x) const { return x.ndim() == 3 ? encoder(x).output : cell(x); }
  };
  CHECK_THROWS_WITH(Tagger()(nt::ones({5, 2, 7})),
                    contains("encoder: LSTM: the input") && contains("x [T, B, 3]") && contains("x [5, 2, 7]"));
  CHECK_THROWS_WITH(Tagger()(nt::ones({2, 7})), contains("cell: GRUCell") && contains("x [2, 7]"));
  const nn::LSTM layer(3, 4);
  const Tensor x = nt::ones({5, 2, 3});
  CHECK_THROWS_AS(layer(nt::ones({0, 2, 3})), nt::ShapeError);
  CHECK_THROWS_AS(layer(nt::ones({3})), nt::ShapeError);
  CHECK_THROWS_AS(layer(nt::ones({5, 2, 3}, nt::f64)), nt::DTypeError);
  CHECK_THROWS_WITH(layer(x, {.h_0 = nt::ones({1, 3, 4})}), contains("h_0") && contains("[1, 2, 4]"));
  CHECK_THROWS_WITH(layer(x, {.c_0 = nt::ones({2, 4})}), contains("c_0"));
  CHECK_THROWS_AS(layer(x, {.h_0 = nt::ones({1, 2, 4}, nt::f64)}), nt::DTypeError);
  CHECK_THROWS_AS(layer(x, {.lengths = {5}}), nt::ShapeError);
  CHECK_THROWS_WITH(layer(x, {.lengths = {5, 6}}), contains("from 1 to 5") && contains("6"));
  CHECK_THROWS_AS(layer(x, {.lengths = {0, 5}}), nt::ValueError);
  CHECK_THROWS_AS(layer(x, {.mask = nt::ones({2, 5}, nt::boolean)}), nt::ShapeError);
  CHECK_THROWS_AS(layer(x, {.mask = nt::ones({5, 2})}), nt::DTypeError);
  CHECK_THROWS_AS(layer(x, {.lengths = {5, 5}, .mask = nt::ones({5, 2}, nt::boolean)}), nt::ValueError);
  CHECK_THROWS_AS(nn::GRU(3, 4)(x, {.c_0 = nt::ones({1, 2, 4})}), nt::ValueError);
  CHECK_THROWS_AS(nn::LSTM(0, 4), nt::ValueError);
  CHECK_THROWS_AS(nn::LSTM(3, 4, {.num_layers = 0}), nt::ValueError);
  CHECK_THROWS_AS(nn::LSTM(3, 4, {.proj_size = 4}), nt::ValueError);
  CHECK_THROWS_AS(nn::GRU(3, 4, {.proj_size = 2}), nt::ValueError);
  CHECK_THROWS_AS(nn::RNN(3, 4, {.dropout = 1.5}), nt::ValueError);
  CHECK_THROWS_AS(nn::GRU(3, 4, {.nonlinearity = nn::init::Nonlinearity::relu}), nt::ValueError);
  CHECK_THROWS_AS(nn::RNNCell(3, 0), nt::ValueError);
  CHECK_THROWS_AS(nn::LSTMCell(3, 4, {.nonlinearity = nn::init::Nonlinearity::relu}), nt::ValueError);
  CHECK_THROWS_AS(nn::RNNCell(3, 4)(nt::ones({2, 3}), nt::ones({3, 4})), nt::ShapeError);
}

TEST_CASE("recurrent parameters start within PyTorch's bounds") {
  const nn::GRU layer(3, 16);
  for (const auto& p : layer.parameters()) {
    CHECK(nt::max(nt::abs(p)).item() <= 0.25);
    CHECK(nt::max(nt::abs(p)).item() > 0.2);
  }
}
