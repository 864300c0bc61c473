// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/recurrent.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/recurrent.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::nn {

namespace detail {

std::int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

namespace {

/// The result of one direction of one layer: states after each step, final state and final cell.
struct Run {
  Tensor output, h, c;
};

Tensor inputs_part(const Tensor& x, const RecurrentWeights& w, bool both_biases) {
  if (!w.b_ih.defined()) return linear(x, w.w_ih);
  return both_biases ? linear(x, w.w_ih, w.b_ih.tensor() + w.b_hh.tensor()) : linear(x, w.w_ih, w.b_ih);
}

/// An LSTM whose state is a projection of the cell's output (Sak et al. 2014), step by step. `arguments` is the input
/// projection of the gates.
Run projected_lstm(const Tensor& arguments, const RecurrentWeights& w, Tensor h, Tensor c,
                   const RecurrentScanOptions& scan) {
  const auto steps = arguments.shape()[0];
  const Tensor to_gates = transpose(w.w_hh);
  const Tensor to_state = transpose(w.w_hr);
  std::vector<Tensor> states(static_cast<std::size_t>(steps));
  for (std::int64_t s = 0; s < steps; ++s) {
    const auto t = scan.reverse ? steps - 1 - s : s;
    const auto a = chunk(select(arguments, 0, t) + matmul(h, to_gates), 4, -1);
    const Tensor next_c = sigmoid(a[1]) * c + sigmoid(a[0]) * tanh(a[2]);
    const Tensor next_h = matmul(sigmoid(a[3]) * tanh(next_c), to_state);
    if (scan.mask.defined()) {
      const Tensor mask = unsqueeze(select(scan.mask, 0, t), -1);
      c = where(mask, next_c, c);
      h = where(mask, next_h, h);
    } else {
      c = next_c;
      h = next_h;
    }
    states[static_cast<std::size_t>(t)] = h;
  }
  return {stack(states, 0), h, c};
}

void append_result(std::vector<Tensor>& to, const Run& r) { to.insert(to.end(), {r.output, r.h, r.c}); }

Run run_direction(const RecurrentStack& of, const Tensor& x, const RecurrentWeights& w, const Tensor& h0,
                  const Tensor& c0, const RecurrentScanOptions& scan) {
  if (newtape::detail::is_traced() && !w.w_hr.defined()) {
    const bool relu = of.options.nonlinearity == init::Nonlinearity::relu;
    return newtape::detail::trace_call(of.cell == Cell::lstm  ? "lstm"
                                       : of.cell == Cell::gru ? "gru"
                                       : relu                 ? "rnn_relu"
                                                              : "rnn_tanh",
                                       {x, w.w_ih, w.w_hh, w.b_ih.defined() ? w.b_ih.tensor() : Tensor(),
                                        w.b_hh.defined() ? w.b_hh.tensor() : Tensor(), h0, c0, scan.mask},
                                       {{"reverse", scan.reverse}},
                                       [&] { return run_direction(of, x, w, h0, c0, scan); });
  }
  const auto last = scan.reverse ? 0 : x.shape()[0] - 1;
  switch (of.cell) {
    case Cell::lstm: {
      if (w.w_hr.defined()) return projected_lstm(inputs_part(x, w, true), w, h0, c0, scan);
      auto y = lstm_scan(inputs_part(x, w, true), w.w_hh, h0, c0, scan);
      return {y.h, select(y.h, 0, last), select(y.c, 0, last)};
    }
    case Cell::gru: {
      const Tensor b = w.b_hh.defined() ? w.b_hh.tensor() : zeros({w.w_hh.shape()[0]}, w.w_hh.dtype());
      const Tensor h = gru_scan(inputs_part(x, w, false), w.w_hh, b, h0, scan).h;
      return {h, select(h, 0, last), {}};
    }
    default: {
      const auto f = of.options.nonlinearity == init::Nonlinearity::tanh ? rnn_tanh_scan : rnn_relu_scan;
      const Tensor h = f(inputs_part(x, w, true), w.w_hh, h0, scan);
      return {h, select(h, 0, last), {}};
    }
  }
}

/// The mask of valid steps [T, B]; undefined when all are valid.
Tensor mask_of(const RecurrentStack& of, const RecurrentInput& more, std::int64_t steps, std::int64_t batch,
               bool batched) {
  const std::string name = of.name;
  if (!more.lengths.empty() && more.mask.defined()) {
    raise<ValueError>(name + ": lengths and mask exclude each other", "one of the two", "both");
  }
  if (more.mask.defined()) {
    const bool transposed = batched && of.options.batch_first;
    const Shape expected = !batched ? Shape{steps} : transposed ? Shape{batch, steps} : Shape{steps, batch};
    if (more.mask.shape() != expected) {
      raise<ShapeError>(name + ": the mask must have an element for each step and batch entry", to_string(expected),
                        to_string(more.mask.shape()));
    }
    return !batched ? unsqueeze(more.mask, 1) : transposed ? transpose(more.mask) : more.mask;
  }
  if (more.lengths.empty()) return {};
  const auto count = static_cast<std::int64_t>(more.lengths.size());
  if (count != batch) {
    raise<ShapeError>(name + ": each batch entry needs one length", std::to_string(batch), std::to_string(count));
  }
  for (const auto length : more.lengths) {
    if (length < 1 || length > steps) {
      raise<ValueError>(name + ": a length is out of range", "from 1 to " + std::to_string(steps),
                        std::to_string(length));
    }
  }
  if (std::all_of(more.lengths.begin(), more.lengths.end(), [&](auto n) { return n == steps; })) return {};
  Array lengths = Array::empty({batch}, i64);
  std::copy(more.lengths.begin(), more.lengths.end(), lengths.data<std::int64_t>());
  return unsqueeze(arange(steps), 1) < Tensor(lengths);
}

/// h_0 or c_0 as [layers, B, n]; zeros if undefined.
Tensor first_states(const RecurrentStack& of, const char* which, const Tensor& given, std::int64_t batch, bool batched,
                    std::int64_t n, DType dtype) {
  const auto layers = of.options.num_layers * of.directions();
  if (!given.defined()) return zeros({layers, batch, n}, dtype);
  const Shape expected = batched ? Shape{layers, batch, n} : Shape{layers, n};
  if (given.shape() != expected) {
    raise<ShapeError>(std::string(of.name) + ": " + which + " must have a state for each layer and direction",
                      to_string(expected), to_string(given.shape()));
  }
  if (given.dtype() != dtype) {
    raise<DTypeError>(std::string(of.name) + ": " + which + " must have the parameters' dtype",
                      std::string(name(dtype)), std::string(name(given.dtype())));
  }
  return batched ? given : unsqueeze(given, 1);
}

}  // namespace

void RecurrentStack::check() const {
  const std::string of = name;
  if (input_size < 1 || hidden_size < 1 || options.num_layers < 1) {
    raise<ValueError>(
        of + ": sizes must be positive", "input_size, hidden_size, num_layers >= 1",
        std::to_string(input_size) + ", " + std::to_string(hidden_size) + ", " + std::to_string(options.num_layers));
  }
  if (options.proj_size < 0 || options.proj_size >= hidden_size || (options.proj_size > 0 && cell != Cell::lstm)) {
    raise<ValueError>(of + ": invalid proj_size", "0 <= proj_size < hidden_size, 0 unless LSTM",
                      std::to_string(options.proj_size));
  }
  if (!(options.dropout >= 0 && options.dropout <= 1)) {
    raise<ValueError>(of + ": dropout must be a probability", "0 <= dropout <= 1", std::to_string(options.dropout));
  }
  const auto f = options.nonlinearity;
  if (f != init::Nonlinearity::tanh && (f != init::Nonlinearity::relu || cell != Cell::rnn)) {
    raise<ValueError>(of + ": invalid nonlinearity", "tanh, or relu for RNN only", "another one");
  }
}

std::vector<std::pair<std::string, Parameter*>> RecurrentStack::make(std::size_t layer, bool reverse,
                                                                     RecurrentWeights& w) const {
  const auto state = options.proj_size > 0 ? options.proj_size : hidden_size;
  const auto from = layer == 0 ? input_size : state * directions();
  const auto rows = gates_of(cell) * hidden_size;
  const std::string suffix = "_l" + std::to_string(layer) + (reverse ? "_reverse" : "");
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  std::vector<std::pair<std::string, Parameter*>> named;
  const auto one = [&](const char* kind, Parameter& p, const Shape& shape) {
    p = Parameter(Array::empty(shape, options.dtype));
    init::uniform(p, -bound, bound);
    named.emplace_back(kind + suffix, &p);
  };
  one("weight_ih", w.w_ih, {rows, from});
  one("weight_hh", w.w_hh, {rows, state});
  if (options.bias) {
    one("bias_ih", w.b_ih, {rows});
    one("bias_hh", w.b_hh, {rows});
  }
  if (options.proj_size > 0) one("weight_hr", w.w_hr, {state, hidden_size});
  return named;
}

void RecurrentStack::make_weights(const std::function<Parameter(const std::string&, const Parameter&)>& add) {
  check();
  for (std::int64_t layer = 0; layer < options.num_layers; ++layer) {
    for (std::int64_t d = 0; d < directions(); ++d) {
      RecurrentWeights w;
      for (auto& [key, p] : make(static_cast<std::size_t>(layer), d == 1, w)) *p = add(key, *p);
      weights.push_back(std::move(w));
    }
  }
}

RecurrentResult RecurrentStack::run(In input, const RecurrentInput& more, bool training) const {
  const bool batched = input.ndim() == 3;
  const auto& shape = input.shape();
  const bool transposed = batched && options.batch_first;
  if ((input.ndim() != 2 && !batched) || shape.back() != input_size || shape[transposed ? 1 : 0] == 0) {
    raise<ShapeError>(std::string(name) + ": the input must be a sequence of at least one step",
                      std::string(options.batch_first ? "x [B, T, " : "x [T, B, ") + std::to_string(input_size) +
                          "] or [T, " + std::to_string(input_size) + "]",
                      "x " + to_string(shape));
  }
  const auto steps = shape[transposed ? 1 : 0];
  const auto batch = !batched ? 1 : shape[transposed ? 0 : 1];
  const auto dtype = weights[0].w_ih.dtype();
  if (cell != Cell::lstm && more.c_0.defined()) {
    raise<ValueError>(std::string(name) + ": c_0 is for LSTM only", "no c_0", "a c_0");
  }
  const Tensor mask = mask_of(*this, more, steps, batch, batched);
  const auto state = options.proj_size > 0 ? options.proj_size : hidden_size;
  const Tensor h_0 = first_states(*this, "h_0", more.h_0, batch, batched, state, dtype);
  const Tensor c_0 =
      cell == Cell::lstm ? first_states(*this, "c_0", more.c_0, batch, batched, hidden_size, dtype) : Tensor();

  Tensor x = !batched ? unsqueeze(input, 1) : transposed ? transpose(input, 0, 1) : input.tensor();
  // Skipped steps have no influence on the weights' gradients, whatever they hold.
  if (mask.defined()) x = where(unsqueeze(mask, -1), std::move(x), 0.0);
  std::vector<Tensor> h_n;
  std::vector<Tensor> c_n;
  for (std::int64_t layer = 0; layer < options.num_layers; ++layer) {
    if (layer > 0) x = dropout(x, options.dropout, training);
    std::vector<Tensor> outputs;
    for (std::int64_t d = 0; d < directions(); ++d) {
      const auto k = layer * directions() + d;
      const auto run = run_direction(*this, x, weights[static_cast<std::size_t>(k)], select(h_0, 0, k),
                                     c_0.defined() ? select(c_0, 0, k) : Tensor(), {.reverse = d == 1, .mask = mask});
      outputs.push_back(run.output);
      h_n.push_back(run.h);
      if (run.c.defined()) c_n.push_back(run.c);
    }
    x = outputs.size() == 1 ? outputs[0] : concatenate(outputs, -1);
    if (mask.defined()) x = where(unsqueeze(mask, -1), std::move(x), 0.0);
  }
  const auto joined = [&](const std::vector<Tensor>& parts) {
    return batched ? stack(parts) : squeeze(stack(parts), 1);
  };
  return {!batched     ? squeeze(x, 1)
          : transposed ? transpose(x, 0, 1)
                       : x,
          joined(h_n), c_n.empty() ? Tensor() : joined(c_n)};
}

}  // namespace detail

RNN::RNN(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options)
    : Recurrent({"RNN", detail::Cell::rnn, input_size, hidden_size, options}) {}
LSTM::LSTM(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options)
    : Recurrent({"LSTM", detail::Cell::lstm, input_size, hidden_size, options}) {}
GRU::GRU(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options)
    : Recurrent({"GRU", detail::Cell::gru, input_size, hidden_size, options}) {}

}  // namespace newtape::nn
