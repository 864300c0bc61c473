// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/nn/module/module.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace newtape::inspect {

/// What a loss's graph says about a model: which operations make the loss of its output, and which parameters it
/// reaches through which operations. A copy without values: it keeps no graph alive.
struct GraphView {
  bool known = false;
  std::string head;                             ///< the operation that computed the model's output: "softmax"
  std::string head_location;                    ///< its line
  std::unordered_set<std::string> loss_ops;     ///< between the output and the loss
  std::unordered_set<std::int64_t> loss_sizes;  ///< elements of their results
  std::string loss_location;                    ///< the line of the last of them
  std::unordered_set<std::string> ops;          ///< all
  std::vector<std::string> unreached;           ///< trainable parameters that the loss does not depend on
  std::unordered_map<std::string, std::unordered_set<std::string>> consumers;  ///< operations that take a parameter
  /// Parameters that are added to all examples alike just before a batch normalisation subtracts their mean.
  std::vector<std::string> normalised_biases;
  std::vector<std::string> unregistered;  ///< variables that are no parameters: "an operand of linear at net.cpp:12"
  std::vector<std::string> penalised;     ///< parameters that the loss depends on other than through the output
  /// Parameters whose products no path from the data to the loss goes around.
  std::unordered_set<std::string> bottlenecks;
  std::unordered_map<std::string, int> distances;  ///< operations from a parameter to the loss, at least
  bool output_reached = false;                     ///< the loss depends on the output

  bool loss_has(const char* op) const { return loss_ops.count(op) > 0; }
  /// Whether the parameter multiplies activations (linear, matmul, conv, recurrent scans), for which fan-in counts.
  bool multiplies(const std::string& parameter) const;
};

/// `held`: parameters that an optimizer trains, of the model or not.
GraphView view_graph(const nn::ModuleBase& model, const Tensor& output, const Tensor& loss,
                     const std::vector<Parameter>& held = {});

}  // namespace newtape::inspect
