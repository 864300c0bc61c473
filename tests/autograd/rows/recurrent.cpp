// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/recurrent.hpp>

#include <cmath>

namespace newtape::table {
namespace {

/// Direction of the scan, and whether it has a mask.
struct Way {
  bool reverse = false;
  bool masked = false;
};
const std::vector<Way> ways{{}, {.reverse = true}, {.masked = true}, {.reverse = true, .masked = true}};

/// The mask: batch entry 0 skips step 1, entry 1 has only step 0.
bool moves(const Way& way, std::int64_t t, std::int64_t b) { return !way.masked || (b == 0 ? t != 1 : t == 0); }
RecurrentScanOptions options(const Way& way, const In& x) {
  const auto steps = x.shape()[0];
  const auto batch = x.shape()[1];
  Array mask = Array::empty({steps, batch}, boolean);
  for (std::int64_t t = 0; t < steps; ++t) {
    for (std::int64_t b = 0; b < batch; ++b) mask.data<bool>()[t * batch + b] = moves(way, t, b);
  }
  return {.reverse = way.reverse, .mask = way.masked ? Tensor(mask) : Tensor()};
}

/// All results of a scan, concatenated along the last axis, `width` times the state's length. `cell(x, t, b, state,
/// out)` computes step t of batch entry b: it updates the state and appends the results to `out`.
using Cell =
    std::function<void(const std::vector<Values>& x, std::int64_t t, std::int64_t b, Elements& state, Elements& out)>;
Reference scan(const Way& way, std::size_t state_at, std::size_t states, std::size_t width, Cell cell) {
  return [=](const std::vector<Values>& x) {
    const auto steps = x[0].shape[0];
    const auto batch = x[0].shape[1];
    const auto n = x[state_at].shape[1];
    const auto total = static_cast<std::int64_t>(width) * n;
    Values y({steps, batch, total});
    for (std::int64_t b = 0; b < batch; ++b) {
      Elements state;
      for (std::size_t k = 0; k < states; ++k) {
        for (std::int64_t j = 0; j < n; ++j) state.push_back(x[state_at + k][{b, j}]);
      }
      for (std::int64_t s = 0; s < steps; ++s) {
        const auto t = way.reverse ? steps - 1 - s : s;
        Elements out;
        if (moves(way, t, b)) cell(x, t, b, state, out);
        for (std::int64_t j = 0; j < total; ++j) {
          const auto at = static_cast<std::size_t>(j);
          y[{t, b, j}] = at < state.size() ? state[at] : out.empty() ? 0 : out[at - state.size()];
        }
      }
    }
    return y;
  };
}

/// sum_j w[row][j] h[j]
long double row_product(const Values& w, std::int64_t row, const Elements& h) {
  long double total = 0;
  for (std::int64_t j = 0; j < w.shape[1]; ++j) total += w[{row, j}] * h[static_cast<std::size_t>(j)];
  return total;
}

/// x, w, h0, c0; the state is h, c.
void lstm_cell(const std::vector<Values>& x, std::int64_t t, std::int64_t b, Elements& state, Elements& out) {
  const auto n = x[2].shape[1];
  for (std::int64_t k = 0; k < 4 * n; ++k) {
    const long double a = x[0][{t, b, k}] + row_product(x[1], k, state);
    out.push_back(a);
  }
  const auto m = static_cast<std::size_t>(n);
  for (std::size_t j = 0; j < m; ++j) {
    state[m + j] = sigmoid_of(out[m + j]) * state[m + j] + sigmoid_of(out[j]) * std::tanh(out[2 * m + j]);
    state[j] = sigmoid_of(out[3 * m + j]) * std::tanh(state[m + j]);
  }
}
/// x, w, b, h0; the state is h.
void gru_cell(const std::vector<Values>& x, std::int64_t t, std::int64_t b, Elements& state, Elements& out) {
  const auto n = x[3].shape[1];
  const auto m = static_cast<std::size_t>(n);
  Elements u;
  for (std::int64_t k = 0; k < 3 * n; ++k) u.push_back(row_product(x[1], k, state) + x[2][{k}]);
  for (std::int64_t k = 0; k < 2 * n; ++k) {
    out.push_back(x[0][{t, b, k}] + u[static_cast<std::size_t>(k)]);
  }
  for (std::size_t j = 0; j < m; ++j) {
    out.push_back(x[0][{t, b, 2 * n + static_cast<std::int64_t>(j)}] + sigmoid_of(out[j]) * u[2 * m + j]);
  }
  for (std::size_t j = 0; j < m; ++j) {
    state[j] = sigmoid_of(-out[m + j]) * std::tanh(out[2 * m + j]) + sigmoid_of(out[m + j]) * state[j];
    out.push_back(u[2 * m + j]);
  }
}
/// x, w, h0; the state is h.
Cell rnn_cell(long double (*f)(long double)) {
  return [f](const std::vector<Values>& x, std::int64_t t, std::int64_t b, Elements& state, Elements&) {
    const Elements before = state;
    for (std::int64_t k = 0; k < x[2].shape[1]; ++k) {
      state[static_cast<std::size_t>(k)] = f(x[0][{t, b, k}] + row_product(x[1], k, before));
    }
  };
}

Reference lstm(const Way& way, std::size_t width) { return scan(way, 2, 2, width, lstm_cell); }
Reference gru(const Way& way, std::size_t width) { return scan(way, 3, 1, width, gru_cell); }
Reference rnn(const Way& way, long double (*f)(long double)) { return scan(way, 2, 1, 1, rnn_cell(f)); }

LSTMScan call_lstm(Args& args, const Way& way) {
  const In x = args[0];
  const auto o = options(way, x);
  return lstm_scan(x, args[1], args[2], args[3], o);
}
GRUScan call_gru(Args& args, const Way& way) {
  const In x = args[0];
  const auto o = options(way, x);
  return gru_scan(x, args[1], args[2], args[3], o);
}

std::vector<Sample> lstm_samples() {
  std::vector<Sample> samples;
  for (const auto& way : ways) {
    // Cotangents of states alone use the kernels, those of gates Tensor operations.
    samples.push_back({{{3, 2, 8}, {8, 2}, {2, 2}, {2, 2}},
                       [way](Args& x) {
                         const auto y = call_lstm(x, way);
                         return concatenate({y.h, y.c}, -1);
                       },
                       lstm(way, 2)});
  }
  for (const auto& way : {ways[0], ways[3]}) {
    samples.push_back({{{2, 2, 4}, {4, 1}, {2, 1}, {2, 1}},
                       [way](Args& x) {
                         const auto y = call_lstm(x, way);
                         return concatenate({y.h, y.c, y.gates}, -1);
                       },
                       lstm(way, 6)});
  }
  const auto h = [](Args& x) { return lstm_scan(x[0], x[1], x[2], x[3]).h; };
  for (const Shape& x : {Shape{1, 1, 12}, Shape{2, 0, 12}, Shape{0, 1, 12}}) {
    samples.push_back({{x, {12, 3}, {x[1], 3}, {x[1], 3}}, h, lstm({}, 1)});
  }
  return samples;
}

std::vector<Sample> gru_samples() {
  std::vector<Sample> samples;
  for (const auto& way : ways) {
    samples.push_back({{{3, 2, 6}, {6, 2}, {6}, {2, 2}}, [way](Args& x) { return call_gru(x, way).h; }, gru(way, 1)});
  }
  for (const auto& way : {ways[0], ways[3]}) {
    samples.push_back({{{2, 2, 3}, {3, 1}, {3}, {2, 1}},
                       [way](Args& x) {
                         const auto y = call_gru(x, way);
                         return concatenate({y.h, y.gates, y.q}, -1);
                       },
                       gru(way, 5)});
  }
  const auto h = [](Args& x) { return gru_scan(x[0], x[1], x[2], x[3]).h; };
  for (const Shape& x : {Shape{1, 1, 9}, Shape{2, 0, 9}, Shape{0, 1, 9}}) {
    samples.push_back({{x, {9, 3}, {9}, {x[1], 3}}, h, gru({}, 1)});
  }
  return samples;
}

std::vector<Sample> rnn_samples(Tensor (*f)(In, In, In, const RecurrentScanOptions&), long double (*g)(long double)) {
  std::vector<Sample> samples;
  for (const auto& way : ways) {
    samples.push_back({{{3, 2, 2}, {2, 2}, {2, 2}},
                       [way, f](Args& x) {
                         const In first = x[0];
                         const auto o = options(way, first);
                         return f(first, x[1], x[2], o);
                       },
                       rnn(way, g)});
  }
  const auto plain = [f](Args& x) { return f(x[0], x[1], x[2], {}); };
  for (const Shape& x : {Shape{1, 1, 3}, Shape{2, 0, 3}, Shape{0, 1, 3}}) {
    samples.push_back({{x, {3, 3}, {x[1], 3}}, plain, rnn({}, g)});
  }
  return samples;
}

std::vector<Rejection> rnn_refuses(const std::string& name, Tensor (*f)(In, In, In, const RecurrentScanOptions&)) {
  const auto x = [] { return ones({3, 2, 4}); };
  return {{Error::shape, name + ": the operands",
           [=] {
             f(x(), ones({4, 3}), ones({2, 4}), {});
           }},
          {Error::shape, "x [T, B, H], w [H, H]",
           [=] {
             f(x(), ones({4, 4}), ones({3, 4}), {});
           }},
          {Error::shape, name,
           [=] {
             f(ones({2, 4}), ones({4, 4}), ones({2, 4}), {});
           }},
          {Error::dtype, "f32 and f64",
           [=] {
             f(x(), ones({4, 4}), ones({2, 4}, f64), {});
           }},
          {Error::dtype, name,
           [=] {
             f(ones({3, 2, 4}, i64), ones({4, 4}, i64), ones({2, 4}, i64), {});
           }},
          {Error::dtype, "mask",
           [=] {
             f(x(), ones({4, 4}), ones({2, 4}), {.mask = ones({3, 2})});
           }},
          {Error::shape, "mask [2, 3]", [=] {
             f(x(), ones({4, 4}), ones({2, 4}), {.mask = ones({2, 3}, boolean)});
           }}};
}

long double tanh_of(long double x) { return std::tanh(x); }
long double relu_of(long double x) { return x > 0 ? x : 0; }

const Rows recurrent{{
    {.name = "lstm_scan",
     .domains = {{.low = -1.5, .high = 1.5, .above = -20, .below = 20}},
     .samples = lstm_samples(),
     .rejects = {{Error::shape, "lstm_scan: the operands",
                  [] {
                    lstm_scan(ones({3, 2, 8}), ones({8, 2}), ones({2, 2}), ones({2, 3}));
                  }},
                 {Error::shape, "w [4 H, H]",
                  [] {
                    lstm_scan(ones({3, 2, 6}), ones({6, 2}), ones({2, 2}), ones({2, 2}));
                  }},
                 {Error::dtype, "lstm_scan",
                  [] {
                    lstm_scan(ones({3, 2, 8}), ones({8, 2}), ones({2, 2}), ones({2, 2}, f64));
                  }}}},
    {.name = "gru_scan",
     .domains = {{.low = -1.5, .high = 1.5, .above = -20, .below = 20}},
     .samples = gru_samples(),
     .rejects = {{Error::shape, "gru_scan: the operands",
                  [] {
                    gru_scan(ones({3, 2, 6}), ones({6, 2}), ones({5}), ones({2, 2}));
                  }},
                 {Error::shape, "b [3 H]",
                  [] {
                    gru_scan(ones({3, 2, 8}), ones({8, 2}), ones({8}), ones({2, 2}));
                  }},
                 {Error::dtype, "gru_scan",
                  [] {
                    gru_scan(ones({3, 2, 6}), ones({6, 2}), ones({6}, f64), ones({2, 2}));
                  }}}},
    {.name = "rnn_tanh_scan",
     .domains = {{.low = -1.5, .high = 1.5, .above = -20, .below = 20}},
     .samples = rnn_samples(rnn_tanh_scan, tanh_of),
     .rejects = rnn_refuses("rnn_tanh_scan", rnn_tanh_scan)},
    {.name = "rnn_relu_scan",
     .domains = {{.low = -1, .high = 1, .above = -20, .below = 20}},
     .samples = rnn_samples(rnn_relu_scan, relu_of),
     .rejects = rnn_refuses("rnn_relu_scan", rnn_relu_scan)},
}};

}  // namespace
}  // namespace newtape::table
