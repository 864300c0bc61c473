// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

struct GraphOptions {
  /// What to call variables (and results): `model.named_parameters()` will do.
  std::vector<std::pair<std::string, Tensor>> names = {};
  /// Source lines beside the operations.
  bool places = false;
  /// A graph of more nodes is cut there, and says so.
  std::size_t max_nodes = 1000;
};

/// The recorded graph that leads to `y`, or to several results, in Graphviz's language: a box for each variable, an
/// ellipse for each operation with what it made (shape and dtype), arrows the way the values went. `dot -Tsvg` draws
/// it. Constants are not part of the graph. ValueError for a constant.
std::string graph_to_dot(const Tensor& y, const GraphOptions& options = {});
std::string graph_to_dot(std::span<const Tensor> ys, const GraphOptions& options = {});

}  // namespace newtape
