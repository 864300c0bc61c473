// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

struct GraphToDotOptions {
  /// Names of variables and results, such as `model.named_parameters()`.
  std::vector<std::pair<std::string, Tensor>> names = {};
  /// Label operations with their source lines.
  bool locations = false;
  /// A larger graph is truncated to this number of nodes, with a note.
  std::size_t max_nodes = 1000;
};

/// The recorded graph of `y`, or of several results, in Graphviz's language: boxes for variables, ellipses for
/// operations with shape and dtype of the result, arrows from inputs to results. `dot -Tsvg` draws it. Constants are
/// left out. ValueError when `y` is a constant.
std::string graph_to_dot(const Tensor& y, const GraphToDotOptions& options = {});
std::string graph_to_dot(std::span<const Tensor> ys, const GraphToDotOptions& options = {});

}  // namespace newtape
