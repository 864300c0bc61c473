// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

/// Recurrent layers, one direction over a whole sequence at once, and their first-order pullbacks. T steps, B members
/// of the batch, H hidden features; f32 and f64, all contiguous. `mask` [T, B] (boolean) may be undefined; where it is
/// false the state stays what it was, the gates are 0, and no gradient goes to them. Shapes are the caller's care.
namespace newtape::core {

struct ScanOver {
  bool reverse = false;  ///< from the last step to the first
  Array mask = {};
};

struct LstmSteps {
  Array h;      ///< [T, B, H]
  Array c;      ///< [T, B, H]
  Array gates;  ///< [T, B, 4 H]: i, f, g, o
};
struct LstmGrads {
  Array x, w, h0, c0;
};
/// x [T, B, 4 H], the inputs' parts of the gates' arguments (a temporary gives its memory to the gates), w [4 H, H],
/// h_first and c_first [B, H]. Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
LstmSteps lstm_scan(Array x, const Array& w, const Array& h_first, const Array& c_first, const ScanOver& over);
/// Cotangents of h and c, or undefined.
LstmGrads lstm_scan_grad(const Array& cotangent_h, const Array& cotangent_c, const LstmSteps& y, const Array& w,
                         const Array& h_first, const Array& c_first, const ScanOver& over);

struct GruSteps {
  Array h;      ///< [T, B, H]
  Array gates;  ///< [T, B, 3 H]: r, z, n
  Array q;      ///< [T, B, H]: h w^T + b for the last of these
};
struct GruGrads {
  Array x, w, b, h0;
};
/// x [T, B, 3 H], w [3 H, H], b [3 H], h_first [B, H]. Cho et al. 2014, with r applied after the product, as cuDNN has
/// it.
GruSteps gru_scan(Array x, const Array& w, const Array& b, const Array& h_first, const ScanOver& over);
GruGrads gru_scan_grad(const Array& cotangent, const GruSteps& y, const Array& w, const Array& h_first,
                       const ScanOver& over);

enum class Squash { tanh, relu };
struct RnnGrads {
  Array x, w, h0;
};
/// h = tanh or relu of x + h w^T: x [T, B, H], w [H, H], h_first [B, H] -> [T, B, H].
Array rnn_scan(Array x, const Array& w, const Array& h_first, Squash squash, const ScanOver& over);
RnnGrads rnn_scan_grad(const Array& cotangent, const Array& h, const Array& w, const Array& h_first, Squash squash,
                       const ScanOver& over);

}  // namespace newtape::core
