// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/layers/recurrent_cell.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/recurrent.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <cmath>
#include <string>

namespace newtape::nn {

detail::CellWeights detail::make_cell(const char* name, std::int64_t gates, std::int64_t input_size,
                                      std::int64_t hidden_size, const RecurrentCellOptions& options) {
  if (input_size < 1 || hidden_size < 1) {
    raise<ValueError>(std::string(name) + ": sizes must be positive", "input_size, hidden_size >= 1",
                      std::to_string(input_size) + ", " + std::to_string(hidden_size));
  }
  const auto f = options.nonlinearity;
  if (f != init::Nonlinearity::tanh && (f != init::Nonlinearity::relu || gates != 1)) {
    raise<ValueError>(std::string(name) + ": invalid nonlinearity", "tanh, or relu for RNNCell only", "another one");
  }
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  const auto made = [&](const Shape& shape) {
    Parameter p(Array::empty(shape, options.dtype));
    init::uniform(p, -bound, bound);
    return p;
  };
  const auto rows = gates * hidden_size;
  CellWeights w{made({rows, input_size}), made({rows, hidden_size}), {}, {}};
  if (options.bias) {
    w.bias_ih = made({rows});
    w.bias_hh = made({rows});
  }
  return w;
}

namespace {

/// The input projection of the gates, as a sequence of one step [1, B, rows].
Tensor inputs_part(const Tensor& x, const Parameter& w, const Tensor& bias) {
  const Tensor step = x.ndim() == 1 ? unsqueeze(x, 0) : x;
  return unsqueeze(bias.defined() ? linear(step, w, bias) : linear(step, w), 0);
}

/// A state as [B, H]; zeros if undefined.
Tensor state_of(const Tensor& given, const Tensor& x, std::int64_t hidden_size, DType dtype) {
  if (!given.defined()) return zeros({x.ndim() == 1 ? 1 : x.shape()[0], hidden_size}, dtype);
  return given.ndim() == 1 ? unsqueeze(given, 0) : given;
}

/// The state after the step, with a batch axis if x has one.
Tensor after(const Tensor& all, const Tensor& x) {
  return x.ndim() == 1 ? reshape(all, {all.size()}) : squeeze(all, 0);
}

void check(const char* name, const Tensor& x, std::initializer_list<const Tensor*> states, std::int64_t input_size,
           std::int64_t hidden_size) {
  bool fits = (x.ndim() == 1 || x.ndim() == 2) && x.shape().back() == input_size;
  std::string got = "x " + to_string(x.shape());
  for (const auto* state : states) {
    if (!state->defined()) continue;
    got += ", state " + to_string(state->shape());
    fits = fits && state->shape() == (x.ndim() == 1 ? Shape{hidden_size} : Shape{x.shape()[0], hidden_size});
  }
  if (fits) return;
  const auto in = std::to_string(input_size);
  const auto n = std::to_string(hidden_size);
  raise<ShapeError>(std::string(name) + ": x and states must have matching shapes",
                    "x [B, " + in + "], states [B, " + n + "]; or x [" + in + "], states [" + n + "]", got);
}

/// Registers the parameters as a cell's members, with PyTorch's names.
template <class Cell, class Add>
void register_all(Cell& cell, detail::CellWeights w, bool bias, const Add& add) {
  cell.weight_ih = add("weight_ih", std::move(w.weight_ih));
  cell.weight_hh = add("weight_hh", std::move(w.weight_hh));
  if (!bias) return;
  cell.bias_ih = add("bias_ih", std::move(w.bias_ih));
  cell.bias_hh = add("bias_hh", std::move(w.bias_hh));
}

Tensor both(const Parameter& a, const Parameter& b) { return a.defined() ? a.tensor() + b.tensor() : Tensor(); }

}  // namespace

RNNCell::RNNCell(std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& options)
    : input_size(in), hidden_size(hidden), nonlinearity(options.nonlinearity) {
  register_all(*this, detail::make_cell("RNNCell", 1, in, hidden, options), options.bias,
               [this](const char* name, Parameter p) { return add(name, std::move(p)); });
}
Tensor RNNCell::forward(In x, const Tensor& h) const {
  check("RNNCell", x, {&h}, input_size, hidden_size);
  const auto f = nonlinearity == init::Nonlinearity::tanh ? rnn_tanh_scan : rnn_relu_scan;
  return after(f(inputs_part(x, weight_ih, both(bias_ih, bias_hh)), weight_hh,
                 state_of(h, x, hidden_size, weight_hh.dtype()), {}),
               x);
}

LSTMCell::LSTMCell(std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& options)
    : input_size(in), hidden_size(hidden) {
  register_all(*this, detail::make_cell("LSTMCell", 4, in, hidden, options), options.bias,
               [this](const char* name, Parameter p) { return add(name, std::move(p)); });
}
LSTMState LSTMCell::forward(In x, const LSTMState& state) const {
  check("LSTMCell", x, {&state.h, &state.c}, input_size, hidden_size);
  const auto dtype = weight_hh.dtype();
  const auto y = lstm_scan(inputs_part(x, weight_ih, both(bias_ih, bias_hh)), weight_hh,
                           state_of(state.h, x, hidden_size, dtype), state_of(state.c, x, hidden_size, dtype));
  return {after(y.h, x), after(y.c, x)};
}

GRUCell::GRUCell(std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& options)
    : input_size(in), hidden_size(hidden) {
  register_all(*this, detail::make_cell("GRUCell", 3, in, hidden, options), options.bias,
               [this](const char* name, Parameter p) { return add(name, std::move(p)); });
}
Tensor GRUCell::forward(In x, const Tensor& h) const {
  check("GRUCell", x, {&h}, input_size, hidden_size);
  const auto dtype = weight_hh.dtype();
  const Tensor b = bias_hh.defined() ? bias_hh.tensor() : zeros({3 * hidden_size}, dtype);
  return after(gru_scan(inputs_part(x, weight_ih, bias_ih.defined() ? bias_ih.tensor() : Tensor()), weight_hh, b,
                        state_of(h, x, hidden_size, dtype))
                   .h,
               x);
}

}  // namespace newtape::nn
