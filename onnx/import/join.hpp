// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/fuse/recorder.hpp>
#include <newtape/onnx/import/plan.hpp>

#include <string_view>
#include <vector>

/// Evaluation without gradients in fewer steps: what depends on weights only is computed once, and neighbours are joined.
namespace newtape::onnx::detail {

/// Fills the joined steps of all graphs of the plan, and its preparations:
/// - nodes that depend on weights, statistics and constants only become prepared values;
/// - BatchNormalization, and products and sums with a number for each channel, become part of the convolution before them;
/// - a product of matrices and a bias become one linear layer;
/// - normalisation and hard swish that are written as several nodes become one;
/// - chains of elementwise operators become one pass over memory.
/// Weights and statistics have their initial values still.
void join_nodes(Plan& plan);

/// The program of a group of elementwise operators for one shape and dtypes of its inputs.
struct FusedGroup {
  std::vector<core::Value> program;
  std::vector<DType> dtypes;
  Shape shape;
  int result = -1;
};

/// What a joined step does: rows that no file can name.
enum class Joined : std::uint8_t {
  batch_norm,  ///< w, b, scale, shift, mean, var -> w, b of a convolution with the normalisation after it
  multiply,    ///< w, b, c -> w, b of the convolution whose channels are multiplied by c
  divide,      ///< the same, divided by c
  add,         ///< the same with c added
  subtract,    ///< the same with c subtracted
  linear,      ///< x, w [k, m], b [m]
  layer_norm,  ///< x, scale, shift over the last axis
  square,
  group,  ///< the members in one pass
};
const Row& joined_row(Joined kind);

}  // namespace newtape::onnx::detail
