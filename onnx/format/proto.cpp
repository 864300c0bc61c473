// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/proto.hpp>

#include <fmt/format.h>

namespace newtape::onnx::format {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

Pair read_pair(Message m) {
  Pair pair;
  for (Field f; m.next(f);) {
    if (f.number == 1) pair.first = f.text();
    if (f.number == 2) pair.second = f.text();
  }
  return pair;
}

TensorProto read_tensor_fields(Message m) {
  TensorProto t;
  t.position = m.position();
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: f.append(t.dims); break;
      case 2: t.data_type = f.integer(); break;
      case 3: m.fail(m.bytes().data(), "a tensor in segments", "a tensor as a whole"); break;
      case 4: f.append(t.floats); break;
      case 5:
      case 7:
      case 11: f.append(t.integers); break;
      case 6: t.texts.push_back(f.text()); break;
      case 8: t.name = f.text(); break;
      case 9:
        t.raw = f.text();
        t.has_raw = true;
        break;
      case 10: f.append(t.doubles); break;
      case 13: t.external.push_back(read_pair(f.message("StringStringEntryProto"))); break;
      case 14: t.is_external = f.integer() == 1; break;
      default: break;
    }
  }
  return t;
}

SparseTensorProto read_sparse(Message m) {
  SparseTensorProto t;
  t.position = m.position();
  for (Field f; m.next(f);) {
    if (f.number == 1) t.values = read_tensor_fields(f.message("TensorProto"));
    if (f.number == 2) t.indices = read_tensor_fields(f.message("TensorProto"));
    if (f.number == 3) f.append(t.dims);
  }
  return t;
}

TypeProto::Dim read_dim(Message m) {
  TypeProto::Dim dim;
  for (Field f; m.next(f);) {
    if (f.number == 1) dim.value = f.integer();
    if (f.number == 2) dim.name = f.text();
  }
  return dim;
}

TypeProto read_type(Message m);

/// TypeProto.Tensor, SparseTensor, Sequence or Optional.
void read_content(Message m, TypeProto& type) {
  const bool tensor = type.kind == TypeProto::Kind::tensor || type.kind == TypeProto::Kind::sparse_tensor;
  for (Field f; m.next(f);) {
    if (f.number == 1 && tensor) type.element = f.integer();
    if (f.number == 1 && !tensor) type.content = std::make_unique<TypeProto>(read_type(f.message("TypeProto")));
    if (f.number == 2 && tensor) {
      type.has_shape = true;
      Message shape = f.message("TensorShapeProto");
      for (Field dim; shape.next(dim);) {
        if (dim.number == 1) type.shape.push_back(read_dim(dim.message("TensorShapeProto.Dimension")));
      }
    }
  }
}

TypeProto read_type(Message m) {
  using Kind = TypeProto::Kind;
  TypeProto type;
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: type.kind = Kind::tensor; break;
      case 4: type.kind = Kind::sequence; break;
      case 5: type.kind = Kind::map; continue;
      case 7: type.kind = Kind::opaque; continue;
      case 8: type.kind = Kind::sparse_tensor; break;
      case 9: type.kind = Kind::optional; break;
      default: continue;
    }
    read_content(f.message("TypeProto"), type);
  }
  return type;
}

ValueInfoProto read_value_info(Message m) {
  ValueInfoProto info;
  for (Field f; m.next(f);) {
    if (f.number == 1) info.name = f.text();
    if (f.number == 2) info.type = read_type(f.message("TypeProto"));
  }
  return info;
}

GraphProto read_graph(Message m);

/// The type of attributes of files older than IR version 2, which do not say it.
AttributeProto::Type type_of_field(std::uint32_t number) {
  using Type = AttributeProto::Type;
  switch (number) {
    case 2: return Type::real;
    case 3: return Type::integer;
    case 4: return Type::text;
    case 5: return Type::tensor;
    case 6: return Type::graph;
    case 7: return Type::reals;
    case 8: return Type::integers;
    case 9: return Type::texts;
    case 10: return Type::tensors;
    case 11: return Type::graphs;
    case 22: return Type::sparse_tensor;
    case 23: return Type::sparse_tensors;
    default: return Type::undefined;
  }
}

AttributeProto read_attribute(Message m) {
  AttributeProto a;
  a.position = m.position();
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: a.name = f.text(); break;
      case 2: a.f = f.real(); break;
      case 3: a.i = f.integer(); break;
      case 4: a.s = f.text(); break;
      case 5:
      case 10: a.tensors.push_back(read_tensor_fields(f.message("TensorProto"))); break;
      case 6:
      case 11: a.graphs.push_back(std::make_shared<const GraphProto>(read_graph(f.message("GraphProto")))); break;
      case 7: f.append(a.floats); break;
      case 8: f.append(a.ints); break;
      case 9: a.strings.push_back(f.text()); break;
      case 20: {
        const auto type = f.integer();
        if (type < 0 || type > 14) {
          m.fail(m.bytes().data(), "an attribute has an unknown type", "0 to 14", std::to_string(type));
        }
        a.type = static_cast<AttributeProto::Type>(type);
        break;
      }
      case 21: a.reference = f.text(); break;
      case 22:
      case 23: a.sparse_tensors.push_back(read_sparse(f.message("SparseTensorProto"))); break;
      default: break;
    }
    if (a.type == AttributeProto::Type::undefined) a.type = type_of_field(f.number);
  }
  return a;
}

NodeProto read_node(Message m) {
  NodeProto n;
  n.position = m.position();
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: n.inputs.push_back(f.text()); break;
      case 2: n.outputs.push_back(f.text()); break;
      case 3: n.name = f.text(); break;
      case 4: n.op_type = f.text(); break;
      case 5: n.attributes.push_back(read_attribute(f.message("AttributeProto"))); break;
      case 7: n.domain = f.text(); break;
      default: break;
    }
  }
  return n;
}

GraphProto read_graph(Message m) {
  GraphProto g;
  g.position = m.position();
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: g.nodes.push_back(read_node(f.message("NodeProto"))); break;
      case 2: g.name = f.text(); break;
      case 5: g.initializers.push_back(read_tensor_fields(f.message("TensorProto"))); break;
      case 11: g.inputs.push_back(read_value_info(f.message("ValueInfoProto"))); break;
      case 12: g.outputs.push_back(read_value_info(f.message("ValueInfoProto"))); break;
      case 15: g.sparse_initializers.push_back(read_sparse(f.message("SparseTensorProto"))); break;
      default: break;
    }
  }
  return g;
}

OpsetImport read_opset(Message m) {
  OpsetImport opset;
  for (Field f; m.next(f);) {
    if (f.number == 1) opset.domain = f.text();
    if (f.number == 2) opset.version = f.integer();
  }
  return opset;
}

FunctionProto read_function(Message m) {
  FunctionProto function;
  function.position = m.position();
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: function.name = f.text(); break;
      case 4: function.inputs.push_back(f.text()); break;
      case 5: function.outputs.push_back(f.text()); break;
      case 7: function.nodes.push_back(read_node(f.message("NodeProto"))); break;
      case 9: function.opsets.push_back(read_opset(f.message("OperatorSetIdProto"))); break;
      case 10: function.domain = f.text(); break;
      case 11: function.defaults.push_back(read_attribute(f.message("AttributeProto"))); break;
      default: break;
    }
  }
  return function;
}

SequenceProto read_list(Message m) {
  SequenceProto sequence;
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 2: {
        const auto kind = f.integer();
        if (kind < 0 || kind > 5) {
          m.fail(m.bytes().data(), "elements of an unknown type", "0 to 5", std::to_string(kind));
        }
        sequence.kind = static_cast<SequenceProto::Kind>(kind);
        break;
      }
      case 3: sequence.tensors.push_back(read_tensor_fields(f.message("TensorProto"))); break;
      case 5:
      case 7: sequence.sequences.push_back(read_list(f.message("SequenceProto"))); break;
      default: break;
    }
  }
  return sequence;
}

}  // namespace

ModelProto read_model(const Origin& origin, std::string_view bytes) {
  Message m(origin, bytes, "ModelProto");
  ModelProto model;
  bool has_graph = false;
  for (Field f; m.next(f);) {
    switch (f.number) {
      case 1: model.ir_version = f.integer(); break;
      case 2: model.producer = f.text(); break;
      case 3: model.producer_version = f.text(); break;
      case 7:
        model.graph = read_graph(f.message("GraphProto"));
        has_graph = true;
        break;
      case 8: model.opsets.push_back(read_opset(f.message("OperatorSetIdProto"))); break;
      case 14: model.metadata.push_back(read_pair(f.message("StringStringEntryProto"))); break;
      case 25: model.functions.push_back(read_function(f.message("FunctionProto"))); break;
      default: break;
    }
  }
  if (!has_graph) m.fail(bytes.data(), "there is no graph", "an ONNX model", fmt::format("{} bytes", bytes.size()));
  return model;
}

TensorProto read_tensor(const Origin& origin, std::string_view bytes) {
  return read_tensor_fields(Message(origin, bytes, "TensorProto"));
}
SequenceProto read_sequence(const Origin& origin, std::string_view bytes) {
  return read_list(Message(origin, bytes, "SequenceProto"));
}

SequenceProto read_optional(const Origin& origin, std::string_view bytes) {
  // OptionalProto: name 1, elem_type 2, tensor 3, sparse tensor 4, sequence 5, map 6, optional 7. A sequence's fields 3, 4
  // and 5 are repeated; the content is at most one element of the result.
  return read_list(Message(origin, bytes, "OptionalProto"));
}

}  // namespace newtape::onnx::format
