// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/layers/recurrent.hpp>

namespace newtape::inspect {

/// How the last state of a recurrent layer depends on earlier ones, for each sequence of a batch.
struct RecurrentJacobians {
  /// [T, B, H], descending: the singular values of d h_T / d h_t, for the hidden states of all layers, [num_layers H]
  /// numbers, before step t + 1 (row 0: of the initial states).
  Array singular_values;
  /// [T, B]: the largest singular value of one step's Jacobian, of the whole state (with the cell states of an LSTM).
  Array step_norms;
  /// [B]: log |d s_T / d s_0| / T in the spectral norm of the whole state s: the finite-time Lyapunov exponent.
  /// Gradients vanish where it is below 0, and explode above.
  Array exponents;
};

/// Computed in f64, by the product of the Jacobians of single steps at the states that the layer passes through from
/// zero states; small singular values have an error of T eps times the largest of their matrix. `x` as the layer takes
/// it: [T, B, input], with batch_first [B, T, input]. The layer runs in evaluation mode, without dropout. ValueError
/// for a bidirectional layer, ShapeError for an input without batch or steps.
RecurrentJacobians recurrent_jacobians(const nn::RNN& layer, const Tensor& x);
RecurrentJacobians recurrent_jacobians(const nn::LSTM& layer, const Tensor& x);
RecurrentJacobians recurrent_jacobians(const nn::GRU& layer, const Tensor& x);

}  // namespace newtape::inspect
