// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/core/version.hpp>
#include <newtape/onnx/export/graph_builder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace newtape::onnx::detail {
namespace {

using format::MessageWriter;

// Numbers of fields in onnx/onnx.proto.
namespace field {
constexpr std::uint32_t model_ir_version = 1, model_producer = 2, model_producer_version = 3, model_graph = 7,
                        model_opset = 8, opset_version = 2, graph_node = 1, graph_name = 2, graph_initializer = 5,
                        graph_input = 11, graph_output = 12, node_input = 1, node_output = 2, node_name = 3,
                        node_op = 4, node_attribute = 5, attribute_name = 1, attribute_f = 2, attribute_i = 3,
                        attribute_s = 4, attribute_ints = 8, attribute_strings = 9, attribute_type = 20,
                        tensor_dims = 1, tensor_type = 2, tensor_name = 8, tensor_raw = 9, value_name = 1,
                        value_type = 2, type_tensor = 1, tensor_type_element = 1, tensor_type_shape = 2, shape_dim = 1,
                        dim_value = 1, dim_name = 2;
}  // namespace field
// AttributeProto.AttributeType
enum : std::int64_t { type_float = 1, type_int = 2, type_string = 3, type_ints = 7, type_strings = 8 };
constexpr std::int64_t ir_version = 8, opset = 17;

MessageWriter written(const NodeAttribute& a) {
  MessageWriter w;
  w.text(field::attribute_name, a.name);
  if (const auto* i = std::get_if<std::int64_t>(&a.value)) {
    w.integer(field::attribute_i, *i);
    w.integer(field::attribute_type, type_int);
  } else if (const auto* f = std::get_if<float>(&a.value)) {
    w.real(field::attribute_f, *f);
    w.integer(field::attribute_type, type_float);
  } else if (const auto* s = std::get_if<std::string>(&a.value)) {
    w.text(field::attribute_s, *s);
    w.integer(field::attribute_type, type_string);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&a.value)) {
    for (const auto& t : *texts) w.text(field::attribute_strings, t);
    w.integer(field::attribute_type, type_strings);
  } else {
    for (const auto v : std::get<Dims>(a.value)) w.integer(field::attribute_ints, v);
    w.integer(field::attribute_type, type_ints);
  }
  return w;
}

/// All but the name.
MessageWriter written(const Array& value) {
  const Array x = core::contiguous(value);
  MessageWriter w;
  for (const auto d : x.shape()) w.integer(field::tensor_dims, d);
  w.integer(field::tensor_type, static_cast<std::int64_t>(element_of_dtype(x.dtype())));
  const auto bytes = static_cast<std::size_t>(x.size()) * item_size(x.dtype());
  w.text(field::tensor_raw, {static_cast<const char*>(x.raw()), bytes});
  return w;
}

MessageWriter value_info(const std::string& name, const Array& like, bool dynamic_batch) {
  MessageWriter shape;
  for (std::size_t i = 0; i < like.ndim(); ++i) {
    MessageWriter dim;
    if (i == 0 && dynamic_batch) {
      dim.text(field::dim_name, "batch");
    } else {
      dim.integer(field::dim_value, like.shape()[i]);
    }
    shape.message(field::shape_dim, dim);
  }
  MessageWriter tensor, type, info;
  tensor.integer(field::tensor_type_element, static_cast<std::int64_t>(element_of_dtype(like.dtype())));
  tensor.message(field::tensor_type_shape, shape);
  type.message(field::type_tensor, tensor);
  info.text(field::value_name, name);
  info.message(field::value_type, type);
  return info;
}

}  // namespace

std::string GraphBuilder::fresh(std::string_view prefix) {
  std::string name(prefix);
  for (int i = 1; !names_.insert(name).second; ++i) name = std::string(prefix) + "_" + std::to_string(i);
  return name;
}

void GraphBuilder::add(std::string_view op, const Names& inputs, const Names& outputs, const Attributes& attributes) {
  MessageWriter w;
  std::size_t given = inputs.size();
  while (given > 0 && inputs[given - 1].empty()) --given;
  for (std::size_t i = 0; i < given; ++i) w.text(field::node_input, inputs[i]);
  for (const auto& name : outputs) w.text(field::node_output, name);
  w.text(field::node_name, fresh(std::string(op) + "_node"));
  w.text(field::node_op, op);
  for (const auto& a : attributes) w.message(field::node_attribute, written(a));
  graph_.message(field::graph_node, w);
}

std::string GraphBuilder::node(std::string_view op, const Names& inputs, const Attributes& attributes) {
  std::string name = fresh(op);
  add(op, inputs, {name}, attributes);
  return name;
}

void GraphBuilder::initializer(const std::string& name, const Array& value) {
  MessageWriter w = written(value);
  w.text(field::tensor_name, name);
  graph_.message(field::graph_initializer, w);
}

std::string GraphBuilder::constant(const Array& value) {
  MessageWriter w = written(value);
  auto& name = constants_[w.bytes];
  if (name.empty()) {
    name = fresh("constant");
    w.text(field::tensor_name, name);
    graph_.message(field::graph_initializer, w);
  }
  return name;
}

std::string GraphBuilder::integers(const Dims& values) {
  Array x = Array::empty({static_cast<std::int64_t>(values.size())}, i64);
  std::copy(values.begin(), values.end(), x.data<std::int64_t>());
  return constant(x);
}
std::string GraphBuilder::integer(std::int64_t value) {
  return constant(core::full({}, static_cast<double>(value), i64));
}
std::string GraphBuilder::number(double value, DType dtype) { return constant(core::full({}, value, dtype)); }

void GraphBuilder::input(const std::string& name, const Array& like, bool dynamic_batch) {
  graph_.message(field::graph_input, value_info(name, like, dynamic_batch));
}
void GraphBuilder::output(const std::string& name, const Array& like, bool dynamic_batch) {
  graph_.message(field::graph_output, value_info(name, like, dynamic_batch));
}

std::string GraphBuilder::model(std::string_view graph_name) const {
  // Protocol Buffers know no message of 2 GB or more.
  if (graph_.bytes.size() >= (std::size_t{1} << 31) - 4096) {
    raise<ValueError>("onnx::save: the model is too large", "less than 2 GB",
                      std::to_string(graph_.bytes.size()) + " bytes");
  }
  MessageWriter graph = graph_;
  graph.text(field::graph_name, graph_name);
  MessageWriter version, model;
  version.integer(field::opset_version, opset);
  model.integer(field::model_ir_version, ir_version);
  model.text(field::model_producer, "newtape");
  model.text(field::model_producer_version,
             fmt::format("{}.{}.{}", NEWTAPE_VERSION_MAJOR, NEWTAPE_VERSION_MINOR, NEWTAPE_VERSION_PATCH));
  model.message(field::model_graph, graph);
  model.message(field::model_opset, version);
  return std::move(model.bytes);
}

}  // namespace newtape::onnx::detail
