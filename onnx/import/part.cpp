// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/import/usage.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace newtape::onnx::detail {
namespace {

using format::GraphProto;
using format::NodeProto;

using Names = std::unordered_set<std::string_view>;

/// Adds the names that a node refers to, its graphs' own included.
void add_used_names(Names& used, const NodeProto& node) {
  used.insert(node.inputs.begin(), node.inputs.end());
  for (const auto& a : node.attributes) {
    for (const auto& g : a.graphs) {
      for (const auto& inner : g->nodes) add_used_names(used, inner);
      for (const auto& output : g->outputs) used.insert(output.name);
    }
  }
}

}  // namespace

void keep_part(GraphProto& graph, const std::vector<std::string>& outputs, const format::Origin& origin) {
  std::vector<format::ValueInfoProto> wanted;
  Names used;
  for (const auto& name : outputs) {
    std::string_view found;
    for (const auto& node : graph.nodes) {
      for (const auto made : node.outputs) found = made == name ? made : found;
    }
    for (const auto& output : graph.outputs) {
      if (output.name == name) found = output.name;
    }
    if (name.empty() || found.empty()) {
      raise<ValueError>(fmt::format("{}: no node of the graph gives the value asked for", origin.who),
                        "the name of an output of a node, of Model::values()", fmt::format("'{}'", name));
    }
    auto& port = wanted.emplace_back();
    port.name = found;
    port.type.kind = format::TypeProto::Kind::tensor;
    for (auto& output : graph.outputs) {
      if (output.name == name && output.type.kind != format::TypeProto::Kind::none) port.type = std::move(output.type);
    }
    used.insert(found);
  }

  std::vector<NodeProto> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {  // each after what it depends on
    if (std::none_of(node->outputs.begin(), node->outputs.end(), [&](auto name) { return used.count(name) != 0; })) {
      continue;
    }
    add_used_names(used, *node);
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  graph.outputs = std::move(wanted);
  std::erase_if(graph.inputs, [&](const auto& input) { return used.count(input.name) == 0; });
  std::erase_if(graph.initializers, [&](const auto& t) { return used.count(t.name) == 0; });
  std::erase_if(graph.sparse_initializers, [&](const auto& t) { return used.count(t.values.name) == 0; });
}

}  // namespace newtape::onnx::detail
