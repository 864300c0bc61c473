// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Recurrent layers, one direction over a sequence of T steps as one operation, for batch size B and H hidden features.
/// x is the input projection of all steps: linear(inputs, w_ih, b_ih). ShapeError, DTypeError for mismatched operands.
/// Used by nn::LSTM, nn::GRU and nn::RNN.
namespace newtape {

/// Options of lstm_scan, gru_scan, rnn_tanh_scan and rnn_relu_scan.
struct RecurrentScanOptions {
  bool reverse = false;  ///< from the last step to the first
  /// [T, B], boolean: where it is false the state is unchanged, and the gates' pre-activations are 0.
  Tensor mask = {};
};

/// The result of lstm_scan.
struct LSTMScan {
  Tensor h;      ///< the state after each step [T, B, H]
  Tensor c;      ///< the cell [T, B, H]
  Tensor gates;  ///< pre-activations a of i, f, g, o [T, B, 4 H]
};
/// a = x + h w^T, i, f, o = sigmoid(a), g = tanh(a), c = f c + i g, h = o tanh(c): x [T, B, 4 H], w [4 H, H], h0 and c0
/// [B, H].
LSTMScan lstm_scan(In x, In w, In h0, In c0, const RecurrentScanOptions& options = {});

/// The result of gru_scan.
struct GRUScan {
  Tensor h;      ///< the state after each step [T, B, H]
  Tensor gates;  ///< pre-activations of r, z, n [T, B, 3 H]
  Tensor q;      ///< hidden part of the candidate, multiplied by r [T, B, H]
};
/// With u = h w^T + b: r, z = sigmoid(x + u), n = tanh(x + r q) with q the last third of u, h = (1 - z) n + z h:
/// x [T, B, 3 H], w [3 H, H], b [3 H], h0 [B, H].
GRUScan gru_scan(In x, In w, In b, In h0, const RecurrentScanOptions& options = {});

/// h = tanh(x + h w^T): x [T, B, H], w [H, H], h0 [B, H] -> the state after each step [T, B, H].
Tensor rnn_tanh_scan(In x, In w, In h0, const RecurrentScanOptions& options = {});
/// h = relu(x + h w^T)
Tensor rnn_relu_scan(In x, In w, In h0, const RecurrentScanOptions& options = {});

}  // namespace newtape
