// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/onnx/export/graph_builder.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace newtape::onnx::detail {

/// A length in an argument that is that of the batch, or that follows it otherwise.
inline constexpr std::int64_t batch_length = -1, follows_batch = -2;

/// A call that is written as nodes: its operands and results with their names in the graph.
class ExportCall {
 public:
  using Names = GraphBuilder::Names;
  using Attributes = GraphBuilder::Attributes;

  /// `batch` is the name of the batch's length in the graph, [1], where lengths follow the batch.
  ExportCall(GraphBuilder& graph, const OpCall& call, Names inputs, Names outputs, std::string batch)
      : g(graph), call_(call), in(std::move(inputs)), out(std::move(outputs)), batch_(std::move(batch)) {}

  bool has(std::size_t i) const { return i < in.size() && !in[i].empty(); }
  const Tensor& tensor(std::size_t i) const { return call_.operands[i]; }
  const Shape& shape(std::size_t i = 0) const { return tensor(i).shape(); }
  const Tensor& result(std::size_t i = 0) const { return call_.results[i]; }
  DType dtype() const { return tensor(0).dtype(); }
  std::int64_t ndim(std::size_t i = 0) const { return static_cast<std::int64_t>(tensor(i).ndim()); }

  // Arguments; an unknown name is a bug.
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  Dims dims(std::string_view name) const;
  std::vector<double> reals(std::string_view name) const;
  const std::string& text(std::string_view name) const;

  /// Adds the node whose results are those of the call.
  void emit(std::string_view op, const Names& inputs, const Attributes& attributes = {}) {
    g.add(op, inputs, out, attributes);
  }
  /// Of the operands of the call.
  void emit_same(std::string_view op, const Attributes& attributes = {}) { emit(op, in, attributes); }
  /// A number of the dtype of the first operand.
  std::string number(double value) const { return g.number(value, dtype()); }
  /// [n] lengths, of which batch_length is that of the batch.
  std::string lengths(const Dims& shape) const;
  std::string reshaped(const std::string& x, const Dims& shape) const {
    return g.node("Reshape", {x, g.integers(shape)});
  }

  /// ValueError: what ONNX cannot say.
  [[noreturn]] void refuse(std::string_view what) const;

  GraphBuilder& g;

 private:
  const OpAttribute::Value& find(std::string_view name) const;
  const OpCall& call_;

 public:
  Names in, out;

 private:
  std::string batch_;
};

/// How an operation of Newtape is written in ONNX: one row for each.
struct ExportRow {
  std::string_view op;
  void (*write)(ExportCall& call);  ///< null: one node of the operator `same`, with the same operands
  std::string_view same = {};
};
using ExportRows = std::span<const ExportRow>;
ExportRows elementwise_export_rows();
ExportRows reduce_export_rows();
ExportRows shape_export_rows();
ExportRows index_export_rows();
ExportRows layer_export_rows();
ExportRows transform_export_rows();

const ExportRow* find_export_row(std::string_view op);
std::vector<std::string_view> exported_ops();

}  // namespace newtape::onnx::detail
