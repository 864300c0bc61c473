// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/graph.hpp>

#include <newtape/autograd/op.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

namespace newtape {
namespace {

using detail::Node;

/// Escaped for a quoted string of Graphviz.
std::string dot_quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// Numbers nodes in breadth-first order from the results.
class Drawing {
 public:
  explicit Drawing(const GraphToDotOptions& options) : options_(options) {
    for (const auto& [name, x] : options.names) {
      if (x.requires_grad()) names_.emplace(x.node().get(), name);
    }
  }

  std::string draw(std::span<const Tensor> ys) {
    for (const auto& y : ys) {
      if (!y.requires_grad()) {
        raise<ValueError>("graph_to_dot: the tensor must depend on a variable", "a recorded result or a variable",
                          "a constant");
      }
      number_of(y.node().get());
    }
    for (const auto& y : ys) results_.push_back(y.node().get());
    fmt::format_to(std::back_inserter(out_),
                   "digraph {{\n  node [fontname=\"Helvetica\", fontsize=10]\n  edge [arrowsize=0.7]\n");
    // describe() appends to found_.
    for (std::size_t i = 0; i < found_.size(); ++i) describe(i, *found_[i]);
    if (left_out_ > 0) {
      fmt::format_to(std::back_inserter(out_), "  more [shape=plaintext, label=\"{} arrows lead to nodes left out\"]\n",
                     left_out_);
    }
    return out_ + "}\n";
  }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};

  std::size_t number_of(const Node* node) {
    const auto at = numbers_.find(node);
    if (at != numbers_.end()) return at->second;
    if (found_.size() >= options_.max_nodes) {
      ++left_out_;
      return nowhere;
    }
    numbers_.emplace(node, found_.size());
    found_.push_back(node);
    return found_.size() - 1;
  }

  void describe(std::size_t number, const Node& node) {
    const auto to = std::back_inserter(out_);
    const bool leaf = node.op == nullptr;
    const auto given = names_.find(&node);
    std::string label = leaf ? "variable" : node.op->name();
    if (node.output_index >= 0) {
      label += fmt::format(", result {}", node.output_index);
      multi_output_.insert(node.edges[0].get());
    }
    if (given != names_.end()) label = leaf ? given->second : given->second + " = " + label;
    std::string text = dot_quoted(label);
    if (multi_output_.count(&node) == 0)
      text += fmt::format("\\n{} {}", newtape::name(node.dtype), to_string(node.shape));
    if (options_.locations && !leaf) text += "\\n" + dot_quoted(to_string(node.location));
    const bool result = std::find(results_.begin(), results_.end(), &node) != results_.end();
    fmt::format_to(to, "  n{} [label=\"{}\"{}{}]\n", number, text,
                   leaf ? ", shape=box, style=filled, fillcolor=\"#dbe9f6\"" : "", result ? ", penwidth=2" : "");
    for (const auto& edge : node.edges) {
      if (!edge) continue;
      const auto from = number_of(edge.get());
      if (from != nowhere) fmt::format_to(to, "  n{} -> n{}\n", from, number);
    }
  }

  const GraphToDotOptions& options_;
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, std::size_t> numbers_;
  std::vector<const Node*> found_;
  std::vector<const Node*> results_;
  std::unordered_set<const Node*> multi_output_;  ///< operations whose shapes are shown at their result nodes
  std::size_t left_out_ = 0;
  std::string out_;
};

}  // namespace

std::string graph_to_dot(std::span<const Tensor> ys, const GraphToDotOptions& options) {
  return Drawing(options).draw(ys);
}
std::string graph_to_dot(const Tensor& y, const GraphToDotOptions& options) { return graph_to_dot({&y, 1}, options); }

}  // namespace newtape
