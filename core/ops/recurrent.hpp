// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Recurrent layers, one direction over a whole sequence, and their first-order pullbacks. T steps, batch size B, H
/// hidden features; f32 and f64, all contiguous. `mask` [T, B] (boolean) may be undefined; where it is false, the state
/// is unchanged, the pre-activations are 0, and their gradient is 0. Shapes are not checked.
namespace newtape::core {

struct ScanOver {
  bool reverse = false;  ///< from the last step to the first
  Array mask = {};
};

struct LSTMSteps {
  Array h;      ///< [T, B, H]
  Array c;      ///< [T, B, H]
  Array gates;  ///< [T, B, 4 H]: pre-activations of i, f, g, o
};
struct LSTMGrads {
  Array x, w, h0, c0;
};
/// x [T, B, 4 H]: input part of the pre-activations (the memory of a temporary is reused for the whole), w [4 H, H],
/// h_first and c_first [B, H]. Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
LSTMSteps lstm_scan(Array x, const Array& w, const Array& h_first, const Array& c_first, const ScanOver& over);
/// The cotangents of h and c may be undefined.
LSTMGrads lstm_scan_grad(const Array& cotangent_h, const Array& cotangent_c, const LSTMSteps& y, const Array& w,
                         const Array& h_first, const Array& c_first, const ScanOver& over);

struct GRUSteps {
  Array h;      ///< [T, B, H]
  Array gates;  ///< [T, B, 3 H]: pre-activations of r, z, n
  Array q;      ///< [T, B, H]: h w^T + b for gate n
};
struct GRUGrads {
  Array x, w, b, h0;
};
/// x [T, B, 3 H], w [3 H, H], b [3 H], h_first [B, H]. Cho et al. 2014, with r applied after the product, as in cuDNN.
GRUSteps gru_scan(Array x, const Array& w, const Array& b, const Array& h_first, const ScanOver& over);
GRUGrads gru_scan_grad(const Array& cotangent, const GRUSteps& y, const Array& w, const Array& h_first,
                       const ScanOver& over);

enum class Squash { tanh, relu };
struct RNNSteps {
  Array h;  ///< [T, B, H]
  Array a;  ///< [T, B, H]: pre-activations; undefined for relu
};
struct RNNGrads {
  Array x, w, h0;
};
/// h_t = tanh or relu of x_t + h_(t-1) w^T: x [T, B, H], w [H, H], h_first [B, H].
RNNSteps rnn_scan(Array x, const Array& w, const Array& h_first, Squash squash, const ScanOver& over);
RNNGrads rnn_scan_grad(const Array& cotangent, const RNNSteps& y, const Array& w, const Array& h_first, Squash squash,
                       const ScanOver& over);

}  // namespace newtape::core
