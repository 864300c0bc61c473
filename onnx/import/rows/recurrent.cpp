// SPDX-License-Identifier: BSD-3-Clause
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
#include <newtape/onnx/import/rows/rows.hpp>

#include <algorithm>
#include <functional>
#include <string>

namespace newtape::onnx::detail {
namespace {

using Activation = std::function<Tensor(const Tensor&)>;

/// What RNN, GRU and LSTM share. Shapes of one direction: x [T, B, I], w [G H, I], r [G H, H], b [2 G H].
struct Recurrent {
  Call& c;
  std::int64_t gates, hidden, directions, steps, batch;
  bool batch_first, clipped;
  double clip_at;
  Tensor x, mask;
  std::string direction;
  std::vector<std::string> names;  ///< of activations
  bool default_names;

  Recurrent(Call& call, std::int64_t gate_count, const std::vector<std::string>& defaults)
      : c(call),
        gates(gate_count),
        batch_first(c.integer("layout", 0) != 0),
        clipped(c.has("clip")),
        clip_at(c.real("clip", 0)),
        x(c.tensor(0)),
        direction(c.text("direction", "forward")) {
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
      c.fail("unknown direction", "forward, reverse or bidirectional", direction);
    }
    directions = direction == "bidirectional" ? 2 : 1;
    if (batch_first) x = transpose(std::move(x), 0, 1);
    hidden = c.peek(2).shape(-1);
    if (x.ndim() != 3 || c.peek(1).ndim() != 3 || c.peek(1).shape(0) != directions) {
      c.fail("X, W or R has the wrong shape", "X [steps, batch, input], W [directions, gates * hidden, input]",
             to_string(x.shape()) + ", " + to_string(c.peek(1).shape()));
    }
    steps = x.shape(0);
    batch = x.shape(1);
    for (const auto& name : c.texts("activations")) names.emplace_back(name);
    default_names =
        names.empty() ||
        (names.size() >= defaults.size() && std::equal(defaults.begin(), defaults.end(), names.begin()) &&
         (directions == 1 || std::equal(defaults.begin(), defaults.end(), names.begin() + std::ssize(defaults))));
    for (std::int64_t d = 0; names.size() < defaults.size() * static_cast<std::size_t>(directions) && d < directions;
         ++d) {
      names.insert(names.end(), defaults.begin(), defaults.end());
    }
    if (c.given(4)) mask = mask_of(c.integers(4));
  }

  Tensor mask_of(const Dims& lengths) const {
    if (std::all_of(lengths.begin(), lengths.end(), [&](auto n) { return n >= steps; })) return {};
    return reshape(arange(steps), {steps, 1}) < reshape(from_integers(lengths), {1, -1});
  }
  bool reversed(std::int64_t d) const { return d == 1 || direction == "reverse"; }
  /// Input i of a direction, undefined when it is not given.
  Tensor of(std::size_t i, std::int64_t d) const { return c.given(i) ? select(c.peek(i), 0, d) : Tensor(); }
  /// Initial state [B, H].
  Tensor initial(std::size_t i, std::int64_t d) const {
    if (!c.given(i)) return zeros({batch, hidden}, x.dtype());
    return select(c.peek(i), batch_first ? 1 : 0, d);
  }
  /// The two halves of the bias.
  Tensor bias(std::int64_t d, bool recurrent) const {
    const Tensor b = of(3, d);
    const auto n = gates * hidden;
    if (!b.defined()) return zeros({n}, x.dtype());
    return slice(b, 0, recurrent ? n : 0, recurrent ? 2 * n : n);
  }
  Tensor clip_gate(Tensor a) const { return clipped ? clip(std::move(a), -clip_at, clip_at) : std::move(a); }
  Activation activation(std::int64_t d, std::size_t i) const;
  /// Gate i of a pre-activation [.., G H].
  Tensor gate(const Tensor& a, std::int64_t i) const { return slice(a, -1, i * hidden, (i + 1) * hidden); }
  /// Rows of gates in another order.
  Tensor reordered(const Tensor& w, const std::vector<std::int64_t>& order) const {
    std::vector<Tensor> parts;
    for (const auto i : order) parts.push_back(slice(w, 0, i * hidden, (i + 1) * hidden));
    return concatenate(parts, 0);
  }

  /// Runs `step(t, states)`, which returns the new states, through time; `states` become the last ones. The first state
  /// of each step [T, B, H], 0 beyond the end of a sequence.
  Tensor run(std::int64_t d, std::vector<Tensor>& states,
             const std::function<std::vector<Tensor>(std::int64_t, const std::vector<Tensor>&)>& step) const {
    std::vector<Tensor> outputs(static_cast<std::size_t>(steps));
    for (std::int64_t k = 0; k < steps; ++k) {
      const auto t = reversed(d) ? steps - 1 - k : k;
      auto next = step(t, states);
      Tensor out = next[0];
      if (mask.defined()) {
        const Tensor valid = unsqueeze(select(mask, 0, t), 1);
        for (std::size_t s = 0; s < next.size(); ++s) next[s] = where(valid, next[s], states[s]);
        out = where(valid, out, zeros_like(out));
      }
      states = std::move(next);
      outputs[static_cast<std::size_t>(t)] = std::move(out);
    }
    return steps == 0 ? zeros({0, batch, hidden}, x.dtype()) : stack(outputs, 0);
  }

  /// From a scan's states [T, B, H]: the outputs and the last state.
  Tensor masked(const Tensor& h) const { return mask.defined() ? where(unsqueeze(mask, 2), h, zeros_like(h)) : h; }
  Tensor last(const Tensor& h, std::int64_t d) const { return select(h, 0, reversed(d) ? 0 : steps - 1); }

  /// Y, Y_h and Y_c from those of all directions.
  Results results(const std::vector<Tensor>& y, const std::vector<std::vector<Tensor>>& states) const {
    Results all;
    const auto type = c.type(0);
    // [T, D, B, H], or [B, T, D, H]
    const Tensor out = stack(y, 1);
    all.push_back(c.as(batch_first ? permute(out, {2, 0, 1, 3}) : out, type));
    for (const auto& s : states) all.push_back(c.as(stack(s, batch_first ? 1 : 0), type));
    return all;
  }
};

Activation Recurrent::activation(std::int64_t d, std::size_t i) const {
  const std::size_t each = names.size() / static_cast<std::size_t>(directions);
  const std::size_t at = static_cast<std::size_t>(d) * each + i;
  if (at >= names.size()) c.fail("there are too few activations");
  std::string lower = names[at];
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char ch) { return std::tolower(ch); });
  const auto alphas = c.reals("activation_alpha"), betas = c.reals("activation_beta");
  const auto alpha = [&](double otherwise) { return at < alphas.size() ? alphas[at] : otherwise; };
  const auto beta = [&](double otherwise) { return at < betas.size() ? betas[at] : otherwise; };
  if (lower == "sigmoid") return [](const Tensor& t) { return sigmoid(t); };
  if (lower == "tanh") return [](const Tensor& t) { return tanh(t); };
  if (lower == "relu") return [](const Tensor& t) { return relu(t); };
  if (lower == "softsign") return [](const Tensor& t) { return softsign(t); };
  if (lower == "softplus") return [](const Tensor& t) { return softplus(t); };
  if (lower == "leakyrelu") return [a = alpha(0.01F)](const Tensor& t) { return leaky_relu(t, a); };
  if (lower == "elu") return [a = alpha(1)](const Tensor& t) { return elu(t, a); };
  if (lower == "thresholdedrelu") return [a = alpha(1)](const Tensor& t) { return threshold(t, a, 0); };
  if (lower == "affine") return [a = alpha(1), b = beta(0)](const Tensor& t) { return t * a + b; };
  if (lower == "scaledtanh") return [a = alpha(1), b = beta(1)](const Tensor& t) { return tanh(t * b) * a; };
  if (lower == "hardsigmoid")
    return [a = alpha(0.2F), b = beta(0.5)](const Tensor& t) { return clip(t * a + b, 0, 1); };
  c.fail("unknown activation", "Sigmoid, Tanh, Relu, ..", names[at]);
}

Results rnn(Call& c) {
  const Recurrent r(c, 1, {"Tanh"});
  std::vector<Tensor> y;
  std::vector<std::vector<Tensor>> states(1);
  for (std::int64_t d = 0; d < r.directions; ++d) {
    const Tensor a = linear(r.x, r.of(1, d), r.bias(d, false) + r.bias(d, true)), w = r.of(2, d);
    if (r.default_names && !r.clipped && r.steps > 0) {
      const Tensor h = rnn_tanh_scan(a, w, r.initial(5, d), {.reverse = r.reversed(d), .mask = r.mask});
      y.push_back(r.masked(h));
      states[0].push_back(r.last(h, d));
      continue;
    }
    const Activation f = r.activation(d, 0);
    std::vector<Tensor> state{r.initial(5, d)};
    y.push_back(r.run(d, state, [&](std::int64_t t, const std::vector<Tensor>& s) {
      return std::vector<Tensor>{f(r.clip_gate(select(a, 0, t) + linear(s[0], w)))};
    }));
    states[0].push_back(state[0]);
  }
  return r.results(y, states);
}

/// Gates z, r, h.
Results gru(Call& c) {
  const Recurrent r(c, 3, {"Sigmoid", "Tanh"});
  const bool after = c.integer("linear_before_reset", 0) != 0;
  std::vector<Tensor> y;
  std::vector<std::vector<Tensor>> states(1);
  for (std::int64_t d = 0; d < r.directions; ++d) {
    const Tensor x = linear(r.x, r.of(1, d), r.bias(d, false)), w = r.of(2, d), b = r.bias(d, true);
    if (after && r.default_names && !r.clipped && r.steps > 0) {
      const std::vector<std::int64_t> rzn{1, 0, 2};
      const Tensor a = linear(r.x, r.reordered(r.of(1, d), rzn), r.reordered(r.bias(d, false), rzn));
      const GRUScan scan = gru_scan(a, r.reordered(w, rzn), r.reordered(b, rzn), r.initial(5, d),
                                    {.reverse = r.reversed(d), .mask = r.mask});
      y.push_back(r.masked(scan.h));
      states[0].push_back(r.last(scan.h, d));
      continue;
    }
    const Activation f = r.activation(d, 0), g = r.activation(d, 1);
    const auto zr = [&](const Tensor& t, std::int64_t axis) { return slice(t, axis, 0, 2 * r.hidden); };
    const auto n = [&](const Tensor& t, std::int64_t axis) { return slice(t, axis, 2 * r.hidden, 3 * r.hidden); };
    std::vector<Tensor> state{r.initial(5, d)};
    y.push_back(r.run(d, state, [&](std::int64_t t, const std::vector<Tensor>& s) {
      const Tensor& h = s[0];
      const Tensor at = select(x, 0, t);
      const Tensor both = f(r.clip_gate(zr(at, -1) + linear(h, zr(w, 0), zr(b, 0))));
      const Tensor z = r.gate(both, 0), reset = r.gate(both, 1);
      const Tensor inner = after ? reset * linear(h, n(w, 0), n(b, 0)) : linear(reset * h, n(w, 0), n(b, 0));
      return std::vector<Tensor>{(1 - z) * g(r.clip_gate(n(at, -1) + inner)) + z * h};
    }));
    states[0].push_back(state[0]);
  }
  return r.results(y, states);
}

/// Gates i, o, f, c; peepholes of i, o, f.
Results lstm(Call& c) {
  const Recurrent r(c, 4, {"Sigmoid", "Tanh", "Tanh"});
  const bool coupled = c.integer("input_forget", 0) != 0;
  std::vector<Tensor> y;
  std::vector<std::vector<Tensor>> states(2);
  for (std::int64_t d = 0; d < r.directions; ++d) {
    const Tensor p = r.of(7, d), w = r.of(2, d);
    const Tensor b = r.bias(d, false) + r.bias(d, true);
    if (!coupled && !p.defined() && r.default_names && !r.clipped && r.steps > 0) {
      const std::vector<std::int64_t> ifgo{0, 2, 3, 1};
      const Tensor a = linear(r.x, r.reordered(r.of(1, d), ifgo), r.reordered(b, ifgo));
      const LSTMScan scan = lstm_scan(a, r.reordered(w, ifgo), r.initial(5, d), r.initial(6, d),
                                      {.reverse = r.reversed(d), .mask = r.mask});
      y.push_back(r.masked(scan.h));
      states[0].push_back(r.last(scan.h, d));
      states[1].push_back(r.last(scan.c, d));
      continue;
    }
    const Activation f = r.activation(d, 0), g = r.activation(d, 1), h = r.activation(d, 2);
    const Tensor x = linear(r.x, r.of(1, d), b);
    const auto peep = [&](const Tensor& a, std::int64_t i, const Tensor& cell) {
      return p.defined() ? a + slice(p, 0, i * r.hidden, (i + 1) * r.hidden) * cell : a;
    };
    std::vector<Tensor> state{r.initial(5, d), r.initial(6, d)};
    y.push_back(r.run(d, state, [&](std::int64_t t, const std::vector<Tensor>& s) {
      const Tensor a = select(x, 0, t) + linear(s[0], w);
      const Tensor in = f(r.clip_gate(peep(r.gate(a, 0), 0, s[1])));
      const Tensor forget = coupled ? 1 - in : f(r.clip_gate(peep(r.gate(a, 2), 2, s[1])));
      const Tensor cell = forget * s[1] + in * g(r.clip_gate(r.gate(a, 3)));
      const Tensor out = f(r.clip_gate(peep(r.gate(a, 1), 1, cell)));
      return std::vector<Tensor>{out * h(cell), cell};
    }));
    states[0].push_back(state[0]);
    states[1].push_back(state[1]);
  }
  return r.results(y, states);
}

constexpr Row recurrent_table[] = {
    {"GRU", {1, 3, 7, 14, 22}, gru},
    {"LSTM", {1, 7, 14, 22}, lstm},
    {"RNN", {1, 7, 14, 22}, rnn},
};

}  // namespace

Rows recurrent_rows() { return recurrent_table; }

}  // namespace newtape::onnx::detail
