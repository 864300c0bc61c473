// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

/// Recurrent layers, one direction over a whole sequence of T steps as one operation, for a batch of B and H hidden
/// features. The inputs' part of the arguments, x, comes from one product over all steps: linear(inputs, w_ih, b_ih).
/// ShapeError, DTypeError for operands that do not fit. nn::LSTM and its like are made of these.
namespace newtape {

struct RecurrentScanOptions {
  bool reverse = false;  ///< from the last step to the first
  /// [T, B], boolean: where it is false the state stays what it was, and the gates are 0.
  Tensor mask = {};
};

struct LstmScan {
  Tensor h;      ///< the state after each step [T, B, H]
  Tensor c;      ///< the cell [T, B, H]
  Tensor gates;  ///< i, f, g, o [T, B, 4 H]
};
/// a = x + h w^T, i, f, o = sigmoid(a), g = tanh(a), c = f c + i g, h = o tanh(c): x [T, B, 4 H], w [4 H, H], h0 and c0
/// [B, H].
LstmScan lstm_scan(In x, In w, In h0, In c0, const RecurrentScanOptions& options = {});

struct GruScan {
  Tensor h;      ///< the state after each step [T, B, H]
  Tensor gates;  ///< r, z, n [T, B, 3 H]
  Tensor q;      ///< what r multiplies [T, B, H]
};
/// With u = h w^T + b: r, z = sigmoid(x + u), n = tanh(x + r q) with q the last third of u, h = (1 - z) n + z h:
/// x [T, B, 3 H], w [3 H, H], b [3 H], h0 [B, H].
GruScan gru_scan(In x, In w, In b, In h0, const RecurrentScanOptions& options = {});

/// h = tanh(x + h w^T): x [T, B, H], w [H, H], h0 [B, H] -> the state after each step [T, B, H].
Tensor rnn_tanh_scan(In x, In w, In h0, const RecurrentScanOptions& options = {});
/// h = relu(x + h w^T)
Tensor rnn_relu_scan(In x, In w, In h0, const RecurrentScanOptions& options = {});

}  // namespace newtape
