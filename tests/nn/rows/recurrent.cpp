// SPDX-License-Identifier: BSD-3-Clause
#include "nn/table.hpp"

#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>

namespace newtape::nn::table {
namespace {

Torch torch_recurrent(const std::string& name) { return {"recurrent", name}; }

/// The first argument is the input, the others are initial states.
const auto with_states = [](const auto& m, const Tensors& xs) {
  RecurrentInput more;
  if (xs.size() > 1) more.h_0 = xs[1];
  if (xs.size() > 2) more.c_0 = xs[2];
  return m(xs[0], more);
};

/// Steps beyond the lengths, of an input [B, T, n] or [T, B, n].
Ignores beyond(const std::vector<std::int64_t>& lengths, bool batch_first) {
  return {[=](const Tensors& x, const Tensors&) {
    const Tensor length = unsqueeze(integers(lengths), 1);
    const Tensor late = arange(x[0].shape(batch_first ? 1 : 0)) >= length;  // [B, T]
    return Tensors{expand(unsqueeze(batch_first ? late : transpose(late), -1), x[0].shape())};
  }};
}

/// Rows for a layer of this type, whose cases start with `name`.
template <class L>
struct LayerRows : Rows {
  LayerRows(const std::string& type, const std::string& name)
      : Rows{{.name = type,
              .make = make([] { return L(2, 3); }, with_states),
              .torch = torch_recurrent(name + "/one"),
              .batch = {1},
              .refuses = {{floats({{5, 2, 7}}), "x [5, 2, 7]"}, {floats({{0, 2, 2}}), "[0, 2, 2]"}}},
             {.name = type + "/states",
              .make = make([] { return L(2, 3, {.bias = false}); }, with_states),
              .torch = torch_recurrent(name + "/states"),
              .batch = {1},
              .refuses = {{floats({{2, 2, 2}, {1, 3, 3}}), "[1, 3, 3]"}}},
             {.name = type + "/alone",
              .make = make([] { return L(3, 2); }, with_states),
              .torch = torch_recurrent(name + "/alone"),
              .batched = false,
              .refuses = {{floats({{2, 4}}), "x [2, 4]"}}},
             {.name = type + "/deep",
              .make = make(deep, with_states),
              .torch = torch_recurrent(name + "/deep"),
              .batch = {0, 1},
              .refuses = {{floats({{2, 3, 3}}), "x [2, 3, 3]"}}},
             {.name = type + "/lengths",
              .make = make(deep,
                           [](const L& m, const Tensors& xs) {
                             return m(xs[0], {.lengths = {3, 4, 1}});
                           }),
              .torch = torch_recurrent(name + "/lengths"),
              .batched = false,
              .refuses = {{floats({{2, 4, 2}}), "one length"}},
              .ignores = beyond({3, 4, 1}, true)},
             {.name = type + "/mask",
              .make = make(deep,
                           [](const L& m, const Tensors& xs) {
                             return m(xs[0], {.mask = tensor({{1, 1, 1, 0}, {1, 1, 1, 1}, {1, 0, 0, 0}}, boolean)});
                           }),
              .torch = torch_recurrent(name + "/lengths"),
              .batched = false,
              .refuses = {{floats({{2, 4, 2}}), "mask"}},
              .ignores = beyond({3, 4, 1}, true)},
             {.name = type + "/dropout",
              .make = make([] { return L(2, 3, {.num_layers = 2, .dropout = 0.5}); }, with_states),
              .torch = {"recurrent", "", name + "/dropout/eval"},
              .batch = {1},
              .refuses = {{floats({{2}}), "x [2]"}},
              .modes = true}} {}

  static L deep() { return L(2, 2, {.num_layers = 2, .batch_first = true, .bidirectional = true}); }
};

const LayerRows<RNN> rnns("RNN", "rnn");
const LayerRows<LSTM> lstms("LSTM", "lstm");
const LayerRows<GRU> grus("GRU", "gru");

LSTM projected() { return LSTM(2, 3, {.bidirectional = true, .proj_size = 2}); }

const Rows rows_with_options{
    {.name = "RNN/relu",
     .make = make([] { return RNN(2, 3, {.nonlinearity = init::Nonlinearity::relu}); }, with_states),
     .torch = torch_recurrent("rnn/relu"),
     .batch = {1},
     .refuses = {{floats({{2, 2, 3}}), "[2, 2, 3]"}}},
    {.name = "LSTM/projected",
     .make = make(projected, with_states),
     .torch = torch_recurrent("lstm/projected"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 2}, {2, 2, 3}}), "[2, 2, 3]"}}},
    {.name = "LSTM/projected/lengths",
     .make = make(projected,
                  [](const LSTM& m, const Tensors& xs) {
                    return m(xs[0], {.lengths = {2, 3}});
                  }),
     .torch = torch_recurrent("lstm/projected_lengths"),
     .batched = false,
     .refuses = {{floats({{3, 3, 2}}), "one length"}},
     .ignores = beyond({2, 3}, false)},
};

const Rows cells{
    {.name = "RNNCell",
     .make = make([] { return RNNCell(2, 3); }),
     .torch = torch_recurrent("rnn/cell"),
     .refuses = {{floats({{2, 3}}), "x [2, 3]"}, {floats({{2, 2}, {3, 3}}), "[3, 3]"}}},
    {.name = "RNNCell/relu",
     .make = make([] { return RNNCell(2, 3, {.nonlinearity = init::Nonlinearity::relu}); }),
     .torch = torch_recurrent("rnn/relu_cell"),
     .batched = false,
     .refuses = {{floats({{2}, {4}}), "[4]"}}},
    {.name = "GRUCell",
     .make = make([] { return GRUCell(2, 3); }),
     .torch = torch_recurrent("gru/cell"),
     .refuses = {{floats({{2, 3}}), "x [2, 3]"}}},
    {.name = "GRUCell/plain",
     .make = make([] { return GRUCell(2, 3, {.bias = false}); }),
     .torch = torch_recurrent("gru/plain_cell"),
     .batched = false,
     .refuses = {{floats({{3}}), "x [3]"}}},
    {.name = "LSTMCell",
     .make = make([] { return LSTMCell(2, 3); },
                  [](const LSTMCell& m, const Tensors& xs) {
                    return xs.size() > 1 ? m(xs[0], LSTMState{xs[1], xs[2]}) : m(xs[0]);
                  }),
     .torch = torch_recurrent("lstm/cell"),
     .refuses = {{floats({{2, 3}}), "x [2, 3]"}, {floats({{2, 2}, {2, 3}, {2, 2}}), "state [2, 2]"}}},
    {.name = "LSTMCell/plain",
     .make = make([] { return LSTMCell(2, 3, {.bias = false}); }),
     .torch = torch_recurrent("lstm/plain_cell"),
     .batched = false,
     .refuses = {{floats({{3}}), "x [3]"}}},
};

}  // namespace
}  // namespace newtape::nn::table
