// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>
#include <newtape/onnx/element_type.hpp>
#include <newtape/onnx/export/message_writer.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace newtape::onnx::detail {

/// An attribute of a node.
struct NodeAttribute {
  std::string_view name;
  std::variant<std::int64_t, float, std::string, Dims, std::vector<std::string>> value;
};

/// Writes a graph: nodes in the order in which they are added, and the constants that they use.
class GraphBuilder {
 public:
  using Names = std::vector<std::string>;
  using Attributes = std::vector<NodeAttribute>;

  /// Adds a node with results of these names. An empty input is left out.
  void add(std::string_view op, const Names& inputs, const Names& outputs, const Attributes& attributes = {});
  /// Adds a node with one result, and returns its name.
  std::string node(std::string_view op, const Names& inputs, const Attributes& attributes = {});
  /// A name that nothing has yet.
  std::string fresh(std::string_view prefix);

  void initializer(const std::string& name, const Array& value);
  /// The name of a constant; equal ones are stored once.
  std::string constant(const Array& value);
  std::string integers(const Dims& values);  ///< [n]
  std::string integer(std::int64_t value);   ///< []
  std::string number(double value, DType dtype);

  void input(const std::string& name, const Array& like, bool dynamic_batch);
  void output(const std::string& name, const Array& like, bool dynamic_batch);

  /// The file of a model with this graph.
  std::string model(std::string_view graph_name) const;

 private:
  format::MessageWriter graph_;
  std::map<std::string, std::string> constants_;  ///< bytes of the tensor -> name
  std::set<std::string, std::less<>> names_;
};

}  // namespace newtape::onnx::detail
