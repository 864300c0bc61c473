// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/recurrent_cell.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;
using nt::Tensor;

namespace {

Tensor random(const nt::Shape& shape, std::uint64_t seed, nt::DType dtype = nt::f64) {
  nt::Generator generator(seed);
  return nt::random::uniform(shape, -1, 1, dtype, generator);
}

}  // namespace

TEST_CASE("cells and layers compute the same function") {
  const nn::LSTM layer(3, 4, {.dtype = nt::f64});
  const nn::LSTMCell cell(3, 4, {.dtype = nt::f64});
  cell.weight_ih.set_value(layer.parameter("weight_ih_l0").value());
  cell.weight_hh.set_value(layer.parameter("weight_hh_l0").value());
  cell.bias_ih.set_value(layer.parameter("bias_ih_l0").value());
  cell.bias_hh.set_value(layer.parameter("bias_hh_l0").value());
  const Tensor x = random({6, 2, 3}, 2);
  nn::LSTMState state;
  for (std::int64_t t = 0; t < 6; ++t) state = cell(nt::select(x, 0, t), state);
  const auto y = layer(x);
  CHECK(distance(y.h_n.value(), nt::unsqueeze(state.h, 0).value()) < 1e-14);
  CHECK(distance(y.c_n.value(), nt::unsqueeze(state.c, 0).value()) < 1e-14);
}

TEST_CASE("a mask skips steps at any position") {
  const nn::GRU layer(3, 4, {.dtype = nt::f64});
  const Tensor x = random({4, 1, 3}, 3);
  const auto masked = layer(x, {.mask = nt::unsqueeze(nt::tensor({1, 0, 1, 0}, nt::boolean), 1)});
  const auto rest = layer(nt::concatenate({nt::slice(x, 0, 0, 1), nt::slice(x, 0, 2, 3)}));
  CHECK(distance(masked.h_n.value(), rest.h_n.value()) < 1e-15);
  CHECK(identical(nt::select(masked.output, 0, 1).value(), nt::zeros({1, 4}, nt::f64).value()));
}

TEST_CASE("hooks receive a recurrent layer's output") {
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

TEST_CASE("errors of recurrent layers name the argument and the layer") {
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

TEST_CASE("initial values of recurrent layers are within PyTorch's bounds") {
  const nn::GRU layer(3, 16);
  for (const auto& p : layer.parameters()) {
    CHECK(nt::max(nt::abs(p)).item() <= 0.25);
    CHECK(nt::max(nt::abs(p)).item() > 0.2);
  }
}
