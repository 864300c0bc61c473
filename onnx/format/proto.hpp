// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/format/wire.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

/// ONNX's messages (onnx/onnx.proto), without those that nothing here reads. Texts are views of the file's bytes.
namespace newtape::onnx::format {

struct TensorProto {
  std::uint64_t position = 0;  ///< in the file
  std::string_view name;
  std::vector<std::int64_t> dims;
  std::int64_t data_type = 0;
  bool has_raw = false, is_external = false;
  std::string_view raw;
  std::vector<float> floats;                                            ///< float_data
  std::vector<double> doubles;                                          ///< double_data
  std::vector<std::int64_t> integers;                                   ///< int32_data, int64_data or uint64_data
  std::vector<std::string_view> texts;                                  ///< string_data
  std::vector<std::pair<std::string_view, std::string_view>> external;  ///< external_data
};

struct SparseTensorProto {
  std::uint64_t position = 0;
  TensorProto values, indices;
  std::vector<std::int64_t> dims;
};

struct TypeProto {
  enum class Kind : std::uint8_t { none, tensor, sparse_tensor, sequence, optional, map, opaque };
  struct Dim {
    std::int64_t value = -1;  ///< -1: unknown
    std::string_view name;    ///< of an unknown one
  };

  Kind kind = Kind::none;
  bool has_shape = false;
  std::int64_t element = 0;            ///< of tensors
  std::vector<Dim> shape;              ///< of tensors
  std::unique_ptr<TypeProto> content;  ///< of sequences and optionals
};

struct ValueInfoProto {
  std::string_view name;
  TypeProto type;
};

struct GraphProto;

struct AttributeProto {
  /// As in the file.
  enum class Type : std::uint8_t {
    undefined,
    real,
    integer,
    text,
    tensor,
    graph,
    reals,
    integers,
    texts,
    tensors,
    graphs,
    sparse_tensor,
    sparse_tensors,
    type,
    types
  };

  std::string_view name, reference;  ///< ref_attr_name, within functions
  Type type = Type::undefined;
  std::uint64_t position = 0;
  float f = 0;
  std::int64_t i = 0;
  std::string_view s;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<TensorProto> tensors;  ///< of one tensor, too
  std::vector<SparseTensorProto> sparse_tensors;
  std::vector<std::shared_ptr<const GraphProto>> graphs;  ///< of one graph, too
};

struct NodeProto {
  std::uint64_t position = 0;
  std::string_view name, op_type, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<AttributeProto> attributes;
};

struct GraphProto {
  std::uint64_t position = 0;
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<SparseTensorProto> sparse_initializers;
  std::vector<ValueInfoProto> inputs, outputs;
};

struct OpsetImport {
  std::string_view domain;
  std::int64_t version = 0;
};

struct FunctionProto {
  std::uint64_t position = 0;
  std::string_view name, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<NodeProto> nodes;
  std::vector<OpsetImport> opsets;
  std::vector<AttributeProto> defaults;  ///< attribute_proto
};

struct ModelProto {
  std::int64_t ir_version = 0;
  std::string_view producer, producer_version;
  std::vector<OpsetImport> opsets;
  GraphProto graph;
  std::vector<FunctionProto> functions;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
};

/// A sequence or an optional on its own, as the files of conformance tests hold them (onnx/onnx-data.proto).
struct SequenceProto {
  enum class Kind : std::uint8_t { undefined, tensor, sparse_tensor, sequence, map, optional };
  Kind kind = Kind::undefined;
  std::vector<TensorProto> tensors;
  std::vector<SequenceProto> sequences;
};

/// IoError for bytes that are not such a message; memory is in proportion to the bytes.
ModelProto read_model(const Origin& origin, std::string_view bytes);
TensorProto read_tensor(const Origin& origin, std::string_view bytes);
SequenceProto read_sequence(const Origin& origin, std::string_view bytes);
SequenceProto read_optional(const Origin& origin, std::string_view bytes);

}  // namespace newtape::onnx::format
