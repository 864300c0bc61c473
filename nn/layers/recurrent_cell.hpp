// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/init.hpp>
#include <newtape/nn/module/module.hpp>

/// Single steps of recurrent layers, for sequences whose next input depends on the last output; whole sequences are
/// faster with RNN, LSTM, GRU. Parameters weight_ih, weight_hh, bias_ih, bias_hh are initially uniform in
/// +-1/sqrt(hidden_size). ValueError for sizes below 1, ShapeError for mismatched operands.
namespace newtape::nn {

/// Options of RNNCell, LSTMCell and GRUCell.
struct RecurrentCellOptions {
  bool bias = true;
  init::Nonlinearity nonlinearity = init::Nonlinearity::tanh;  ///< RNNCell only: tanh or relu
  DType dtype = f32;
};

namespace detail {
struct CellWeights {
  Parameter weight_ih, weight_hh, bias_ih, bias_hh;
};
/// ValueError naming `name` for invalid sizes or options.
CellWeights make_cell(const char* name, std::int64_t gates, std::int64_t input_size, std::int64_t hidden_size,
                      const RecurrentCellOptions& options);
}  // namespace detail

/// h' = tanh or relu of (weight_ih x + bias_ih + weight_hh h + bias_hh).
struct RNNCell : Module<RNNCell> {
  RNNCell(std::int64_t input_size, std::int64_t hidden_size, const RecurrentCellOptions& options = {});
  /// x [B, input] or [input], h [B, H] or [H], zeros if undefined -> the next h.
  Tensor forward(In x, const Tensor& h = {}) const;

  std::int64_t input_size;
  std::int64_t hidden_size;
  init::Nonlinearity nonlinearity;
  Parameter weight_ih, weight_hh;
  Parameter bias_ih, bias_hh;  ///< undefined without bias
};

/// State and cell of an LSTMCell, [B, H] or [H].
struct LSTMState {
  Tensor h, c;
  Tensor& first_tensor() { return h; }
};

/// One step of lstm_scan.
struct LSTMCell : Module<LSTMCell> {
  LSTMCell(std::int64_t input_size, std::int64_t hidden_size, const RecurrentCellOptions& options = {});
  using Module<LSTMCell>::operator();
  LSTMState operator()(In x, const LSTMState& state) const { return Module<LSTMCell>::operator()(std::move(x), state); }
  /// x [B, input] or [input], h and c [B, H] or [H], zeros if undefined -> the next h and c.
  LSTMState forward(In x, const LSTMState& state = {}) const;

  std::int64_t input_size;
  std::int64_t hidden_size;
  Parameter weight_ih, weight_hh;
  Parameter bias_ih, bias_hh;  ///< undefined without bias
};

/// One step of gru_scan.
struct GRUCell : Module<GRUCell> {
  GRUCell(std::int64_t input_size, std::int64_t hidden_size, const RecurrentCellOptions& options = {});
  /// x [B, input] or [input], h [B, H] or [H], zeros if undefined -> the next h.
  Tensor forward(In x, const Tensor& h = {}) const;

  std::int64_t input_size;
  std::int64_t hidden_size;
  Parameter weight_ih, weight_hh;
  Parameter bias_ih, bias_hh;  ///< undefined without bias
};

}  // namespace newtape::nn
